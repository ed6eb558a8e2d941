// One outbound WebSocket message. Everybody who is sent the same is given the same object, so that whatever a transport
// makes of it is made once.
import { Buffer } from "node:buffer";

/** The text of one message. */
export class Frame {
  readonly text: string;
  /** Size of the text in UTF-8. */
  readonly byteLength: number;

  constructor(text: string) {
    this.text = text;
    this.byteLength = Buffer.byteLength(text);
  }
}

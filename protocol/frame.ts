// Holds one outbound WebSocket message. All receivers of the same message share one object, so that a transport can cache its
// own encoding of it.
import { Buffer } from "node:buffer";

/** Text of one message. */
export class Frame {
  readonly text: string;
  /** Size of the text in UTF-8. */
  readonly byteLength: number;

  constructor(text: string) {
    this.text = text;
    this.byteLength = Buffer.byteLength(text);
  }
}

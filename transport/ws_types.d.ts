// Declares the part of the `ws` library that the transport uses. The published types bring all types of Node with
// them: three packages that every start of the program would download (docs/decisions/0025).
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export interface WebSocketServerOptions {
  readonly noServer: true;
  readonly clientTracking: boolean;
  readonly perMessageDeflate: boolean;
  /** Maximum bytes of a message. */
  readonly maxPayload: number;
  /** Milliseconds that the library waits for the peer's close frame. */
  readonly closeTimeout: number;
  /** Returns the subprotocol of an upgrade. */
  readonly handleProtocols: () => string | false;
}

export class WebSocketServer {
  constructor(options: WebSocketServerOptions);
  /** Answers an upgrade. Does not call `onOpen` if the peer has gone. @throws when the request is no valid upgrade */
  handleUpgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    onOpen: (webSocket: WebSocket) => void,
  ): void;
}

export interface WebSocket {
  readonly readyState: number;
  close(code: number, reason: string): void;
  ping(): void;
  terminate(): void;
  on(event: "close" | "error" | "pong", listener: () => void): this;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
}

// A client of the load: a WebSocket over plain TCP. It reads as cheaply as possible, because many clients share one
// process, and that process shares the machine with the server that it measures.
import { Buffer } from "node:buffer";
import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import { within } from "../../tests/support/deadline.ts";
import { encodeFrame, OPCODE, upgradeRequest } from "../../tests/support/raw_socket.ts";
import type { LineSink } from "./check.ts";
import { type Answer, type Dialect, type DialectName, DIALECTS, type Who } from "./dialects.ts";
import { LineFinder, type Text } from "./finder.ts";
import { FrameReader } from "./frames.ts";

/** Address of the server, and its protocol. */
export interface Target {
  readonly port: number;
  readonly host?: string;
  readonly dialect: DialectName;
  /** Path to connect to, if it differs from the dialect's. */
  readonly path?: string;
}

export interface ClientOptions extends Who {
  readonly target: Target;
  /** Receiver of its lines. */
  readonly lines: LineSink;
  /** Called before and after the lines of one read are passed on. */
  readonly beforeChunk?: () => void;
  readonly afterChunk?: () => void;
  /** Called when the client has joined, with the text that said so, before any later text. */
  readonly onReady?: (welcome: string) => void;
  /** Whether the client joins and then never reads. */
  readonly isStuck?: boolean;
}

const LOOPBACK = "127.0.0.1";

/**
 * All clients read into one buffer, which stays in the processor's cache: each has processed it before another one
 * reads. Deno 2.6 cannot do this and allocates a buffer for every read.
 */
const READ_BUFFER = Buffer.alloc(64 * 1024);

/** Time for a client to join. A server that takes longer is considered failed. */
const JOIN_MS = 30_000;

const CAN_SHARE_BUFFER = !/^2\.[0-8]\./.test(Deno.version.deno);

const decoder = new TextDecoder();

const HEAD_END = "\r\n\r\n";

export class LoadClient implements AsyncDisposable {
  /** Resolves when the connection has ended, for any reason. */
  readonly ended: Promise<void>;
  isEnded = false;
  readonly #options: ClientOptions;
  readonly #dialect: Dialect;
  readonly #socket: Socket;
  readonly #ready = Promise.withResolvers<void>();
  readonly #frames = new FrameReader();
  readonly #finder: LineFinder;
  #isReady = false;
  /** Answer to the upgrade, until it is complete. */
  #head: string | undefined = "";
  /** Payload of a control frame, until it is complete. */
  #control = Buffer.alloc(0);

  private constructor(options: ClientOptions) {
    const { lines, target } = options;
    this.#options = options;
    this.#dialect = DIALECTS[target.dialect];
    this.#finder = new LineFinder(this.#dialect, {
      line: (text, at) => lines.line(text, at),
      other: (text) => this.#answer(this.#dialect.answer(text), text),
    });
    const { port, host = LOOPBACK, path = this.#dialect.path } = target;
    this.#socket = this.#connect({ port, host, noDelay: true });
    this.ended = new Promise((resolve) => this.#socket.on("close", () => resolve(this.#end())));
    this.#socket.on("error", (error) => this.#ready.reject(error));
    this.#socket.write(upgradeRequest(port, path, [...this.#dialect.headers]));
  }

  /** Connects and follows the dialect until the client has joined. @throws if it cannot join */
  static async open(options: ClientOptions): Promise<LoadClient> {
    const client = new LoadClient(options);
    try {
      await within(JOIN_MS, "the welcome of a client", client.#ready.promise);
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Sends frames. The caller must not change the bytes afterwards. */
  write(frames: Uint8Array): void {
    if (!this.isEnded) this.#socket.write(frames);
  }

  /** Cuts the TCP connection without a close frame. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.ended;
  }

  #connect(where: TcpNetConnectOpts): Socket {
    if (CAN_SHARE_BUFFER) {
      const callback = (count: number) => this.#receive(READ_BUFFER, count);
      return connect({ ...where, onread: { buffer: READ_BUFFER, callback } } as TcpNetConnectOpts);
    }
    const socket = connect(where);
    socket.on("data", (bytes: Uint8Array) => {
      if (!this.#receive(bytes, bytes.length)) socket.pause();
    });
    return socket;
  }

  #end(): void {
    this.isEnded = true;
    const reason = this.#head === undefined ? "before the welcome" : "before the upgrade";
    this.#ready.reject(new Error(`Cannot join: the connection ended ${reason}`));
    this.#options.afterChunk?.();
  }

  /** Processes so many bytes that have arrived. Returns false when the client reads no more. */
  #receive(bytes: Uint8Array, count: number): boolean {
    let from = 0;
    if (this.#head !== undefined) {
      from = this.#receiveHead(bytes.subarray(0, count));
      if (this.#head !== undefined) return true;
    }
    this.#options.beforeChunk?.();
    const frames = this.#frames;
    frames.feed(bytes, { from, end: count });
    while (frames.next()) {
      if (frames.opcode === OPCODE.text) this.#finder.take(frames);
      else this.#receiveControl();
    }
    this.#options.afterChunk?.();
    return !(this.#options.isStuck && this.#isReady);
  }

  /** Reads the answer to the upgrade. Returns its end in the bytes. */
  #receiveHead(bytes: Uint8Array): number {
    const before = this.#head!.length;
    const head = this.#head! + Buffer.from(bytes).toString("latin1");
    const end = head.indexOf(HEAD_END) + HEAD_END.length;
    if (end < HEAD_END.length) {
      this.#head = head;
      return bytes.length;
    }
    const [status] = head.split("\r\n");
    if (status!.startsWith("HTTP/1.1 101 ")) {
      this.#head = undefined;
      this.#answer(this.#dialect.greet(this.#options));
    } else {
      this.#socket.destroy(new Error(`Cannot upgrade: expected 101, received "${status}"`));
    }
    return end - before;
  }

  #answer(answer: Answer | undefined, text?: Text): void {
    if (answer?.reply) this.write(encodeFrame(OPCODE.text, Buffer.from(answer.reply)));
    if (!answer?.isReady || this.#isReady) return;
    this.#isReady = true;
    const { onReady } = this.#options;
    if (onReady) onReady(text ? decoder.decode(text.bytes.subarray(text.from, text.to)) : "");
    this.#ready.resolve();
  }

  #receiveControl(): void {
    const { bytes, from, to, opcode, isLast } = this.#frames;
    this.#control = Buffer.concat([this.#control, bytes.subarray(from, to)]);
    if (!isLast) return;
    if (opcode === OPCODE.ping) this.write(encodeFrame(OPCODE.pong, this.#control));
    if (opcode === OPCODE.close) {
      this.isEnded = true;
      this.#socket.end(encodeFrame(OPCODE.close, this.#control));
    }
    this.#control = Buffer.alloc(0);
  }
}

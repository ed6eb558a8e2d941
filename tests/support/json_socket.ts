// A client of `confab.v1` for tests, over the standard WebSocket. It keeps every line until it is asked for.
import { Channel } from "@std/async/channel";
import { within } from "./deadline.ts";

/** A line that is due comes sooner, even where everything is busy. */
const READ_TIMEOUT_MS = 20_000;

/** A line of the server. Which fields there are depends on the type (docs/protocol.md). */
export interface Line {
  readonly type: string;
  readonly [field: string]: unknown;
  readonly id: string;
  readonly seq: number;
  readonly head: number;
  readonly epoch: string;
  readonly resumed: boolean;
  readonly text: string;
  readonly code: string;
  readonly from: number | { readonly name: string; readonly tag: string };
  readonly to: number;
  readonly count: number;
  readonly reason: string;
  readonly entries: readonly Line[];
}

/** What a client wishes when it joins: fields of the hello, and the path of the room. */
export interface Wish {
  readonly name?: string;
  readonly key?: string;
  readonly path?: string;
  /** Shown with the upgrade. */
  readonly bearer?: string;
  readonly [field: string]: unknown;
}

/** A key as a client makes it, the same for the same name. */
export function makeKey(name: string): string {
  return `the secret of ${name}`.padEnd(16);
}

/** One connection. Disposing it closes it and waits for that. */
export class JsonSocket implements AsyncDisposable {
  /** Resolves when the connection has ended, however it did. */
  readonly closed: Promise<CloseEvent>;
  readonly #socket: WebSocket;
  readonly #lines = new Channel<Line>({ capacity: Number.MAX_SAFE_INTEGER });

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      for (const line of data.split("\n")) this.#lines.trySend(JSON.parse(line));
    };
    socket.onerror = (event) => event.preventDefault();
    this.closed = new Promise((resolve) => {
      socket.onclose = (event) => {
        this.#lines.close();
        resolve(event);
      };
    });
  }

  /** Connects. @throws when the connection ends before it is open. */
  static async open(port: number, path = "/ws", bearer = ""): Promise<JsonSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
      protocols: ["confab.v1"],
      headers: bearer ? { authorization: `Bearer ${bearer}` } : {},
    });
    const client = new JsonSocket(socket);
    const opened = new Promise((resolve) => socket.onopen = resolve);
    await Promise.race([opened, client.closed]);
    if (socket.readyState !== WebSocket.OPEN) throw new Error(`Cannot open ${path}: it was closed`);
    return client;
  }

  /** Connects, says hello and resolves with the welcome as well. The key goes with the name. */
  static async join(
    port: number,
    { path, bearer, ...hello }: Wish = {},
  ): Promise<{ socket: JsonSocket; welcome: Line }> {
    const socket = await JsonSocket.open(port, path, bearer);
    socket.send({ type: "hello", key: makeKey(hello.name ?? "nobody"), ...hello });
    const welcome = await socket.read("welcome");
    if (!welcome) throw new Error("Cannot join: the connection ended before the welcome");
    return { socket, welcome };
  }

  /** Sends the lines in one message; nothing when the connection has ended. */
  send(...lines: object[]): void {
    this.sendText(lines.map((line) => JSON.stringify(line)).join("\n"));
  }

  /** Sends a message as it is; nothing when the connection has ended. */
  sendText(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** The next line that is of one of the types, skipping others; null at the end. @throws when none comes. */
  async read(...types: string[]): Promise<Line | null> {
    for (;;) {
      const line = await this.#next(types);
      if (!line || types.includes(line.type)) return line;
    }
  }

  async #next(types: readonly string[]): Promise<Line | null> {
    const next = this.#lines.tryReceive();
    if (next.state === "ok") return next.value;
    const line = this.#lines.receive().catch(() => null);
    return await within(READ_TIMEOUT_MS, types.join(" or "), line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.closed;
  }
}

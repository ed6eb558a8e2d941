// A guest of a soak on the wire of lines.
import type { Guest, GuestOptions } from "./guest.ts";

/** Between two attempts to connect: this client does not know when. */
const RETRY_MS = 500;

/** The seed's client: lines, nothing before it came and nothing it misses. Texts are numbered, so order shows. */
export class LinesGuest implements Guest {
  readonly #options: GuestOptions;
  readonly #last = new Map<string, number>();
  #socket: WebSocket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #connections = 0;
  #said = 0;
  #isStopped = false;

  constructor(options: GuestOptions) {
    this.#options = options;
  }

  start(): void {
    const { port, room } = this.#options;
    this.#last.clear();
    this.#connections++;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/r/${room}/ws`);
    this.#socket = socket;
    socket.onerror = (event) => event.preventDefault(); // `onclose` follows
    socket.onmessage = ({ data }) => data.split("\n").forEach((line: string) => this.#read(line));
    socket.onclose = () => {
      if (!this.#isStopped) this.#retry = setTimeout(() => this.start(), RETRY_MS);
    };
  }

  say(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    // What the last connection still had to bring is another's: nothing orders it behind this.
    this.#socket.send(`line ${this.#options.name}-${this.#connections} ${++this.#said}`);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    socket.close();
    await closed;
  }

  /** Each speaker of lines counts up. What is lost on the way to the server is missing for all. */
  #read(line: string): void {
    const [, name, count] = /^line (\S+) (\d+)$/.exec(line) ?? [];
    if (name === undefined) return;
    const last = this.#last.get(name) ?? 0;
    if (Number(count) <= last) this.#options.onFault(`${name} said ${count} after ${last}`);
    this.#last.set(name, Number(count));
  }
}

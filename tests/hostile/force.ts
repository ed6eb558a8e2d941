// Who attacks: many raw connections, and what became of each. The tactics say what they do.
import { type Frame, OPCODE, type RawSocket } from "../support/raw_socket.ts";
import type { Report } from "./attack.ts";

/** Connections that are opened at a time. */
const OPEN_AT_ONCE = 50;

export class Force {
  readonly port: number;
  /** Resolves when it is to stop. */
  readonly calledBack: Promise<void>;
  callBack = () => {};
  isCalledBack = false;
  #opened = 0;
  #ended = 0;
  #longestMs = 0;
  #sent = 0;
  #sentBytes = 0;
  readonly #codes: Record<string, number> = {};
  #notes: Readonly<Record<string, number>> = {};

  constructor(port: number) {
    this.port = port;
    this.calledBack = new Promise((resolve) =>
      this.callBack = () => {
        this.isCalledBack = true;
        resolve();
      }
    );
  }

  get report(): Report {
    return {
      opened: this.#opened,
      ended: this.#ended,
      longestMs: this.#longestMs,
      sent: this.#sent,
      sentBytes: this.#sentBytes,
      codes: this.#codes,
      notes: this.#notes,
    };
  }

  /** Tells the test that the attack is under way. */
  begin(): void {
    console.log("begun");
  }

  /** For what only this tactic counts. */
  note(notes: Readonly<Record<string, number>>): void {
    this.#notes = notes;
  }

  /** Opens so many, some at a time. What cannot be opened is left out. */
  async open(count: number, open: (n: number) => Promise<RawSocket>): Promise<RawSocket[]> {
    const sockets: RawSocket[] = [];
    let next = 0;
    const openOn = async () => {
      while (next < count && !this.isCalledBack) {
        const socket = await open(next++).catch(() => null);
        if (!socket) continue;
        sockets.push(socket);
        this.#opened++;
      }
    };
    await Promise.all(Array.from({ length: OPEN_AT_ONCE }, openOn));
    return sockets;
  }

  /** Reads until the server ends the connection, and counts how it did. */
  async readToEnd(socket: RawSocket, onFrame: (frame: Frame) => void = () => {}): Promise<void> {
    const startedMs = performance.now();
    for (let frame; (frame = await socket.readFrame());) {
      onFrame(frame);
      if (frame.opcode !== OPCODE.close) continue;
      const [high = 0, low = 0] = frame.payload;
      this.#count(`${high * 256 + low}`);
    }
    this.countEnd(performance.now() - startedMs);
  }

  /** Reads bytes until the server ends the connection. */
  async drain(socket: RawSocket): Promise<void> {
    const startedMs = performance.now();
    while (await socket.readChunk());
    this.countEnd(performance.now() - startedMs);
  }

  /** Sends it. False when the connection has ended. */
  async send(socket: RawSocket, bytes: Uint8Array, messages = 1): Promise<boolean> {
    try {
      await socket.write(bytes);
    } catch {
      return false;
    }
    this.#sent += messages;
    this.#sentBytes += bytes.length;
    return true;
  }

  countEnd(lastedMs: number): void {
    if (this.isCalledBack) return;
    this.#ended++;
    this.#longestMs = Math.max(this.#longestMs, Math.round(lastedMs));
  }

  #count(code: string): void {
    this.#codes[code] = (this.#codes[code] ?? 0) + 1;
  }
}

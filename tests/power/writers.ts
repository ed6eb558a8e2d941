// Writers send messages, edits and deletions to a server, and send again what was not acknowledged when it ended.
import { hashKey } from "../../protocol/names.ts";
import { JsonSocket, type Line, makeKey } from "../support/json_socket.ts";
import type { Random } from "../support/random.ts";

/** A message, an edit or a deletion as its writer sent it. */
export interface Sent {
  readonly room: string;
  readonly kind: "say" | "edit" | "delete";
  readonly name: string;
  readonly author: string;
  readonly text: string;
  /** The message that is edited or deleted; 0 if none. */
  readonly ref: number;
}

/** Texts name the id that they were sent with, so that the text can be found in the bytes of a file. */
export const TEXT_IDS = /text of (\w+-\d+):/g;

/**
 * Length of most texts, and of a few, which do not fit a page of the database. Deno's client waits 40 ms in the midst of a
 * message of 1,000 bytes or more (Nagle's algorithm).
 */
const LENGTHS = { most: 200, few: 9_000 };

/** Lines that a writer sends before it waits for acknowledgements. */
const MAX_LINES = 3;

export interface WriterWish {
  readonly name: string;
  readonly room: string;
  readonly random: Random;
}

/** An author in a room. */
export class PowerWriter {
  /** Everything sent, by id. */
  readonly sent = new Map<string, Sent>();
  /** Seq by id. */
  readonly acked = new Map<string, number>();
  readonly #wish: WriterWish;
  #socket: JsonSocket | undefined;
  /** Messages that were acknowledged and that nobody deletes. */
  #own: number[] = [];

  constructor(wish: WriterWish) {
    this.#wish = wish;
  }

  /** Connects, and sends again what was not acknowledged. @throws if the server refuses anything. */
  async join(port: number): Promise<void> {
    const { name, room } = this.#wish;
    const wish = { name, path: `/r/${room}/ws`, history: 0 };
    this.#socket = (await JsonSocket.join(port, wish)).socket;
    await this.#exchange(this.#socket, this.sent.keys().filter((id) => !this.acked.has(id)));
  }

  /** Writes until the connection ends. @throws if the server refuses anything. */
  async write({ mayDelete }: { mayDelete: boolean }): Promise<void> {
    await using socket = this.#socket!;
    while (await this.#exchange(socket, this.#invent(mayDelete)));
  }

  /** Sends some ids and waits until all are acknowledged. Returns false if the connection ended before. */
  async #exchange(socket: JsonSocket, ids: Iterable<string>): Promise<boolean> {
    const waiting = new Set(ids);
    if (waiting.size === 0) return true;
    socket.send(...waiting.keys().map((id) => this.#encode(id)));
    while (waiting.size > 0) {
      const line = await socket.read("ack", "error");
      if (!line) return false;
      if (line.type === "error") throw new Error(`The server refused ${JSON.stringify(line)}`);
      this.#onAck(line);
      waiting.delete(line.id);
    }
    return true;
  }

  #onAck({ id, seq }: Line): void {
    this.acked.set(id, seq);
    if (this.sent.get(id)?.kind === "say") this.#own.push(seq);
  }

  #encode(id: string): object {
    const { kind, text, ref } = this.sent.get(id)!;
    if (kind === "delete") return { type: kind, id, ref };
    return { type: kind, id, text, ...kind === "edit" ? { ref } : {} };
  }

  #invent(mayDelete: boolean): string[] {
    const { random } = this.#wish;
    const count = random.integer(1, MAX_LINES);
    return Array.from({ length: count }, () => this.#inventOne(mayDelete));
  }

  #inventOne(mayDelete: boolean): string {
    const { name, room, random } = this.#wish;
    const id = `${name}-${this.sent.size}`;
    const chance = random.next();
    const ref = this.#own[random.integer(0, this.#own.length - 1)];
    const kind = ref === undefined || chance < 0.75
      ? "say"
      : mayDelete && chance < 0.83
      ? "delete"
      : "edit";
    if (kind === "delete") this.#own = this.#own.filter((seq) => seq !== ref);
    const length = random.integer(1, random.next() < 0.02 ? LENGTHS.few : LENGTHS.most);
    const text = kind === "delete" ? "" : `text of ${id}:`.padEnd(length, "lorem ipsum ");
    const author = hashKey(makeKey(name));
    this.sent.set(id, { room, kind, name, author, text, ref: kind === "say" ? 0 : ref! });
    return id;
  }
}

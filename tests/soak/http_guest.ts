// A guest of a soak over plain HTTP.
import type { ServerLine } from "../../sdk/types.d.ts";
import type { Guest, GuestOptions } from "./guest.ts";
import { View } from "./ledger.ts";

/** Between two attempts to connect: this client does not know when. */
const RETRY_MS = 500;

/** A script: reads JSON lines over HTTP, resumes behind what it has, and posts with an id until it is answered. */
export class HttpGuest implements Guest {
  readonly #options: GuestOptions;
  readonly #view: View;
  readonly #url: string;
  readonly #abort = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #said = 0;

  constructor(options: GuestOptions) {
    this.#options = options;
    this.#view = new View(options.ledger, options.onFault);
    this.#url = `http://127.0.0.1:${options.port}/r/${options.room}`;
  }

  start(): void {
    this.#do(() => this.#follow());
  }

  say(): void {
    const id = `${this.#options.name} ${++this.#said}`;
    this.#do(() => this.#post(id));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#work);
  }

  /** Again and again until it is done, whatever the network does. */
  #do(act: () => Promise<boolean>): void {
    const work = (async () => {
      while (!this.#abort.signal.aborted && !await act().catch(() => false)) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    })();
    this.#work.add(work);
    work.finally(() => this.#work.delete(work));
  }

  async #post(id: string): Promise<boolean> {
    const headers = { "idempotency-key": id, "content-type": "text/plain" };
    const url = `${this.#url}?name=Script`;
    const { signal } = this.#abort;
    const response = await fetch(url, { method: "POST", body: `post ${id}`, headers, signal });
    const answer = await response.json();
    if (response.status === 201) this.#options.ledger.see(answer.seq, id);
    else this.#options.onFault(`a post got ${response.status} ${answer.code}`);
    return true;
  }

  /** Never done: reads to the end, and then goes on behind what it has. */
  async #follow(): Promise<boolean> {
    const { lastSeq } = this.#view;
    const query = lastSeq === undefined ? "?history=50" : `?after=${lastSeq}`;
    const headers = { accept: "application/x-ndjson" };
    const response = await fetch(this.#url + query, { headers, signal: this.#abort.signal });
    let rest = "";
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#read(JSON.parse(line));
    }
    return false;
  }

  #read(line: ServerLine): void {
    if (line.type === "entry") this.#view.takeEntry(line.seq, line.id ?? `${line.seq}`);
    if (line.type === "gap") this.#view.takeGap(line.from, line.to);
    if (line.type === "error") this.#options.onFault(line.code);
    // Nothing follows an empty start: what comes next is the one behind the head.
    if (line.type === "welcome" && line.head === 0) this.#view.lastSeq ??= 0;
  }
}

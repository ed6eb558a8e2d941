// The way to the room where no WebSocket can be had: what one would bring comes as an event stream, what one would take
// is posted. The link uses it as a WebSocket; knows neither entries nor the state of messages. Uses fetch and not
// EventSource, for the key must travel in a header and never in an address. Over HTTP/1.1 a browser makes six connections
// to a host, for all of its tabs together: where more than five of them read a stream, what they post does not go out.

/** @import { Line, SocketLike } from "./types.d.ts" */

/**
 * An answer that refuses: a problem document, or somebody else's with a status alone.
 * @typedef {{ status: number, code?: string, title?: string, detail?: string, retryAfterMs?: number }} Problem
 */

const EVENTS = "text/event-stream";
const JSON_TYPE = "application/json";

/** Without an answer for so long it is over. Must be less than the session waits before it calls a message failed. */
const ANSWER_WAIT_MS = 15_000;

/** A stream that is silent for longer is dead, whatever the server answers elsewhere: it has a heartbeat of 12 s. */
const SILENCE_MS = 20_000;

/** Something on the way, or the server, says with these that it would take it later. */
const LATER = [408, 425, 429];

/** How much later, where it does not say. */
const RETRY_AFTER_S = 1;

export class HttpFallback {
  /** @type {SocketLike["onopen"]} */
  onopen = null;
  /** @type {SocketLike["onmessage"]} */
  onmessage = null;
  /** @type {SocketLike["onclose"]} */
  onclose = null;
  #url;
  #abort = new AbortController();
  #key = "";
  #name = "";
  /** What is to be posted, oldest first. @type {Line[]} */
  #posts = [];
  #isPosting = false;
  #heardAtMs = 0;

  /** @param {string} url of the room's socket @param {string} protocol */
  constructor(url, protocol) {
    this.protocol = protocol;
    this.#url = url.replace(/^ws/, "http")
      .replace(/(\/r\/[^/]+)?\/ws$/, (_, room = "/r/lobby") => room);
    queueMicrotask(() => this.onopen?.({}));
  }

  /** Ends whatever is under way; none of it is told any more. */
  close() {
    this.#abort.abort();
  }

  /** @param {string} data one line */
  send(data) {
    const { type, ...fields } = JSON.parse(data);
    if (type === "hello") this.#follow(fields);
    else if (type === "history") this.#readHistory(fields);
    else if (type === "ping") this.#probe();
    // The next hello says the new one.
    else if (type === "name") this.#end({ isRenewal: true });
    else if (type !== "typing") this.#post({ type, ...fields });
  }

  /** @param {{ key: string, name: string }} hello */
  async #follow({ key, ...query }) {
    this.#key = key;
    this.#name = query.name;
    const response = await this.#fetch(query, EVENTS);
    if (response?.ok && response.body) return this.#listen(response.body.getReader());
    const problem = await response?.json().catch(() => undefined);
    const { code, retryAfterMs } = problem ?? {};
    if (code === "bad_name" || code === "banned") this.#tellRefusal(problem);
    // With a bad name the session says hello again, with another one.
    if (code === "banned") this.#tell(JSON.stringify({ type: "bye", retryAfterMs }));
    else if (code !== "bad_name") this.#end();
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  async #listen(reader) {
    const decoder = new TextDecoder();
    for (let rest = "";;) {
      const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
      if (done) return this.#end();
      this.#heardAtMs = Date.now();
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      const said = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
      // Whatever comes is a sign of life, even where nothing is said.
      this.#tell(...said);
    }
  }

  /** @param {{ before: number }} range */
  async #readHistory(range) {
    const { entries, more, ...problem } = await this.#ask(range);
    if (entries) this.#tell(JSON.stringify({ type: "page", before: range.before, entries, more }));
    else if (problem.retryAfterMs) this.#tellRefusal(problem);
    else this.#end();
  }

  /** The server may well answer while the stream has died on the way. */
  async #probe() {
    const isSilent = Date.now() - this.#heardAtMs > SILENCE_MS;
    if (!isSilent && await this.#fetch({}, EVENTS, { method: "HEAD" })) this.#tell();
    else this.#end();
  }

  /** One after another: two at once might change places on the way. @param {Line} line */
  async #post(line) {
    this.#posts.push(line);
    if (this.#isPosting) return;
    this.#isPosting = true;
    for (let next; (next = this.#posts.shift());) await this.#postNow(next);
    this.#isPosting = false;
  }

  /** @param {Line} line */
  async #postNow(line) {
    const body = new Blob([JSON.stringify({ ...line, name: this.#name })], { type: JSON_TYPE });
    const { seq, ...problem } = await this.#ask({}, { method: "POST", body });
    if (seq) return this.#tell(JSON.stringify({ type: "ack", id: line.id, seq }));
    // What is on the way may refuse it as well, in its own words. That it cannot reach the server is no refusal.
    // Whoever is signed out may say it again once signed in.
    const { status, code } = problem;
    if (status === 401 || (!code && (status < 400 || status > 499))) return this.#end();
    // What is to be sent again takes with it what was said later.
    const behind = problem.retryAfterMs === undefined ? [] : this.#posts.splice(0);
    for (const { id } of [line, ...behind]) this.#tellRefusal(problem, id);
  }

  /**
   * The status of the answer and the fields in it, with the time to wait if it is one of {@linkcode LATER}; 0 when none
   * comes.
   * @param {object} query
   * @param {RequestInit} [init]
   */
  async #ask(query, init) {
    const timer = setTimeout(() => this.#end(), ANSWER_WAIT_MS);
    const response = await this.#fetch(query, JSON_TYPE, init);
    const fields = await response?.json().catch(() => undefined);
    clearTimeout(timer);
    const { status = 0, headers } = response ?? {};
    if (!LATER.includes(status)) return { status, ...fields };
    const retryAfterS = Number(headers?.get("retry-after")) || RETRY_AFTER_S;
    return { status, retryAfterMs: retryAfterS * 1000, ...fields };
  }

  /**
   * The answer; undefined when none comes, for pages are not told why.
   * @param {object} query
   * @param {string} accept
   * @param {RequestInit} [init]
   */
  #fetch(query, accept, init) {
    const { signal } = this.#abort;
    const headers = { Accept: accept, "Confab-Key": this.#key };
    const url = `${this.#url}?${new URLSearchParams({ ...query })}`;
    return fetch(url, { ...init, headers, signal }).catch(() => undefined);
  }

  /** @param {Problem} problem @param {string} [id] */
  #tellRefusal(
    { status, code = "refused", title = `HTTP ${status}`, detail = title, retryAfterMs },
    id,
  ) {
    this.#tell(JSON.stringify({ type: "error", code, message: detail, id, retryAfterMs }));
  }

  /** @param {string[]} lines */
  #tell(...lines) {
    this.onmessage?.({ data: lines.join("\n") });
  }

  #end(event = {}) {
    this.close();
    this.onclose?.(event);
  }
}

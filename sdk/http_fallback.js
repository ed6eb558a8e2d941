// Connects to a room without a WebSocket: receives an event stream, sends by POST. Has the interface of a WebSocket, for
// RoomConnection. Knows neither entries nor the state of messages. Uses fetch instead of EventSource, because the key must
// be sent in a header and never in a URL. Over HTTP/1.1 a browser opens six connections to a host, for all tabs together:
// if more than five tabs read a stream, their posts are not sent.

/** @import { Line, SocketLike } from "./types.d.ts" */

/**
 * Response that refuses a request: a problem document, or only a status when a proxy responds.
 * @typedef {{ status: number, code?: string, title?: string, detail?: string, retryAfterMs?: number }} Problem
 */

const EVENTS = "text/event-stream";
const JSON_TYPE = "application/json";

/** Time limit for a response. Must be less than the session's ACK_WAIT_MS. */
const ANSWER_WAIT_MS = 15_000;

/** A stream that is silent for longer is dead, even if the server answers other requests: its heartbeat period is 12 s. */
const SILENCE_MS = 20_000;

/** Statuses with which the server or a proxy asks to retry later. */
const RETRY_STATUSES = [408, 425, 429];

/** Delay before a retry when the response names none. */
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
  /** Lines to post, oldest first. @type {Line[]} */
  #posts = [];
  #isPosting = false;
  #receivedAtMs = -Infinity;

  /** @param {string} url of the room's socket @param {string} protocol */
  constructor(url, protocol) {
    this.protocol = protocol;
    this.#url = url.replace(/^ws/, "http")
      .replace(/(\/r\/[^/]+)?\/ws$/, (_, room = "/r/lobby") => room);
    queueMicrotask(() => this.onopen?.({}));
  }

  /** Aborts all requests. No event follows. */
  close() {
    this.#abort.abort();
  }

  /** Maps a line to a request. @param {string} data one line */
  send(data) {
    const { type, ...fields } = JSON.parse(data);
    if (type === "hello") this.#openStream(fields);
    else if (type === "history") this.#readHistory(fields);
    else if (type === "ping") this.#probe();
    // The next hello contains the new name.
    else if (type === "name") this.#end({ isRenewal: true });
    else if (type !== "typing") this.#post({ type, ...fields });
  }

  /** @param {{ key: string, name: string }} hello */
  async #openStream({ key, ...query }) {
    this.#key = key;
    this.#name = query.name;
    const response = await this.#fetch(query, EVENTS);
    if (response?.ok && response.body) return this.#readStream(response.body.getReader());
    const problem = await response?.json().catch(() => undefined);
    const { code, retryAfterMs } = problem ?? {};
    if (code === "bad_name" || code === "banned") this.#emitRefusal(problem);
    // After bad_name the session sends another hello, with another name.
    if (code === "banned") this.#emit(JSON.stringify({ type: "bye", retryAfterMs }));
    else if (code !== "bad_name") this.#end();
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  async #readStream(reader) {
    const decoder = new TextDecoder();
    for (let rest = "";;) {
      const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
      if (done) return this.#end();
      this.#receivedAtMs = performance.now();
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
      // Any data is a sign of life, even without a line in it.
      this.#emit(...data);
    }
  }

  /** @param {{ before: number }} range */
  async #readHistory(range) {
    const { entries, more, ...problem } = await this.#ask(range);
    if (entries) this.#emit(JSON.stringify({ type: "page", before: range.before, entries, more }));
    else if (problem.retryAfterMs) this.#emitRefusal(problem);
    else this.#end();
  }

  /** Answers a ping. The server may respond although the stream is dead, so that the stream must not be silent either. */
  async #probe() {
    const isSilent = performance.now() - this.#receivedAtMs > SILENCE_MS;
    if (!isSilent && await this.#fetch({}, EVENTS, { method: "HEAD" })) this.#emit();
    else this.#end();
  }

  /** Posts lines one after another: two requests at once might overtake each other. @param {Line} line */
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
    if (seq) return this.#emit(JSON.stringify({ type: "ack", id: line.id, seq }));
    // A proxy may refuse a message as well, with a status of its own. Its failure to reach the server is no refusal.
    // After 401 the message stays pending: it can be sent after signing in.
    const { status, code } = problem;
    if (status === 401 || (!code && (status < 400 || status > 499))) return this.#end();
    // A line that must be retried takes the later ones with it, so that the order holds.
    const behind = problem.retryAfterMs === undefined ? [] : this.#posts.splice(0);
    for (const { id } of [line, ...behind]) this.#emitRefusal(problem, id);
  }

  /**
   * Resolves with the response's status and fields, and with a delay if it is one of {@linkcode RETRY_STATUSES}. The status
   * is 0 without a response.
   * @param {object} query
   * @param {RequestInit} [init]
   */
  async #ask(query, init) {
    const timer = setTimeout(() => this.#end(), ANSWER_WAIT_MS);
    const response = await this.#fetch(query, JSON_TYPE, init);
    const fields = await response?.json().catch(() => undefined);
    clearTimeout(timer);
    const { status = 0, headers } = response ?? {};
    if (!RETRY_STATUSES.includes(status)) return { status, ...fields };
    const retryAfterS = Number(headers?.get("retry-after")) || RETRY_AFTER_S;
    return { status, retryAfterMs: retryAfterS * 1000, ...fields };
  }

  /**
   * Resolves with the response; undefined when there is none, for browsers do not tell pages why.
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
  #emitRefusal(
    { status, code = "refused", title = `HTTP ${status}`, detail = title, retryAfterMs },
    id,
  ) {
    this.#emit(JSON.stringify({ type: "error", code, message: detail, id, retryAfterMs }));
  }

  /** @param {string[]} lines */
  #emit(...lines) {
    this.onmessage?.({ data: lines.join("\n") });
  }

  #end(event = {}) {
    this.close();
    this.onclose?.(event);
  }
}

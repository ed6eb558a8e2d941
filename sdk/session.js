// One room, seen from its client: the other half of `confab.v1` (docs/protocol.md). Owns the order of the entries, who we
// are, and the sending of what the outbox holds; its link keeps it connected. The page calls it and is told through
// handlers. Never touches the document; never hands out an entry twice, or one with a hole before it.
import { RoomConnection } from "./connection.js";
import { Outbox, randomHex } from "./outbox.js";
import { SafeStorage } from "./storage.js";

/** @import { Act, EntryLine, Failure, Gap, HistoryPage, Reader, Refusal, ServerLine, SessionOptions, Timer, WelcomeLine } from "./types.d.ts" */

/** Entries to start with, and those of a page of history. */
const DEFAULT_HISTORY = 50;

/** What a server asks us to wait is not taken for more: beyond 2^31 a timer would fire at once. */
const MAX_RETRY_AFTER_MS = 600_000;

/** That somebody is typing is told once in this time. */
const TYPING_PERIOD_MS = 2_000;

/** With nothing acknowledged for so long, what has gone out has failed. */
const ACK_WAIT_MS = 20_000;

/** Sent ahead of their acknowledgements: each may be refused for the sake of one before it. */
const MAX_IN_FLIGHT = 64;

const KEY_BYTES = 32;
const ID_BYTES = 16;

export class Session {
  #handlers;
  #history;
  #most;
  #storage;
  #key;
  #outbox;
  #link;

  /** @type {string | undefined} */
  #epoch;
  /** Everything up to here was handed out. Undefined at the start of a history. @type {number | undefined} */
  #lastSeq;
  #maxTextBytes = Infinity;
  /** Ids of what went out on this connection and was not refused. @type {Set<string>} */
  #inFlight = new Set();
  /** While this is set nothing goes out: what is younger must not overtake what was refused. @type {Timer} */
  #holdTimer;
  /** Runs while something is in flight, anew at each acknowledgement. @type {Timer} */
  #ackTimer;
  /** What to go back to when the server refuses the name. */
  #lastName = "";
  /** The server's, as far as we know. */
  #saidName = "";
  #typedAt = 0;
  /** @type {Reader[]} */
  #readers = [];

  /** @param {SessionOptions} options */
  constructor({ url, room, handlers, storage, history = DEFAULT_HISTORY, most, ...injected }) {
    this.#handlers = handlers;
    this.#history = history;
    this.#most = most;
    this.#storage = new SafeStorage(storage);
    this.#key = loadKey(this.#storage);
    this.#outbox = new Outbox(this.#storage, room);
    this.#link = new RoomConnection({
      url,
      WebSocket: injected.WebSocket ?? globalThis.WebSocket,
      random: injected.random ?? Math.random,
      onOpen: () => this.#sayHello(),
      onLine: (line) => this.#read(line),
      onEnd: () => this.#forgetAsked(),
      onState: (state) => handlers.onState?.(state),
    });
  }

  /** The chosen name; empty for none. Read each time, for another tab may have changed it. */
  get name() {
    return this.#storage.get("confab.name") ?? "";
  }

  /** What is not acknowledged, oldest first. */
  get pending() {
    return this.#outbox.messages;
  }

  /** Connects, and stays connected until {@linkcode stop}. */
  start() {
    this.#link.start();
  }

  /** After this nothing happens unasked. */
  stop() {
    this.#link.stop();
    clearTimeout(this.#holdTimer);
    this.#holdTimer = undefined;
  }

  /** For when the network may be back: connects now, or finds out now whether the connection still lives. */
  retryNow() {
    this.#link.retryNow();
  }

  /** For when no WebSocket comes through: goes on without. */
  fallBack() {
    this.#link.fallBack();
  }

  /**
   * Works offline, as those below: it is stored, and goes out when it can. Returns the id.
   * @param {string} text
   * @param {{ replyTo?: number }} [options]
   */
  say(text, { replyTo } = {}) {
    const reply = replyTo === undefined ? {} : { replyTo };
    return this.post({ type: "say", text, ...reply });
  }

  /**
   * @param {number} ref seq of a message of ours
   * @param {string} text
   */
  edit(ref, text) {
    return this.post({ type: "edit", ref, text });
  }

  /** @param {number} ref seq of a message of ours */
  remove(ref) {
    return this.post({ type: "delete", ref });
  }

  /**
   * @param {number} ref seq of any message
   * @param {string} emoji
   * @param {boolean} on false takes it back
   */
  react(ref, emoji, on) {
    return this.post({ type: "react", ref, emoji, on });
  }

  /** Whatever may be done in a room. @param {Act} act */
  post(act) {
    const id = randomHex(ID_BYTES);
    this.#handlers.onPending?.(this.#outbox.add({ ...act, id }));
    this.#flush();
    return id;
  }

  /** Tries a failed message again. @param {string} id */
  resend(id) {
    this.#mark(id);
    this.#flush();
  }

  /** Gives a message up; one that has gone out may still arrive. @param {string} id */
  discard(id) {
    const message = this.#outbox.remove(id);
    if (message) this.#handlers.onPending?.({ ...message, state: "discarded" });
  }

  /** A name that the server refuses is an `onError` with the code `bad_name`. @param {string} name */
  rename(name) {
    this.#lastName = this.name;
    this.#storage.set("confab.name", name);
    this.#flush();
  }

  typing() {
    if (!this.#link.isOnline || Date.now() - this.#typedAt < TYPING_PERIOD_MS) return;
    this.#typedAt = Date.now();
    this.#link.send({ type: "typing" });
  }

  /**
   * Entries before one, oldest first. Rejects without a connection, and when that ends.
   * @param {number} before a seq
   * @param {number} [limit]
   * @returns {Promise<HistoryPage<EntryLine>>}
   */
  history(before, limit = DEFAULT_HISTORY) {
    return new Promise((resolve, reject) => {
      if (!this.#link.isOnline) return reject(makeOfflineError());
      const reader = { type: "history", before, limit, resolve, reject };
      this.#readers.push(reader);
      this.#link.send(reader);
    });
  }

  #sayHello() {
    this.#saidName = this.name;
    this.#link.send({
      type: "hello",
      name: this.#saidName || undefined,
      key: this.#key,
      after: this.#lastSeq,
      epoch: this.#epoch,
      most: this.#most,
      history: this.#history,
    });
  }

  /** The connection ended: what is unanswered goes out again, or is given up. */
  #forgetAsked() {
    this.#inFlight.clear();
    clearTimeout(this.#ackTimer);
    for (const { reject } of this.#readers.splice(0)) reject(makeOfflineError());
  }

  /** A type that is not known is that of a newer server. @param {ServerLine} line */
  #read(line) {
    switch (line.type) {
      case "welcome":
        return this.#begin(line);
      case "entry":
        return this.#takeEntry(line);
      case "gap":
        return this.#takeGap(line);
      case "ack":
        return this.#settle(line.id, line.seq);
      case "page":
        return this.#takePage(line);
      case "error":
        return this.#takeError(line);
      case "presence":
        return this.#handlers.onPresence?.(line);
      case "typing":
        return this.#handlers.onTyping?.(line.from);
      case "bye":
        return this.#link.drop(clampMs(line.retryAfterMs));
    }
  }

  /** @param {WelcomeLine} welcome */
  #begin(welcome) {
    const { epoch, head, resumed, limits } = welcome;
    const isReset = this.#lastSeq !== undefined && (!resumed || epoch !== this.#epoch);
    if (isReset) this.#lastSeq = undefined;
    // Where no entry follows there is no first one to count from.
    if (head === 0 || this.#history === 0) this.#lastSeq ??= head;
    this.#epoch = epoch;
    this.#maxTextBytes = limits.textBytes;
    if (isReset) this.#handlers.onReset?.();
    this.#handlers.onWelcome?.(welcome);
    this.#link.markOnline();
    this.#flush();
  }

  /** @param {EntryLine} entry */
  #takeEntry(entry) {
    const last = this.#lastSeq ?? entry.seq - 1;
    if (entry.seq <= last) return;
    if (entry.seq > last + 1) return this.#link.drop();
    this.#lastSeq = entry.seq;
    if (entry.id !== undefined) this.#settle(entry.id, entry.seq);
    this.#handlers.onEntry?.(entry);
  }

  /** @param {Gap} gap */
  #takeGap(gap) {
    const last = this.#lastSeq ?? gap.from - 1;
    if (gap.to <= last) return;
    if (gap.from > last + 1) return this.#link.drop();
    this.#lastSeq = gap.to;
    this.#handlers.onGap?.({ ...gap, from: last + 1, count: gap.to - last });
  }

  /** @param {HistoryPage<EntryLine>} page */
  #takePage(page) {
    const index = this.#readers.findIndex(({ before }) => before === page.before);
    if (index >= 0) this.#readers.splice(index, 1)[0]?.resolve(page);
  }

  /** @param {Failure} failure */
  #takeError(failure) {
    const { code, message, id = "", retryAfterMs } = failure;
    if (retryAfterMs !== undefined) return this.#hold(id, clampMs(retryAfterMs));
    if (this.#outbox.has(id)) {
      this.#inFlight.delete(id);
      this.#mark(id, { code, message });
      return this.#awaitAck();
    }
    if (code === "bad_name") {
      this.#storage.set("confab.name", this.#saidName = this.#lastName);
      this.#lastName = "";
      if (!this.#link.isOnline) this.#sayHello();
    }
    this.#handlers.onError?.(failure);
  }

  /** Sends what has not gone out on this connection, in order. @returns {void} */
  #flush() {
    if (!this.#link.isOnline || this.#holdTimer !== undefined) return;
    if (this.name !== this.#saidName) {
      this.#saidName = this.name;
      this.#link.send({ type: "name", name: this.name });
      // Unless that has ended the connection.
      return this.#flush();
    }
    for (const message of this.#outbox.messages) {
      if (message.state === "failed" || this.#inFlight.has(message.id)) continue;
      if ("text" in message && new TextEncoder().encode(message.text).length > this.#maxTextBytes) {
        // The server might close the connection for it instead of refusing it, each time anew.
        this.#mark(message.id, { code: "too_long", message: "The message is longer than allowed" });
        continue;
      }
      if (this.#inFlight.size >= MAX_IN_FLIGHT) return;
      this.#inFlight.add(message.id);
      if (this.#inFlight.size === 1) this.#awaitAck();
      this.#link.send({ ...message, at: undefined, state: undefined, error: undefined });
    }
  }

  /** A connection may be alive while the server behind it answers nothing but pings. */
  #awaitAck() {
    clearTimeout(this.#ackTimer);
    if (this.#inFlight.size === 0) return this.#flush();
    this.#ackTimer = setTimeout(() => {
      for (const id of this.#inFlight) this.#mark(id, { code: "no_ack", message: "no answer" });
      this.#inFlight.clear();
      this.#flush();
    }, ACK_WAIT_MS);
  }

  /**
   * The server refuses all that was sent behind it as well, until it comes again.
   * @param {string} id of what was refused; empty for the name, or a page
   * @param {number} ms
   */
  #hold(id, ms) {
    if (!id) this.#saidName = "";
    this.#inFlight.clear();
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => {
      this.#holdTimer = undefined;
      for (const reader of this.#readers) this.#link.send(reader);
      this.#flush();
    }, ms);
  }

  /**
   * @param {string} id
   * @param {number} seq
   */
  #settle(id, seq) {
    const message = this.#outbox.remove(id);
    if (this.#inFlight.delete(id)) this.#awaitAck();
    if (message) this.#handlers.onPending?.({ ...message, state: "sent", seq });
  }

  /**
   * As failed, or without an error as pending.
   * @param {string} id
   * @param {Refusal} [error]
   */
  #mark(id, error) {
    const message = this.#outbox.mark(id, error);
    if (message) this.#handlers.onPending?.(message);
  }
}

/** @param {number} ms */
function clampMs(ms) {
  return Math.min(Math.max(Number(ms) || 0, 0), MAX_RETRY_AFTER_MS);
}

function makeOfflineError() {
  return new Error("Cannot load history: offline");
}

/** The secret that makes this browser one author. @param {SafeStorage} storage */
function loadKey(storage) {
  const stored = storage.get("confab.key") ?? "";
  if (/^[0-9a-f]{64}$/.test(stored)) return stored;
  const key = randomHex(KEY_BYTES);
  storage.set("confab.key", key);
  return key;
}

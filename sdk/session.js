// The session is a client of one room on `confab.v1` (docs/protocol.md). It owns the order of the entries, the user's name
// and key, and the sending of the outbox; a RoomConnection keeps it connected. It reports through handlers. It never touches
// a document, never delivers an entry twice, and never delivers one with a hole before it.
import { RoomConnection } from "./connection.js";
import { Outbox, randomHex } from "./outbox.js";
import { SafeStorage } from "./storage.js";

/** @import { Action, EntryLine, Failure, Gap, HistoryPage, HistoryRequest, Refusal, ServerLine, SessionOptions, Timer, WelcomeLine } from "./types.d.ts" */

/** Entries to start with, and entries of a page of history. */
const DEFAULT_HISTORY = 50;

/** Maximum of a delay that the server asks for: beyond 2^31 a timer would fire at once. */
const MAX_RETRY_AFTER_MS = 600_000;

/** Minimum time between two typing notices. */
const TYPING_PERIOD_MS = 2_000;

/** Time without an acknowledgement after which the messages in flight have failed. */
const ACK_WAIT_MS = 20_000;

/** Maximum number of messages in flight. Each may be refused because an earlier one was. */
const MAX_IN_FLIGHT = 64;

const KEY_BYTES = 32;
const ID_BYTES = 16;

export class Session {
  #handlers;
  #history;
  #maxReplay;
  #storage;
  #key;
  #outbox;
  #connection;

  /** @type {string | undefined} */
  #epoch;
  /** `seq` of the last entry or gap that was delivered. Undefined at the start of a history. @type {number | undefined} */
  #lastSeq;
  #maxTextBytes = Infinity;
  /** Ids of messages that were sent on this connection and neither acknowledged nor refused. @type {Set<string>} */
  #inFlight = new Set();
  /** While this runs, nothing is sent: later messages must not overtake refused ones. @type {Timer} */
  #backOffTimer;
  /** Runs while a message is in flight. Each acknowledgement restarts it. @type {Timer} */
  #ackTimer;
  /** Name to return to when the server refuses the new one. */
  #lastName = "";
  /** Name that was last sent to the server. */
  #sentName = "";
  #typedAtMs = -Infinity;
  /** @type {HistoryRequest[]} */
  #requests = [];

  /** @param {SessionOptions} options */
  constructor({ url, room, handlers, storage, history = DEFAULT_HISTORY, maxReplay, ...injected }) {
    this.#handlers = handlers;
    this.#history = history;
    this.#maxReplay = maxReplay;
    this.#storage = new SafeStorage(storage);
    this.#key = loadKey(this.#storage);
    this.#outbox = new Outbox(this.#storage, room);
    this.#connection = new RoomConnection({
      url,
      WebSocket: injected.WebSocket ?? globalThis.WebSocket,
      random: injected.random ?? Math.random,
      onOpen: () => this.#sayHello(),
      onLine: (line) => this.#receive(line),
      onEnd: () => this.#endRequests(),
      onState: (state) => handlers.onState?.(state),
    });
  }

  /** Chosen name; empty for none. Read from the storage each time, for another tab may have changed it. */
  get name() {
    return this.#storage.get("confab.name") ?? "";
  }

  /** Messages that are not acknowledged, oldest first. */
  get pending() {
    return this.#outbox.messages;
  }

  /** Connects, and stays connected until {@linkcode stop}. */
  start() {
    this.#connection.start();
  }

  /** Disconnects. No timer runs on. */
  stop() {
    this.#connection.stop();
    clearTimeout(this.#backOffTimer);
    this.#backOffTimer = undefined;
  }

  /** Connects now, or probes the connection now. Call it when the network may be back. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** Continues without WebSockets. Call it when none can connect. */
  fallBack() {
    this.#connection.fallBack();
  }

  /**
   * Sends a message, and returns its id. Works offline, as the methods below: it is stored, and sent when possible.
   * @param {string} text
   * @param {{ replyTo?: number }} [options]
   */
  say(text, { replyTo } = {}) {
    const reply = replyTo === undefined ? {} : { replyTo };
    return this.post({ type: "say", text, ...reply });
  }

  /**
   * Replaces the text of a message.
   * @param {number} ref `seq` of a message of the user's own
   * @param {string} text
   */
  edit(ref, text) {
    return this.post({ type: "edit", ref, text });
  }

  /** Deletes a message. @param {number} ref `seq` of a message of the user's own */
  remove(ref) {
    return this.post({ type: "delete", ref });
  }

  /**
   * Sets a reaction or removes it.
   * @param {number} ref `seq` of any message
   * @param {string} emoji
   * @param {boolean} on false removes it
   */
  react(ref, emoji, on) {
    return this.post({ type: "react", ref, emoji, on });
  }

  /** Sends any action, and returns its id. @param {Action} action */
  post(action) {
    const id = randomHex(ID_BYTES);
    this.#handlers.onPending?.(this.#outbox.add({ ...action, id }));
    this.#flush();
    return id;
  }

  /** Retries a failed message. @param {string} id */
  resend(id) {
    this.#mark(id);
    this.#flush();
  }

  /** Discards a message. One that was sent already may still arrive. @param {string} id */
  discard(id) {
    const message = this.#outbox.remove(id);
    if (message) this.#handlers.onPending?.({ ...message, state: "discarded" });
  }

  /** Changes the name. If the server refuses it, `onError` gets the code `bad_name`. @param {string} name */
  rename(name) {
    this.#lastName = this.name;
    this.#storage.set("confab.name", name);
    this.#flush();
  }

  /** Reports that the user is typing, at most once in {@linkcode TYPING_PERIOD_MS}. */
  typing() {
    if (!this.#connection.isOnline || performance.now() - this.#typedAtMs < TYPING_PERIOD_MS) {
      return;
    }
    this.#typedAtMs = performance.now();
    this.#connection.send({ type: "typing" });
  }

  /**
   * Resolves with the entries before one, oldest first. Rejects without a connection, and when the connection ends.
   * @param {number} before a `seq`
   * @param {number} [limit]
   * @returns {Promise<HistoryPage<EntryLine>>}
   */
  history(before, limit = DEFAULT_HISTORY) {
    return new Promise((resolve, reject) => {
      if (!this.#connection.isOnline) return reject(makeOfflineError());
      const request = { type: "history", before, limit, resolve, reject };
      this.#requests.push(request);
      this.#connection.send(request);
    });
  }

  #sayHello() {
    this.#sentName = this.name;
    this.#connection.send({
      type: "hello",
      name: this.#sentName || undefined,
      key: this.#key,
      after: this.#lastSeq,
      epoch: this.#epoch,
      most: this.#maxReplay,
      history: this.#history,
    });
  }

  /** Ends what was in flight when the connection ends: messages will be sent again, requests for history are rejected. */
  #endRequests() {
    this.#inFlight.clear();
    clearTimeout(this.#ackTimer);
    for (const { reject } of this.#requests.splice(0)) reject(makeOfflineError());
  }

  /** Handles a line. Unknown types, which a newer server may send, are ignored. @param {ServerLine} line */
  #receive(line) {
    switch (line.type) {
      case "welcome":
        return this.#receiveWelcome(line);
      case "entry":
        return this.#receiveEntry(line);
      case "gap":
        return this.#receiveGap(line);
      case "ack":
        return this.#settle(line.id, line.seq);
      case "page":
        return this.#receivePage(line);
      case "error":
        return this.#receiveError(line);
      case "presence":
        return this.#handlers.onPresence?.(line);
      case "typing":
        return this.#handlers.onTyping?.(line.from);
      case "bye":
        return this.#connection.drop(clampMs(line.retryAfterMs));
    }
  }

  /** @param {WelcomeLine} welcome */
  #receiveWelcome(welcome) {
    const { epoch, head, resumed, limits } = welcome;
    const isReset = this.#lastSeq !== undefined && (!resumed || epoch !== this.#epoch);
    if (isReset) this.#lastSeq = undefined;
    // Without a first entry to count from, the head is the start.
    if (head === 0 || this.#history === 0) this.#lastSeq ??= head;
    this.#epoch = epoch;
    this.#maxTextBytes = limits.textBytes;
    if (isReset) this.#handlers.onReset?.();
    this.#handlers.onWelcome?.(welcome);
    this.#connection.markOnline();
    this.#flush();
  }

  /** @param {EntryLine} entry */
  #receiveEntry(entry) {
    const last = this.#lastSeq ?? entry.seq - 1;
    if (entry.seq <= last) return;
    if (entry.seq > last + 1) return this.#connection.drop();
    this.#lastSeq = entry.seq;
    if (entry.id !== undefined) this.#settle(entry.id, entry.seq);
    this.#handlers.onEntry?.(entry);
  }

  /** @param {Gap} gap */
  #receiveGap(gap) {
    const last = this.#lastSeq ?? gap.from - 1;
    if (gap.to <= last) return;
    if (gap.from > last + 1) return this.#connection.drop();
    this.#lastSeq = gap.to;
    this.#handlers.onGap?.({ ...gap, from: last + 1, count: gap.to - last });
  }

  /** @param {HistoryPage<EntryLine>} page */
  #receivePage(page) {
    const index = this.#requests.findIndex(({ before }) => before === page.before);
    if (index >= 0) this.#requests.splice(index, 1)[0]?.resolve(page);
  }

  /** @param {Failure} failure */
  #receiveError(failure) {
    const { code, message, id = "", retryAfterMs } = failure;
    if (retryAfterMs !== undefined) return this.#backOff(id, clampMs(retryAfterMs));
    if (this.#outbox.has(id)) {
      this.#inFlight.delete(id);
      this.#mark(id, { code, message });
      return this.#awaitAck();
    }
    if (code === "bad_name") {
      this.#storage.set("confab.name", this.#sentName = this.#lastName);
      this.#lastName = "";
      if (!this.#connection.isOnline) this.#sayHello();
    }
    this.#handlers.onError?.(failure);
  }

  /** Sends, in order, what was not sent on this connection. @returns {void} */
  #flush() {
    if (!this.#connection.isOnline || this.#backOffTimer !== undefined) return;
    if (this.name !== this.#sentName) {
      this.#sentName = this.name;
      this.#connection.send({ type: "name", name: this.name });
      // Sending the name may have closed the connection.
      return this.#flush();
    }
    for (const message of this.#outbox.messages) {
      if (message.state === "failed" || this.#inFlight.has(message.id)) continue;
      if ("text" in message && new TextEncoder().encode(message.text).length > this.#maxTextBytes) {
        // The server might close the connection instead of refusing the message, after every reconnect.
        this.#mark(message.id, { code: "too_long", message: "The message is longer than allowed" });
        continue;
      }
      if (this.#inFlight.size >= MAX_IN_FLIGHT) return;
      this.#inFlight.add(message.id);
      if (this.#inFlight.size === 1) this.#awaitAck();
      const { at: _at, state: _state, error: _error, isUnsaved: _isUnsaved, ...line } = message;
      this.#connection.send(line);
    }
  }

  /** Restarts the acknowledgement timer. The server may answer pings and still acknowledge nothing. */
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
   * Backs off. The server refuses everything that was sent behind the refused message until that is sent again.
   * @param {string} id of the refused message; empty for the name, or a page of history
   * @param {number} ms
   */
  #backOff(id, ms) {
    if (!id) this.#sentName = "";
    this.#inFlight.clear();
    clearTimeout(this.#backOffTimer);
    this.#backOffTimer = setTimeout(() => {
      this.#backOffTimer = undefined;
      for (const request of this.#requests) this.#connection.send(request);
      this.#flush();
    }, ms);
  }

  /**
   * Removes an acknowledged message from the outbox.
   * @param {string} id
   * @param {number} seq
   */
  #settle(id, seq) {
    const message = this.#outbox.remove(id);
    if (this.#inFlight.delete(id)) this.#awaitAck();
    if (message) this.#handlers.onPending?.({ ...message, state: "sent", seq });
  }

  /**
   * Marks a message as failed, or without an error as pending.
   * @param {string} id
   * @param {Refusal} [error]
   */
  #mark(id, error) {
    const message = this.#outbox.mark(id, error);
    if (message) this.#handlers.onPending?.(message);
  }
}

/** Bounds a delay that the server asks for. @param {number} ms */
function clampMs(ms) {
  return Math.min(Math.max(Number(ms) || 0, 0), MAX_RETRY_AFTER_MS);
}

function makeOfflineError() {
  return new Error("Cannot load history: offline");
}

/** Loads the secret that identifies this browser as one author, or makes one. @param {SafeStorage} storage */
function loadKey(storage) {
  const stored = storage.get("confab.key") ?? "";
  if (/^[0-9a-f]{64}$/.test(stored)) return stored;
  const key = randomHex(KEY_BYTES);
  storage.set("confab.key", key);
  return key;
}

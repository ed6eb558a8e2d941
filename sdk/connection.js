// The connection of a session: at most one socket, replaced whenever it ends, stays silent or is not welcomed. Owns the
// back-off and the probe. Knows neither entries nor messages; the session says hello and tells when it was welcomed.
import { HttpFallback } from "./http_fallback.js";

/** @import { RoomConnectionOptions, SocketLike, Timer } from "./types.d.ts" */

const PROTOCOL = "confab.v1";

/** Time for a connection to open and be welcomed. */
const WELCOME_WAIT_MS = 10_000;

/** Silence after which the server is asked for a sign of life, and how long that may take. */
const SILENCE_MS = 15_000;
const PONG_WAIT_MS = 10_000;

/** The longest delay before connecting again: it doubles from the first value to the second. */
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 20_000;

/** A connection that stayed welcome for this long was a good one: the delays start over. */
const STEADY_MS = 5_000;

export class RoomConnection {
  #options;
  #Socket;
  /** The one connection that counts; events of any other are ignored. @type {SocketLike | undefined} */
  #socket;
  /** The one thing waited for: a welcome, a sign of life, or the time to connect again. @type {Timer} */
  #timer;
  #isStarted = false;
  #isOnline = false;
  #isProbing = false;
  #welcomedAt = 0;
  /** Connections in a row that did not last. */
  #attempt = 0;

  /** @param {RoomConnectionOptions} options */
  constructor(options) {
    this.#options = options;
    this.#Socket = options.WebSocket ?? HttpFallback;
  }

  /** Whether there is a connection that was welcomed. */
  get isOnline() {
    return this.#isOnline;
  }

  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#connect();
  }

  stop() {
    this.#isStarted = false;
    clearTimeout(this.#timer);
    this.#abandon();
  }

  /** Connects now, or finds out now whether the connection still lives. */
  retryNow() {
    if (this.#isOnline) this.#probe();
    else if (this.#isStarted && !this.#socket) this.#connect();
  }

  /** Goes on without WebSockets, at once. What has become of them says nothing of what comes now. */
  fallBack() {
    this.#Socket = HttpFallback;
    this.#attempt = 0;
    this.#renew();
  }

  /** Leaves out fields that are undefined. @param {object} line */
  send(line) {
    this.#socket?.send(JSON.stringify(line));
  }

  /** For the session, once the server has answered its hello. */
  markOnline() {
    // A handler of the welcome may have stopped us.
    if (!this.#socket) return;
    this.#isOnline = true;
    this.#welcomedAt = Date.now();
    this.#listen();
    this.#options.onState("online");
  }

  /** Ends the connection and plans the next one, not before `minDelayMs`. */
  drop(minDelayMs = 0) {
    if (this.#isOnline && Date.now() - this.#welcomedAt >= STEADY_MS) this.#attempt = 0;
    this.#abandon();
    // Full jitter, and on top of the least delay: a crowd that is sent away together must not come back together.
    const boundMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** this.#attempt++);
    const delayMs = minDelayMs + this.#options.random() * boundMs;
    this.#wait(delayMs, () => this.#connect());
    this.#options.onState({ offline: true, retryAtMs: Date.now() + delayMs });
  }

  /** Replaces the connection by one that needs no delay, for nothing has failed. */
  #renew() {
    this.#abandon();
    this.#connect();
  }

  #connect() {
    const socket = this.#openSocket();
    // An extension has put something else in its place.
    if (!socket) return this.fallBack();
    this.#socket = socket;
    // A server that speaks something else might tell everybody what the hello holds: the key.
    socket.onopen = () => socket.protocol === PROTOCOL ? this.#options.onOpen() : this.drop();
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = ({ isRenewal }) => isRenewal ? this.#renew() : this.drop();
    this.#wait(WELCOME_WAIT_MS, () => this.drop());
    this.#options.onState("connecting");
  }

  /** Undefined where a WebSocket throws instead; a stream does not. */
  #openSocket() {
    try {
      return new this.#Socket(this.#options.url, PROTOCOL);
    } catch {
      return undefined;
    }
  }

  /** Closing may hang for as long as the network does, so nothing waits for it. */
  #abandon() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isOnline = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#options.onEnd();
  }

  /**
   * @param {SocketLike} socket
   * @param {string} data
   */
  #receive(socket, data) {
    if (this.#isOnline) this.#listen();
    try {
      for (const line of data.split("\n")) {
        if (line !== "") this.#options.onLine(JSON.parse(line));
        // That line may have been its last.
        if (socket !== this.#socket) return;
      }
    } catch (error) {
      // Not JSON, or a handler threw. The next connection brings what comes after that line.
      if (socket === this.#socket) this.drop();
      throw error;
    }
  }

  #listen() {
    this.#isProbing = false;
    this.#wait(SILENCE_MS, () => this.#probe());
  }

  /** A second call does not extend the first one's time. */
  #probe() {
    if (this.#isProbing) return;
    this.#isProbing = true;
    this.send({ type: "ping", n: Date.now() });
    this.#wait(PONG_WAIT_MS, () => this.drop());
  }

  /**
   * @param {number} ms
   * @param {() => void} act
   */
  #wait(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }
}

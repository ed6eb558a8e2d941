// Keeps a session connected: at most one socket, replaced whenever it closes, stays silent or is not welcomed. Owns the
// back-off and the probe. Knows neither entries nor messages; the session sends the hello and reports the welcome.
import { LazyFallback } from "./lazy_fallback.js";

/** @import { RoomConnectionOptions, SocketLike, Timer } from "./types.d.ts" */

const PROTOCOL = "confab.v1";

/** Time limit for a connection to open and be welcomed. */
const WELCOME_WAIT_MS = 10_000;

/** Silence after which the client sends a ping, and time limit for any answer. */
const SILENCE_MS = 15_000;
const PONG_WAIT_MS = 10_000;

/** Bounds of the maximum delay before a reconnect: it doubles from the first value to the second. */
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 20_000;

/** A connection that stayed online for this long resets the back-off. */
const STEADY_MS = 5_000;

export class RoomConnection {
  #options;
  #Socket;
  /** Current connection. Events of any other are ignored. @type {SocketLike | undefined} */
  #socket;
  /** Runs until the only thing that is due: a welcome, an answer to the ping, or a reconnect. @type {Timer} */
  #timer;
  #isStarted = false;
  #isOnline = false;
  #isProbing = false;
  #welcomedAtMs = 0;
  /** Consecutive connections that did not last. */
  #attempt = 0;

  /** @param {RoomConnectionOptions} options */
  constructor(options) {
    this.#options = options;
    this.#Socket = options.WebSocket ?? LazyFallback;
  }

  /** Whether the current connection has been welcomed. */
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

  /** Connects now, or probes the connection now. */
  retryNow() {
    if (this.#isOnline) this.#probe();
    else if (this.#isStarted && !this.#socket) this.#connect();
  }

  /** Continues without WebSockets, at once. Their failures say nothing about the fallback, so that the back-off is reset. */
  fallBack() {
    this.#Socket = LazyFallback;
    this.#attempt = 0;
    this.#renew();
  }

  /** Sends a line without the fields that are undefined. @param {object} line */
  send(line) {
    this.#socket?.send(JSON.stringify(line));
  }

  /** Marks the connection as welcomed. The session calls it once the server has answered the hello. */
  markOnline() {
    // A handler of the welcome may have called stop().
    if (!this.#socket) return;
    this.#isOnline = true;
    this.#welcomedAtMs = performance.now();
    this.#listen();
    this.#options.onState("online");
  }

  /** Closes the connection and schedules the next one, not before `minDelayMs`. */
  drop(minDelayMs = 0) {
    if (this.#isOnline && performance.now() - this.#welcomedAtMs >= STEADY_MS) this.#attempt = 0;
    this.#abandon();
    // Full jitter on top of the minimum delay: clients that are closed together must not reconnect together.
    const boundMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** this.#attempt++);
    const delayMs = minDelayMs + this.#options.random() * boundMs;
    this.#wait(delayMs, () => this.#connect());
    this.#options.onState({ offline: true, retryAtMs: performance.now() + delayMs });
  }

  /** Replaces the connection without a delay, for nothing has failed. */
  #renew() {
    this.#abandon();
    this.#connect();
  }

  #connect() {
    const socket = this.#openSocket();
    // A browser extension may have replaced WebSocket with something that throws.
    if (!socket) return this.fallBack();
    this.#socket = socket;
    // A server of another protocol might broadcast the hello, which contains the key.
    socket.onopen = () => socket.protocol === PROTOCOL ? this.#options.onOpen() : this.drop();
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = ({ isRenewal }) => isRenewal ? this.#renew() : this.drop();
    this.#wait(WELCOME_WAIT_MS, () => this.drop());
    this.#options.onState("connecting");
  }

  /** Opens a socket. Undefined when the WebSocket constructor throws; the fallback's does not. */
  #openSocket() {
    try {
      return new this.#Socket(this.#options.url, PROTOCOL);
    } catch {
      return undefined;
    }
  }

  /** Closes the socket without waiting: closing may take as long as the network hangs. */
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
        // The line may have caused the connection to close.
        if (socket !== this.#socket) return;
      }
    } catch (error) {
      // Not JSON, or a handler threw. The next connection resumes behind that line.
      if (socket === this.#socket) this.drop();
      throw error;
    }
  }

  /** Restarts the silence timer. */
  #listen() {
    this.#isProbing = false;
    this.#wait(SILENCE_MS, () => this.#probe());
  }

  /** Sends a ping and drops the connection if nothing answers it. A second call does not extend the first one's time. */
  #probe() {
    if (this.#isProbing) return;
    this.#isProbing = true;
    this.send({ type: "ping", n: Math.trunc(performance.now()) });
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

// Loads the connection without a WebSocket when it is needed: few networks block WebSockets.

/** @import { SocketLike } from "./types.d.ts" */

/** Has the interface of a WebSocket. It closes if the module cannot be loaded; the next attempt loads it again. */
export class LazyFallback {
  /** @type {SocketLike["onopen"]} */
  onopen = null;
  /** @type {SocketLike["onmessage"]} */
  onmessage = null;
  /** @type {SocketLike["onclose"]} */
  onclose = null;
  #isClosed = false;
  /** @type {SocketLike | undefined} */
  #socket;

  /** @param {string} url of the room's socket @param {string} protocol */
  constructor(url, protocol) {
    this.protocol = protocol;
    import("./http_fallback.js").then(
      ({ HttpFallback }) => this.#isClosed || this.#pass(new HttpFallback(url, protocol)),
      () => this.#isClosed || this.onclose?.({}),
    );
  }

  /** @param {string} data one line */
  send(data) {
    this.#socket?.send(data);
  }

  /** No event follows. */
  close() {
    this.#isClosed = true;
    this.#socket?.close();
  }

  /** Passes the events on. @param {SocketLike} socket */
  #pass(socket) {
    this.#socket = socket;
    socket.onopen = (event) => this.onopen?.(event);
    socket.onmessage = (event) => this.onmessage?.(event);
    socket.onclose = (event) => this.onclose?.(event);
  }
}

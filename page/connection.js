// The state of the connection, outside of the log. A drop that heals at once shows nothing.
import { byId } from "./dom.js";

/** @import { State } from "./protocol.d.ts" */

/** A drop healed within this time shows nothing. */
const GRACE_MS = 2_000;

/** Without ever a welcome, so many connections must fail before the way to the server is suspected. */
const MAX_FAILURES = 3;

const NO_SOCKET = "This browser has no WebSocket, or it is switched off. Try another browser.";
const BLOCKED =
  "The page comes through, but its WebSocket does not: a proxy, a firewall or an extension blocks it. " +
  "Try another network or browser.";

/** Shows the state that it is told. @param {() => void} onRetry */
export function makeConnection(onRetry) {
  const status = byId("status");
  const countdown = byId("countdown");
  const retry = byId("retry");
  /** @type {State} */
  let state = "connecting";
  let since = Date.now();
  let wasOnline = false;
  let failures = 0;
  let obstacle = "";

  retry.onclick = onRetry;
  setInterval(draw, 500);

  /** Told by a screen reader when it changes, so the seconds are apart. */
  function draw() {
    const isShown = state !== "online" && Date.now() - since >= GRACE_MS;
    const text = !isShown ? "" : obstacle || (wasOnline ? "Reconnecting" : "Connecting");
    if (status.textContent !== text) status.textContent = text;
    retry.hidden = !isShown || typeof state === "string";
    if (typeof state === "string") return countdown.textContent = isShown ? "…" : "";
    const seconds = Math.ceil((state.retryAtMs - Date.now()) / 1000);
    countdown.textContent = isShown ? ` in ${Math.max(1, seconds)} s · ` : "";
  }

  /** Nothing but the page has come through so far: tells whether the server is away, or the way is blocked. */
  async function investigate() {
    const response = await fetch("page/icon.svg", { cache: "no-store" }).catch(() => undefined);
    obstacle = !wasOnline && response?.ok ? BLOCKED : "";
  }

  return {
    /** @param {State} now */
    show(now) {
      if (state === "online") since = Date.now();
      if (typeof now === "object" && !wasOnline && ++failures >= MAX_FAILURES) investigate();
      if (now === "online") {
        wasOnline = true;
        obstacle = "";
      }
      state = now;
      document.documentElement.dataset["connection"] = typeof now === "object" ? "offline" : now;
      draw();
    },
    showNoSocket() {
      obstacle = NO_SOCKET;
      since = 0;
      draw();
    },
  };
}

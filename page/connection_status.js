// The state of the connection, outside of the log. A drop that heals at once shows nothing.
import { byId } from "./dom.js";

/** @import { State } from "../sdk/types.d.ts" */

/** A drop healed within this time shows nothing. */
const GRACE_MS = 2_000;

/** Without ever a welcome, so many connections must fail before the way to the server is suspected. */
const MAX_FAILURES = 3;

/** Or one that took so long to fail. */
const MAX_WAIT_MS = 9_000;

const BLOCKED = "The page loads, but a proxy, a firewall or an extension blocks messages. " +
  "Try another network or browser.";

/** Shows the state that it is told. @param {() => void} onRetry @param {() => void} onBlocked once at most */
export function makeConnection(onRetry, onBlocked) {
  const status = byId("status");
  const countdown = byId("countdown");
  const retry = byId("retry");
  /** @type {State} */
  let state = "connecting";
  let since = Date.now();
  let wasOnline = false;
  let failures = 0;
  let hasTold = false;
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

  /** Nothing but the page has come through so far: finds out whether the server is away, or the way is blocked. */
  async function investigate() {
    // What failed before there was another way says nothing of that one, however late this is known.
    const hadTold = hasTold;
    const response = await fetch("page/icon.svg", { cache: "no-store" }).catch(() => undefined);
    const isBlocked = !wasOnline && response?.ok;
    obstacle = isBlocked && hadTold ? BLOCKED : "";
    if (!isBlocked || hasTold) return;
    hasTold = true;
    onBlocked();
  }

  return {
    /** @param {State} now */
    show(now) {
      if (state === "online") since = Date.now();
      const isLong = Date.now() - since > MAX_WAIT_MS;
      if (typeof now === "object") {
        // Whoever is signed out gets the sign-in page in place of this one. What was typed is kept.
        fetch("", { method: "HEAD" })
          .then(({ status }) => status === 401 && location.reload(), () => {});
        if (!wasOnline && (++failures >= MAX_FAILURES || isLong)) investigate();
      }
      if (now === "online") {
        wasOnline = true;
        obstacle = "";
      }
      state = now;
      document.documentElement.dataset["connection"] = typeof now === "object" ? "offline" : now;
      draw();
    },
  };
}

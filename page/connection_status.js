// Shows the state of the connection above the list of messages. A drop that is repaired at once shows nothing.
import { byId } from "./dom.js";

/** @import { State } from "../sdk/types.d.ts" */

/** A drop that is repaired within this time shows nothing. */
const GRACE_MS = 2_000;

/** Consecutive failures, without any welcome before, after which the network path is checked. */
const MAX_FAILURES = 3;

/** Duration of a single failure that has the same effect. */
const MAX_WAIT_MS = 9_000;

const BLOCKED = "The page loads, but a proxy, a firewall or an extension blocks messages. " +
  "Try another network or browser.";

/** @param {() => void} onRetry @param {() => void} onBlocked called at most once */
export function makeConnection(onRetry, onBlocked) {
  const status = byId("status");
  const countdown = byId("countdown");
  const retry = byId("retry");
  /** @type {State} */
  let state = "connecting";
  let since = performance.now();
  let wasOnline = false;
  let failures = 0;
  let hasReported = false;
  let obstacle = "";

  retry.onclick = onRetry;
  setInterval(draw, 500);

  /** Draws the state. Screen readers read changes of the status, so that the seconds are a separate element. */
  function draw() {
    const isShown = state !== "online" && performance.now() - since >= GRACE_MS;
    const text = !isShown ? "" : obstacle || (wasOnline ? "Reconnecting" : "Connecting");
    if (status.textContent !== text) status.textContent = text;
    retry.hidden = !isShown || typeof state === "string";
    if (typeof state === "string") return countdown.textContent = isShown ? "…" : "";
    const seconds = Math.ceil((state.retryAtMs - performance.now()) / 1000);
    countdown.textContent = isShown ? ` in ${Math.max(1, seconds)} s · ` : "";
  }

  /** Finds out whether the server is down, or something blocks the connection but not the page. */
  async function investigate() {
    // Failures before the fallback say nothing about it, even if this response arrives after the switch.
    const hadReported = hasReported;
    const response = await fetch("page/icon.svg", { cache: "no-store" }).catch(() => undefined);
    const isBlocked = !wasOnline && response?.ok;
    obstacle = isBlocked && hadReported ? BLOCKED : "";
    if (!isBlocked || hasReported) return;
    hasReported = true;
    onBlocked();
  }

  return {
    /** @param {State} now */
    show(now) {
      if (state === "online") since = performance.now();
      const isLong = performance.now() - since > MAX_WAIT_MS;
      if (typeof now === "object") {
        // After signing out, a reload shows the sign-in page. The draft and the outbox are kept.
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

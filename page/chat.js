// The page of one room: its session told to the log, and its form told to the session.
import { RoomLog } from "./log.js";
import { Session } from "./session.js";

/** @import { Gap } from "./session.js" */
/** @import { State } from "./link.js" */

/** What the server takes at most; a longer message would fail. */
const MAX_MESSAGE_BYTES = 16 * 1024;

const form = byId("form", HTMLFormElement);
const msg = byId("msg", HTMLInputElement);
const who = byId("name", HTMLInputElement);
const status = byId("status", HTMLElement);

const room = decodeURIComponent(/\/r\/([^/]+)\/?$/.exec(location.pathname)?.[1] ?? "lobby");
document.title = `${room} · Confab`;
byId("room", HTMLElement).textContent = room;

const log = new RoomLog(byId("log", HTMLElement), {
  onRetry: (id) => session?.resend(id),
  onDelete: (id) => session?.discard(id),
});

/** @type {Session | undefined} */
let session;

if ("WebSocket" in globalThis) begin();
else log.addNotice("Your browser does not support WebSockets.");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!session || msg.value === "" || !keepName() || !reportTooLong()) return;
  session.say(msg.value);
  msg.value = "";
});
for (const input of [msg, who]) input.addEventListener("input", () => input.setCustomValidity(""));
who.addEventListener("change", () => who.value.trim() && keepName());
for (const sign of ["online", "pageshow"]) addEventListener(sign, () => session?.retryNow());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) session?.retryNow();
});

// A finger would open the keyboard over what there is to read.
if (matchMedia("(pointer: fine)").matches) msg.focus();

function begin() {
  const url = new URL(location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = url.pathname.replace(/\/?$/, "/ws");
  url.search = url.hash = "";
  session = new Session({
    url: url.href,
    room,
    handlers: {
      onState: showState,
      onReset: () => log.clear(),
      onEntry: (entry) => log.addEntry(entry),
      onGap: (gap) => log.addNotice(describeGap(gap)),
      onPending: (message) => log.showPending(message, who.value),
      onError: ({ code, message }) => code === "bad_name" ? refuseName(message) : undefined,
    },
  });
  who.value = session.name;
  for (const message of session.pending) log.showPending(message, who.value);
  session.start();
}

/** @param {State} state */
function showState(state) {
  if (state === "online") status.textContent = "";
  else if (state === "connecting") status.textContent ||= "Connecting…";
  else status.textContent = "Reconnecting…";
}

/** @param {Gap} gap */
function describeGap({ count, reason }) {
  const messages = count === 1 ? "1 message is" : `${count} messages are`;
  return reason === "retention" ? `${messages} no longer kept.` : `${messages} not shown.`;
}

/** Tells the session the name; asks for one, and returns false, where there is none. */
function keepName() {
  const name = who.value.trim();
  if (name === "") return refuseName("Choose a name first.");
  if (name !== session?.name) session?.rename(name);
  return true;
}

/** @param {string} why */
function refuseName(why) {
  who.setCustomValidity(why);
  who.reportValidity();
  return false;
}

/** Says so, and returns false, when the message is over the limit; the text stays. */
function reportTooLong() {
  const bytes = new TextEncoder().encode(msg.value).length;
  if (bytes <= MAX_MESSAGE_BYTES) return true;
  msg.setCustomValidity(`Too long by ${bytes - MAX_MESSAGE_BYTES} bytes. Split it in two.`);
  msg.reportValidity();
  return false;
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function byId(id, type) {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new TypeError(`Cannot find element: expected ${type.name} with id "${id}"`);
}

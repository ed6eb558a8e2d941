// The page's logic: one WebSocket, one form, one log. Speaks the seed's lines.
import { appendLog } from "./log.js";

/** What the server takes at most; a longer message would end the connection. */
const MAX_MESSAGE_BYTES = 16 * 1024;

const log = byId("log", HTMLElement);
const form = byId("form", HTMLFormElement);
const msg = byId("msg", HTMLInputElement);
const status = byId("status", HTMLElement);

/** @type {WebSocket | undefined} */
let socket;

if ("WebSocket" in globalThis) connect();
else appendLog(log, ["Your browser does not support WebSockets."], "notice");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket?.readyState !== WebSocket.OPEN || msg.value === "") return;
  if (!reportTooLong()) return;
  socket.send(msg.value);
  msg.value = "";
});
msg.addEventListener("input", () => msg.setCustomValidity(""));

// A finger would open the keyboard over what there is to read.
if (matchMedia("(pointer: fine)").matches) msg.focus();

function connect() {
  status.textContent = "Connecting…";
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.addEventListener("open", () => status.textContent = "");
  socket.addEventListener("message", ({ data }) => appendLog(log, data.split("\n")));
  socket.addEventListener("close", ({ reason }) => {
    status.textContent = "Offline";
    // The server's reasons read `code: sentence`.
    const why = reason ? ` ${reason.replace(/^\w+: /, "")}.` : "";
    appendLog(log, [`Connection closed.${why}`], "notice");
  });
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

// A terminal client for `confab.v1`, written from docs/protocol.md alone. It sends each line that you type; Ctrl-D ends it.
//   deno run --allow-net examples/client.js ws://localhost:8080/ws Ann     (or: node, from version 22 on)
import process from "node:process";
import { createInterface } from "node:readline";

const [url, name] = process.argv.slice(2);
const key = crypto.randomUUID(); // identifies the author; keep it to stay the same person
const waiting = new Map(); // unacknowledged messages by id, oldest first
let socket, silence, epoch, last; // `last` is the newest seq shown
let [attempt, isEnding] = [0, false];

function connect() {
  socket = new WebSocket(url, "confab.v1");
  socket.onopen = () => send({ type: "hello", name, key, after: last, epoch });
  socket.onmessage = ({ data }) => {
    listen();
    for (const line of data.split("\n")) take(JSON.parse(line));
  };
  socket.onclose = () => {
    clearTimeout(silence);
    if (!isEnding) setTimeout(connect, Math.random() * Math.min(20_000, 500 * 2 ** attempt++));
  };
}

function take(line) {
  switch (line.type) {
    case "welcome":
      if (!line.resumed) last = undefined; // a new history: the messages shown are invalid
      epoch = line.epoch;
      attempt = 0;
      return waiting.forEach((message) => send(message));
    case "entry":
      if (last !== undefined && line.seq <= last) return;
      last = line.seq;
      return line.kind === "say" && console.log(`${line.seq} ${line.from.name}: ${line.text}`);
    case "gap":
      last = line.to;
      return console.log(`(${line.count} messages are no longer available)`);
    case "ack":
      return waiting.delete(line.id);
    case "error":
      console.error(`${line.code}: ${line.message}`);
      if (line.retryAfterMs) setTimeout(() => send(waiting.get(line.id)), line.retryAfterMs);
      else waiting.delete(line.id);
  }
}

function send(line) {
  if (line && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(line));
}

/** Sends a ping after 15 s of silence, and closes the connection after 10 s more. */
function listen() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    send({ type: "ping" });
    silence = setTimeout(() => socket.close(), 10_000);
  }, 15_000);
}

connect();
createInterface({ input: process.stdin }).on("line", (text) => {
  const message = { type: "say", id: crypto.randomUUID(), text };
  waiting.set(message.id, message);
  send(message);
}).on("close", () => {
  isEnding = true;
  socket.close();
});

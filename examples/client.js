// A client of `confab.v1` for the terminal, written from docs/protocol.md alone. What you type is said; Ctrl-D ends it.
//   deno run --allow-net examples/client.js ws://localhost:8080/ws Ann     (or: node, from version 22 on)
import process from "node:process";
import { createInterface } from "node:readline";

const [url, name] = process.argv.slice(2);
const key = crypto.randomUUID(); // who has the key is the person; keep it to stay the same one
const waiting = new Map(); // what was said and is not acknowledged: by id, oldest first
let socket, silence, epoch, last; // `last` is the newest seq that was shown
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
      if (!line.resumed) last = undefined; // another history: what was shown is of no use
      epoch = line.epoch;
      attempt = 0;
      return waiting.forEach((message) => send(message));
    case "entry":
      if (last !== undefined && line.seq <= last) return;
      last = line.seq;
      return line.kind === "say" && console.log(`${line.seq} ${line.from.name}: ${line.text}`);
    case "gap":
      last = line.to;
      return console.log(`(${line.count} messages are not here any more)`);
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

/** Silence for 15 s is asked about; silence for 10 s more is the end of the connection. */
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

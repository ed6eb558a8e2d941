// A chat as the manual of ws broadcasts: one send for each client and message, the sender included. With bufferutil
// installed, as that manual advises for speed. It stores nothing, and keeps in memory what a slow reader has not read.
const { createServer } = require("node:http");
const { WebSocket, WebSocketServer } = require("ws");

const http = createServer((_request, response) => response.end("ws\n"));
const room = new WebSocketServer({ server: http, path: "/ws" });

room.on("connection", (client) => {
  client.on("error", console.error);
  client.on("message", (data, isBinary) => {
    for (const receiver of room.clients) {
      if (receiver.readyState === WebSocket.OPEN) receiver.send(data, { binary: isBinary });
    }
  });
});

http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}/`));

// A chat as the manual of Socket.IO writes it: one emit to all clients, then the acknowledgement. WebSocket only, without
// the first request of each connection, and with bufferutil installed, as that manual advises. It stores nothing.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer((_request, response) => response.end("socket.io\n"));
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.engine.on("connection", (connection) => {
  connection.request = null;
});
io.on("connection", (client) => {
  client.on("line", (text, acknowledge) => {
    io.emit("line", text);
    acknowledge();
  });
});

http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}/`));

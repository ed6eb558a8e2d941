// A chat as the manual of Bun writes it: each client subscribes, and the server's own publish, which is native code,
// reaches all of them, the sender included. It stores nothing, and drops messages for a reader that is too far behind.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    if (new URL(request.url).pathname !== "/ws") return new Response("bun\n");
    if (server.upgrade(request)) return;
    return new Response("This address speaks WebSocket only\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(client) {
      client.subscribe("room");
    },
    message(_client, text) {
      server.publish("room", text);
    },
  },
});

console.log(`http://127.0.0.1:${server.port}/`);

import { assertEquals, assertThrows } from "@std/assert";
import { parseFlags } from "./flags.ts";

const DEFAULTS = { clients: 100, rooms: undefined };

Deno.test("parseFlags() reads numbers, and uses defaults for absent ones", () => {
  const flags = parseFlags(["--port", "8080", "--clients", "7"], DEFAULTS);
  assertEquals(flags.target, { port: 8080, dialect: "lines" });
  assertEquals([flags.number("clients"), flags.optional("rooms")], [7, undefined]);
});

Deno.test("parseFlags() loads another machine only if its host is named", () => {
  const flags = parseFlags(["--port", "1", "--host", "::1", "--path", "/x"], DEFAULTS);
  assertEquals(flags.target, { port: 1, dialect: "lines", host: "::1", path: "/x" });
});

Deno.test("parseFlags() reports the reason of an error", () => {
  const cases = {
    "--port x": 'Cannot parse flag "--port": expected a number, received "x"',
    "--port 65536": 'Cannot parse flag "--port": expected a number, received "65536"',
    "--port 1 --clients=-1": 'Cannot parse flag "--clients": expected a number, received "-1"',
    "--port 1 --dialect irc":
      'Cannot parse flag "--dialect": expected one of lines, confab.v1, socket.io, received "irc"',
    "": "Cannot parse flags: expected --port, received none",
    "--port 1 --senders 2": "Unknown option '--senders'",
  };
  for (const [args, message] of Object.entries(cases)) {
    const parse = () => parseFlags(args.split(" ").filter(Boolean), DEFAULTS).number("clients");
    assertThrows(parse, Error, message);
  }
});

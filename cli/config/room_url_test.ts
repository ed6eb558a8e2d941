import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../../protocol/errors.ts";
import { parseRoomUrl } from "./room_url.ts";

Deno.test("parseRoomUrl() finds the room, the server and its base path", () => {
  const cases: [text: string, base: string, room: string][] = [
    ["http://h:1/r/ops", "http://h:1/", "ops"],
    ["http://h:1/r/ops/", "http://h:1/", "ops"],
    ["https://h/r/ops#m7", "https://h/", "ops"],
    ["https://h/r/ops?", "https://h/", "ops"],
    ["localhost#m7", "http://localhost/", "lobby"],
    [":8821", "http://localhost:8821/", "lobby"],
    [":8821/r/ops", "http://localhost:8821/", "ops"],
    ["http://h:1", "http://h:1/", "lobby"],
    ["http://h:1/", "http://h:1/", "lobby"],
    ["https://h/chat/", "https://h/chat/", "lobby"],
    ["https://h/chat/r/ops", "https://h/chat/", "ops"],
    ["https://h/r/r/r/ops", "https://h/r/r/", "ops"],
    ["HTTPS://H/r/k%C3%BCche", "https://h/", "küche"],
    ["http://h/r/küche", "http://h/", "küche"],
    ["h:1", "http://h:1/", "lobby"],
    ["h:1/r/ops", "http://h:1/", "ops"],
    ["localhost", "http://localhost/", "lobby"],
    ["chat.example/r/ops", "http://chat.example/", "ops"],
    ["[::1]:8080", "http://[::1]:8080/", "lobby"],
  ];
  for (const [text, base, room] of cases) {
    const url = `${base}r/${encodeURIComponent(room)}`;
    assertEquals(parseRoomUrl(text), { base, room, url, name: undefined }, text);
  }
});

Deno.test("parseRoomUrl() refuses other URLs and texts", () => {
  const wrong = [
    "",
    "ops",
    "/r/ops",
    "ftp://h/r/ops",
    "ws://h/r/ops",
    "http://",
    "http://h/ops",
    "http://h/r/",
    "http://h/chat/r/",
    "h:1/r/",
    "h:x",
    ":",
    ":x",
  ];
  for (const text of wrong) {
    const { code, message } = assertThrows(() => parseRoomUrl(text), ChatError);
    assertEquals(code, "bad_usage");
    assertEquals(
      message,
      `Cannot parse URL: expected http://HOST:PORT/r/ROOM, received "${text}"`,
    );
  }
  const { message } = assertThrows(() => parseRoomUrl("http://h/r/Ops"), ChatError);
  assert(message.endsWith('received "Ops"'), message);
});

Deno.test("parseRoomUrl() takes the name from the query if allowed, and refuses other parameters", () => {
  const parseName = (text: string) => parseRoomUrl(text, { hasName: true }).name;
  assertEquals(parseName("http://h/r/ops?name=Ann%20B#m7"), "Ann B");
  assertEquals(parseName("localhost?name=Ann"), "Ann");
  assertEquals([parseName("h:1/?name="), parseName("h:1")], [undefined, undefined]);
  assertEquals(parseRoomUrl("h:1/r/ops?name=Ann", { hasName: true }).url, "http://h:1/r/ops");
  const parseError = (text: string, hasName: boolean) =>
    assertThrows(() => parseRoomUrl(text, { hasName }), ChatError).message;
  assertEquals(
    parseError("h:1?name=Ann&after=2", true),
    'Cannot parse URL: expected only "name" in the query, received "after"',
  );
  assertEquals(
    parseError("h:1?name=Ann", false),
    'Cannot parse URL: expected no query, received "name"',
  );
});

Deno.test("parseRoomUrl() does not show a password", () => {
  const { message } = assertThrows(() => parseRoomUrl("ftp://ann:secret@h/r/ops"), ChatError);
  assert(!message.includes("secret"), message);
});

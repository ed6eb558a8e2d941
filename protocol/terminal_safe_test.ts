import { assertEquals } from "@std/assert";
import { escapeForTerminal, harmlessJson } from "./terminal_safe.ts";

const STEERING = ["\x1b", "\x07", "\r", "\n", "\0", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066"];

Deno.test("escapeForTerminal() replaces what controls a terminal, and nothing else", () => {
  assertEquals(escapeForTerminal("\x1b[2J\x9b2J\u202eab"), "\ufffd[2J\ufffd2J\ufffdab");
  assertEquals(escapeForTerminal(STEERING.join("")), "\ufffd".repeat(STEERING.length));
  const text = "Zoë: 👩‍👩‍👧 שלום नमस्ते";
  assertEquals(escapeForTerminal(text), text);
});

Deno.test("harmlessJson() is the same JSON without what controls a terminal", () => {
  const value = { text: `a${STEERING.join("b")}👍` };
  const json = harmlessJson(JSON.stringify(value));
  assertEquals(JSON.parse(json), value);
  assertEquals(escapeForTerminal(json), json);
});

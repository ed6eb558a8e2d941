import { assertEquals } from "@std/assert";
import type { Outcome } from "../../sdk/types.d.ts";
import { ChatFooter } from "./footer.ts";

function makeFooter(): ChatFooter {
  return new ChatFooter((text) => `(${text})`, 0);
}

function message(id: string, rest: Record<string, unknown> = { state: "pending" }): Outcome {
  return { type: "say", id, text: `text ${id}`, at: 1, ...rest } as Outcome;
}

Deno.test("ChatFooter shows a message until both its entry and its acknowledgement have arrived, in any order", () => {
  const footer = makeFooter();
  for (const id of ["1", "2", "3"]) footer.showPending(message(id));
  assertEquals(footer.draw(0), ["(… text 1)", "(… text 2)", "(… text 3)"]);
  footer.showPending(message("1", { state: "sent", seq: 7 }));
  assertEquals(footer.draw(0).length, 3);
  footer.settle(7);
  assertEquals(footer.draw(0), ["(… text 2)", "(… text 3)"]);
  footer.settle(8);
  footer.showPending(message("2", { state: "sent", seq: 8 }));
  assertEquals(footer.draw(0), ["(… text 3)"]);
  footer.showPending(message("3", { state: "discarded" }));
  assertEquals(footer.draw(0), []);
});

Deno.test("ChatFooter does not wait for entries within a gap or of an old history", () => {
  const footer = makeFooter();
  footer.showPending(message("1", { state: "sent", seq: 7 }));
  footer.settle(9);
  assertEquals(footer.draw(0), []);
  footer.showPending(message("2", { state: "sent", seq: 12 }));
  footer.showPending(message("3"));
  footer.reset();
  assertEquals(footer.draw(0), ["(… text 3)"]);
  footer.showPending(message("3", { state: "sent", seq: 1 }));
  assertEquals(footer.draw(0), ["(… text 3)"]);
  footer.settle(1);
  assertEquals(footer.draw(0), []);
});

Deno.test("ChatFooter explains why a message was not sent, and counts messages that do not fit", () => {
  const footer = makeFooter();
  const error = { code: "too_long", message: "\x1bToo long" };
  footer.showPending(message("1", { state: "failed", error, text: `${"x".repeat(70)}\n` }));
  assertEquals(footer.draw(0), [
    `! not sent: ${"x".repeat(60)}… (\ufffdToo long). /retry or /drop`,
  ]);
  footer.showPending(message("1", { state: "discarded" }));
  for (let n = 1; n <= 7; n++) footer.showPending(message(String(n)));
  assertEquals(footer.draw(0), [
    "(… 2 more)",
    ...[3, 4, 5, 6, 7].map((n) => `(… text ${n})`),
  ]);
});

Deno.test("ChatFooter shows a bad connection after the grace time", () => {
  const footer = makeFooter();
  assertEquals(footer.draw(1_999), []);
  assertEquals(footer.draw(2_000), ["-- connecting --"]);
  footer.showState("online", 3_000);
  assertEquals(footer.draw(60_000), []);
  footer.showState({ offline: true, retryAtMs: 64_000 }, 60_000);
  assertEquals(footer.draw(61_999), []);
  assertEquals(footer.draw(62_000), ["-- reconnecting in 2 s --"]);
  footer.showState("connecting", 64_000);
  assertEquals(footer.draw(64_000), ["-- reconnecting --"]);
  footer.showState({ offline: true, retryAtMs: 64_000 }, 64_000);
  assertEquals(footer.draw(65_000), ["-- reconnecting in 1 s --"]);
});

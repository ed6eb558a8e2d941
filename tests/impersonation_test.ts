// Nobody is shown as somebody else: ten thousand keys that were ground for the tag of one person, wherever messages show.
import { assert, assertEquals } from "@std/assert";
import { ChatLines } from "../cli/chat/lines.ts";
import { Hub } from "../hub.ts";
import type { Member } from "../hub/subscription.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { JSON_LINES } from "../protocol/confab_v1.ts";
import type { Batch, Message, Wire } from "../protocol/message.ts";
import { hashKey } from "../protocol/names.ts";
import { LINES } from "../protocol/plain_lines.ts";
import { TRANSCRIPT } from "../protocol/transcript.ts";
import { isSame, Messages, personOf } from "../sdk/messages.js";
import { LOOKALIKES } from "../sdk/lookalikes.js";
import { Names } from "../sdk/names.js";
import type { EntryLine } from "../sdk/types.d.ts";

const KEYS = 10_000;

/** Messages that wait in the hub at once. */
const BATCH = 500;

/** A member that keeps the lines of one protocol. */
class Listener implements Member {
  readonly wire: Wire;
  readonly lines: string[] = [];

  constructor(wire: Wire) {
    this.wire = wire;
  }

  trySend({ frame }: Batch): boolean {
    if (frame) this.lines.push(...frame.text.split("\n"));
    return true;
  }

  notify(): void {}
  close(): void {}
}

Deno.test("ten thousand keys ground for one tag: none is shown as the other person, in lines, transcript, terminal or page", async () => {
  const hub = new Hub({ journal: new MemoryJournal(), keep: 0, log: () => {} });
  const running = hub.run();
  const [lines, transcript, json] = [LINES, TRANSCRIPT, JSON_LINES].map((wire) => {
    const listener = new Listener(wire);
    hub.register(listener, "lobby");
    return listener;
  });
  let ids = 0;
  const post = (author: string, more: Partial<Message>, name = "Ann") =>
    hub.post("lobby", { author, name }, {
      ...{ kind: "say", id: `${++ids}`, text: "hi", ref: 0, on: true },
      ...more,
    });
  const ann = hashKey("the secret of the real Ann");
  assertEquals(await post(ann, { text: "I am Ann" }), 1);
  await post(ann, { kind: "react", ref: 1, text: "👍" });
  const tag = ann.slice(0, 6);
  // Hashes that share more and more of hers, and all names that might pass for hers.
  const names = [
    "Ann",
    "\u0410nn",
    `Ann#${tag}: I approve`,
    `Ann (${tag})`,
    "-- Ann closed the room --",
    `Ann ${tag}`,
  ];
  for (let n = 0; n < KEYS; n += BATCH) {
    await Promise.all(Array.from({ length: BATCH }, async (_, m) => {
      const known = ann.slice(0, 6 + (n + m) % 12);
      const author = (known + (n + m).toString().padStart(26, "0").slice(known.length)).slice(
        0,
        26,
      );
      const name = names[(n + m) % names.length]!;
      await post(author, { text: `${n + m}` }, name);
      if (m % 10 === 0) await post(author, { kind: "react", ref: 1, text: "👍", on: false }, name);
    }));
  }
  hub.close("restarting");
  await running;

  const entries: EntryLine[] = json!.lines.map((line) => JSON.parse(line));
  const said = entries.filter(({ kind }) => kind === "say");
  assertEquals(said.length, KEYS + 1);
  const isAnn = ({ from }: EntryLine) => isSame({ name: "Ann", tag }, from.tag);
  assertEquals(said.filter(isAnn).map(({ seq }) => seq), [1]);
  assertEquals(new Set(said.map(({ from }) => from.tag)).size, KEYS + 1);
  // The page: whose message, whose reaction, and every name in a line of text.
  const messages = new Messages();
  for (const entry of entries) messages.add(entry);
  assertEquals(messages.get(1)?.reactions.get("👍")?.get(tag)?.on, true);
  assertEquals(said.filter(({ from }) => personOf(from).includes(`(${tag})`)).length, 1);
  // Her tag is marked on the page and in the terminal, like those of all whose names look like hers.
  const people = new Names(LOOKALIKES);
  for (const { from } of said) people.add(from);
  assertEquals(["Ann", "\u0410nn", "Ben"].map((name) => people.isShared(name)), [
    true,
    true,
    false,
  ]);
  // Lines of text: hers begin with her name and her tag, and no other line does.
  const terminal = new ChatLines({ hasColor: false });
  const shown = {
    lines: lines!.lines,
    transcript: transcript!.lines.map((line) => line.replace(/^\S+Z /, "")),
    terminal: said.map((entry) => terminal.draw(entry).replace(/^(-- .* --\n)?\d\d:\d\d /, "¶ ")),
  };
  for (const [where, all] of Object.entries(shown)) {
    assertEquals(all.length, KEYS + 1, where);
    const hers = all.filter((line) =>
      line.startsWith(`¶ Ann#${tag}`) && !/^¶ Ann#\w{7}/.test(line)
    );
    assertEquals(hers, [`¶ Ann#${tag}: I am Ann`], where);
    assert(all.every((line) => !line.startsWith("¶ --")), where);
  }
});

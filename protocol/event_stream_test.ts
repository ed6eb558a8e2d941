import { assert, assertEquals } from "@std/assert";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { EVENT_STREAM } from "./event_stream.ts";
import { JSON_LINES } from "./confab_v1.ts";
import type { Entry, Notice } from "./message.ts";

const ENTRY: Entry = {
  seq: 7,
  at: 0,
  kind: "say",
  author: "",
  name: "Ann",
  tag: "k3f9",
  id: "a",
  text: "two\nlines\r\u2028data: x",
  ref: 0,
  on: true,
};
const WELCOME: Notice = {
  type: "welcome",
  room: "ops",
  epoch: "6d0f",
  head: 9,
  you: { name: "", tag: "" },
  resumed: false,
  textBytes: 16384,
  after: 5,
};
const GAP: Notice = { type: "gap", from: 1, to: 5, count: 5, reason: "retention" };

/** Parses the events with a parser of another project, each frame sent as the transport sends it. */
function parse(...frames: ({ text: string } | undefined)[]): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  for (const frame of frames) parser.feed(`${frame!.text}\n`);
  return events;
}

Deno.test("EVENT_STREAM makes each entry a message whose id is its seq", () => {
  const entries = [ENTRY, { ...ENTRY, seq: 8, id: "b" }];
  const events = parse(EVENT_STREAM.encode(entries));
  assertEquals(events.map(({ id, event }) => [id, event]), [["7", undefined], ["8", undefined]]);
  assertEquals(
    events.map(({ data }) => data).join("\n"),
    JSON_LINES.encode(entries)!.text,
  );
});

Deno.test("EVENT_STREAM gives a reader that has seen no entry an id to resume behind", () => {
  const events = parse(EVENT_STREAM.encodeNotice(WELCOME), EVENT_STREAM.encodeNotice(GAP));
  assertEquals(events.map(({ id, event }) => [id, event]), [["5", "welcome"], ["5", "gap"]]);
  assertEquals(JSON.parse(events[0]!.data).head, 9);
});

Deno.test("EVENT_STREAM: frames that are joined with a newline are the same events", () => {
  const frames = [EVENT_STREAM.encodeNotice(WELCOME)!, EVENT_STREAM.encode([ENTRY])!];
  const joined = { text: frames.map(({ text }) => text).join("\n") };
  assertEquals(parse(joined), parse(...frames));
  assertEquals(parse(joined).length, 2);
});

Deno.test("EVENT_STREAM: a heartbeat is no event", () => {
  const heartbeat = EVENT_STREAM.encodeNotice({ type: "pong" })!;
  assert(heartbeat.text.startsWith(":"));
  assertEquals(parse(heartbeat, EVENT_STREAM.encode([ENTRY])).length, 1);
});

Deno.test("EVENT_STREAM asks event sources to reconnect at random, between half a second and two", () => {
  const waits = Array.from({ length: 50 }, () => {
    const { text } = EVENT_STREAM.encodeNotice(WELCOME)!;
    return Number(/^retry: (\d+)$/m.exec(text)![1]);
  });
  assert(new Set(waits).size > 10);
  for (const wait of waits) assert(wait >= 500 && wait <= 2_000, `${wait}`);
});

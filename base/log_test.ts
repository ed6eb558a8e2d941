import { assert, assertEquals, assertMatch } from "@std/assert";
import { MAX_WAITING_BYTES } from "./line_writer.ts";
import { type Log, LOG_LEVELS, type LogFormat, makeJsonLog, makeTextLog, openLog } from "./log.ts";

/** Returns the lines that one event is written as. */
function write(make: typeof makeJsonLog, ...event: Parameters<Log>): string[] {
  const lines: string[] = [];
  make((line) => lines.push(line))(...event);
  return lines;
}

const circle: Record<string, unknown> = {};
circle["self"] = circle;

const VALUES: Record<string, unknown> = {
  plain: "a b",
  quoted: 'say "hi"',
  forged: "x\n2026-01-01T00:00:00.000Z error forged",
  escape: "\x1b[2J\x7f\x9b2J\u2028\u2029\0",
  half: "\ud800",
  number: 7,
  nothing: undefined,
  none: null,
  big: 12n,
  circle,
  error: new TypeError("first\nsecond"),
};

/** Opens a log whose reader sleeps until `wake` is called. */
function open(logFormat: LogFormat) {
  const awake = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  let text = "";
  const sink = {
    async write(bytes: Uint8Array) {
      await awake.promise;
      text += decoder.decode(bytes, { stream: true });
      return bytes.length;
    },
  };
  const opened = openLog({ logFormat, logLevel: "info" }, sink);
  return { ...opened, wake: awake.resolve, lines: () => text.split("\n").slice(0, -1) };
}

Deno.test("openLog() writes a bounded number of lines of each event, and the number of the others", async () => {
  const { log, flush, wake, lines } = open("json");
  wake();
  for (let n = 0; n < 10_000; n++) log("warn", "wrong password", { remote: "192.0.2.7" });
  for (let n = 0; n < 10_000; n++) log("debug", "not even counted");
  log("error", "hub failed");
  await flush();
  const events = lines().map((line) => JSON.parse(line));
  const written = events.filter(({ event }) => event === "wrong password").length;
  const [{ time, ...omission }] = events.filter(({ event }) => event === "lines left out");
  assert(written < 100, `${written}`);
  assertEquals(omission, {
    level: "warn",
    event: "lines left out",
    of: "wrong password",
    count: 10_000 - written,
  });
  assertEquals(events.filter(({ event }) => event === "hub failed").length, 1);
  assertEquals(events.length, written + 2);
  assert(Date.parse(time) > 0);
});

Deno.test("openLog() cuts long fields, drops lines that nobody reads, and reports their number", async () => {
  const { log, flush, wake, lines } = open("text");
  const long = "x".repeat(100_000);
  const count = MAX_WAITING_BYTES / 1_024;
  for (let n = 0; n < count; n++) log("info", `event ${n}`, { long, list: [long] });
  wake();
  await flush();
  const [last] = lines().slice(-1);
  const dropped = Number(/ warn lines dropped count=(\d+)$/.exec(last!)![1]);
  assertEquals(lines().length - 1 + dropped, count);
  assert(dropped > 0);
  for (const line of lines()) assert(line.length < 2 * 2_100, line);
});

Deno.test("makeTextLog() writes time, level, event and quoted fields", () => {
  const [line] = write(makeTextLog, "warn", "client closed", { code: "stalled", count: 2 });
  assertMatch(line!, /^\d{4}-\d\d-\d\dT[\d:.]+Z warn client closed code="stalled" count=2$/);
});

Deno.test("makeJsonLog() writes one object with time, level, event and the fields", () => {
  const [line] = write(makeJsonLog, "error", "hub failed", { room: "ops", seq: 2 });
  const { time, ...rest } = JSON.parse(line!);
  assertMatch(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals(rest, { level: "error", event: "hub failed", room: "ops", seq: 2 });
});

Deno.test("makeJsonLog() lets no field replace time, level or event", () => {
  const [line] = write(makeJsonLog, "info", "page", { level: "none", event: "forged", time: 0 });
  assertEquals(line!.match(/level|event|time/g)?.length, 3);
  assertEquals(JSON.parse(line!).event, "page");
});

for (const make of [makeTextLog, makeJsonLog]) {
  Deno.test(`${make.name}() writes one event as one line without control characters, whatever its fields`, () => {
    const lines = write(make, "info", "odd", VALUES);
    assertEquals(lines.length, 1);
    // deno-lint-ignore no-control-regex -- these must not be in it
    assert(!/[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800]/.test(lines[0]!), lines[0]);
  });

  Deno.test(`${make.name}() writes an error as its name and message`, () => {
    const [line] = write(make, "info", "odd", VALUES);
    assert(line!.includes(String.raw`"TypeError: first\nsecond"`), line);
    assert(!line!.includes("log_test.ts"), line);
  });

  Deno.test(`${make.name}() writes events of the minimum level and above`, () => {
    for (const [n, minLevel] of LOG_LEVELS.entries()) {
      const lines: string[] = [];
      const log = make((line) => lines.push(line), minLevel);
      for (const level of LOG_LEVELS) log(level, `was ${level}`);
      const written = lines.map((line) => /was (\w+)/.exec(line)![1]);
      assertEquals(written, LOG_LEVELS.slice(0, n + 1));
    }
  });

  Deno.test(`${make.name}() writes no line of its own, and does not treat an event as a template`, () => {
    const lines = write(make, "info", "a {b} {{", { b: 1 });
    assertEquals(lines.length, 1);
    assert(lines[0]!.includes("a {b} {{"), lines[0]);
  });
}

Deno.test("makeJsonLog() writes JSON whatever the fields are", () => {
  const { forged, escape, big, nothing, circle } = JSON.parse(
    write(makeJsonLog, "info", "odd", VALUES)[0]!,
  );
  assertEquals([forged, escape], [VALUES["forged"], VALUES["escape"]]);
  assertEquals([big, nothing, circle], ["12", "undefined", "[object Object]"]);
});

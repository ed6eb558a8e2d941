// Writes diagnostics, one event a line, as text or as JSON. A log contains no message text and no secret. LogTape filters
// and dispatches the events. The format of a line is a promise to programs that read it, so it is defined here.
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import { type ByteSink, LineWriter } from "./line_writer.ts";
import { RepeatLimit } from "./repeat_limit.ts";

/** Levels from the most to the least severe. A log writes one level and all before it. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

export type LogLevel = typeof LOG_LEVELS[number];

/** Format of a line; `auto` is text on a terminal, and JSON otherwise. */
export type LogFormat = "auto" | "text" | "json";

/** Writes one event. Field values are quoted, so that no input can forge a line. Never throws, whatever the values are. */
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void;

/** Part of LogTape's record that a line is made of. */
type LogEvent = Pick<LogRecord, "timestamp" | "level" | "rawMessage" | "properties">;

type WriteLine = (line: string) => void;

/** LogTape's names of the levels: one differs. */
const NAMES = { error: "error", warn: "warning", info: "info", debug: "debug" } as const;

/** Events of the log itself: lines that nobody has read in time, and lines of an event that repeats too often. */
const DROPPED = "lines dropped";
const LEFT_OUT = "lines left out";

/** Time for the last lines to be written before the process exits. */
export const FLUSH_MS = 300;

/** Maximum characters of a field. Clients choose parts of some, and a stack may be long. */
const MAX_FIELD_CHARS = 2_000;

/** Control characters that JSON does not escape, and line separators that only some programs treat as such. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/** A log that is open, with the way to end it. */
export interface OpenLog {
  readonly log: Log;
  /** Writes what still waits. Resolves when it is written, or soon if nobody reads it. Call it before the process exits. */
  flush(): Promise<void>;
}

/**
 * Opens the log of the process on standard error, which the server uses for nothing else. Neither a slow reader nor a full
 * disk delays the server: lines are dropped and counted. Events that repeat are left out and counted as well.
 */
export function openLog(
  { logFormat, logLevel }: { readonly logFormat: LogFormat; readonly logLevel: LogLevel },
  sink: ByteSink = Deno.stderr,
): OpenLog {
  const isText = logFormat === "text" || logFormat === "auto" && Deno.stderr.isTerminal();
  const format = isText ? formatText : formatJson;
  const writer = new LineWriter(sink, (count) => format(makeRecord("warn", DROPPED, { count })));
  const repeats = new RepeatLimit(({ level, event, count }) =>
    writer.write(format(makeRecord(level as LogLevel, LEFT_OUT, { of: event, count })))
  );
  const log = makeLog((record) => {
    if (repeats.allows(levelOf(record), record.rawMessage as string)) writer.write(format(record));
  }, logLevel);
  return {
    log,
    flush() {
      repeats.flush();
      return writer.flush(FLUSH_MS);
    },
  };
}

/** Logs exceptions and rejections that no code caught, and keeps the process running. */
export function logUncaughtErrors(log: Log): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log("error", "unhandled rejection", { error: event.reason?.stack ?? event.reason });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log("error", "uncaught exception", { error: event.error?.stack ?? event.error });
  });
}

/** Makes a log of text lines: time, level, event, then `name=value`. Replaces any log made before. */
export function makeTextLog(writeLine: WriteLine, minLevel?: LogLevel): Log {
  return makeLog((record) => writeLine(formatText(record)), minLevel);
}

/** Makes a log of JSON lines: `time`, `level` and `event`, then the fields. Replaces any log made before. */
export function makeJsonLog(writeLine: WriteLine, minLevel?: LogLevel): Log {
  return makeLog((record) => writeLine(formatJson(record)), minLevel);
}

function makeLog(write: (record: LogRecord) => void, minLevel: LogLevel = "info"): Log {
  configureSync({
    reset: true,
    sinks: { write },
    loggers: [
      { category: "confab", sinks: ["write"], lowestLevel: NAMES[minLevel] },
      // LogTape's own log has no sink: an error while a line is written must not be written as a line of ours.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: null },
    ],
  });
  const logger = getLogger("confab");
  return (level, event, fields = {}) => logger[NAMES[level]](event, fields);
}

function formatText(record: LogEvent): string {
  const { time, level, event } = headOf(record);
  const rest = Object.entries(record.properties).map(([name, value]) => ` ${name}=${quote(value)}`);
  return `${time} ${level} ${event}${rest.join("")}`;
}

function formatJson(record: LogEvent): string {
  const head = headOf(record);
  const members = Object.entries(record.properties)
    .filter(([name]) => !(name in head))
    .map(([name, value]) => `,${quote(name)}:${quote(value)}`);
  return `${JSON.stringify(head).slice(0, -1)}${members.join("")}}`;
}

function headOf(record: LogEvent) {
  return {
    time: new Date(record.timestamp).toISOString(),
    level: levelOf(record),
    event: String(record.rawMessage), // not `message`, in which LogTape replaces braces
  };
}

function levelOf({ level }: LogEvent): string {
  return level === "warning" ? "warn" : level;
}

/** Makes the record of an event of the log itself. It passes neither the level nor the rate: lines are missing. */
function makeRecord(
  level: LogLevel,
  rawMessage: string,
  properties: Record<string, unknown>,
): LogEvent {
  return { timestamp: Date.now(), level: NAMES[level], rawMessage, properties };
}

/** Returns the value as JSON; a value that JSON cannot express, as a string. A long one is cut. */
function quote(value: unknown): string {
  const plain = value instanceof Error ? `${value.name}: ${value.message}` : value;
  const json = toJson(typeof plain === "string" ? cut(plain) : plain);
  const isLong = typeof plain !== "string" && json.length > MAX_FIELD_CHARS;
  return (isLong ? toJson(cut(json)) : json).replace(
    UNESCAPED,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function cut(text: string): string {
  return text.length > MAX_FIELD_CHARS ? `${text.slice(0, MAX_FIELD_CHARS)}…` : text;
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? JSON.stringify(String(value));
  } catch { // a circular reference, for example, or a BigInt
    return JSON.stringify(String(value));
  }
}

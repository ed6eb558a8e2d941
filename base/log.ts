// Writes diagnostics, one event a line, as text or as JSON. A log contains no message text and no secret. LogTape filters
// and dispatches the events. The format of a line is a promise to programs that read it, so it is defined here.
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";

/** Levels from the most to the least severe. A log writes one level and all before it. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

export type LogLevel = typeof LOG_LEVELS[number];

/** Format of a line; `auto` is text on a terminal, and JSON otherwise. */
export type LogFormat = "auto" | "text" | "json";

/** Writes one event. Field values are quoted, so that no input can forge a line. Never throws, whatever the values are. */
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void;

type WriteLine = (line: string) => void;

/** LogTape's names of the levels: one differs. */
const NAMES = { error: "error", warn: "warning", info: "info", debug: "debug" } as const;

/** Control characters that JSON does not escape, and line separators that only some programs treat as such. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/**
 * Opens the log of the process on standard error, which the server uses for nothing else. A line that cannot be written is
 * dropped: if the disk behind a redirected log is full, there is no other place to report it.
 */
export function openLog(
  { logFormat, logLevel }: { readonly logFormat: LogFormat; readonly logLevel: LogLevel },
): Log {
  const isText = logFormat === "text" || logFormat === "auto" && Deno.stderr.isTerminal();
  return (isText ? makeTextLog : makeJsonLog)((line) => {
    try {
      console.error(line);
    } catch { /* see above */ }
  }, logLevel);
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

function formatText(record: LogRecord): string {
  const { time, level, event } = headOf(record);
  const rest = Object.entries(record.properties).map(([name, value]) => ` ${name}=${quote(value)}`);
  return `${time} ${level} ${event}${rest.join("")}`;
}

function formatJson(record: LogRecord): string {
  const head = headOf(record);
  const members = Object.entries(record.properties)
    .filter(([name]) => !(name in head))
    .map(([name, value]) => `,${quote(name)}:${quote(value)}`);
  return `${JSON.stringify(head).slice(0, -1)}${members.join("")}}`;
}

function headOf({ timestamp, level, rawMessage }: LogRecord) {
  return {
    time: new Date(timestamp).toISOString(),
    level: level === "warning" ? "warn" : level,
    event: String(rawMessage), // not `message`, in which LogTape replaces braces
  };
}

/** Returns the value as JSON; a value that JSON cannot express, as a string. */
function quote(value: unknown): string {
  const plain = value instanceof Error ? `${value.name}: ${value.message}` : value;
  return toJson(plain).replace(
    UNESCAPED,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? JSON.stringify(String(value));
  } catch { // a circular reference, for example, or a BigInt
    return JSON.stringify(String(value));
  }
}

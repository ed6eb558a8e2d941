// The log writes diagnostics, one event per line, as text or as JSON. It contains no text of a message and no secret.
// LogTape decides which events are written and where. Programs rely on the format of a line, so the format is here.
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";

/** Levels, most severe first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

export type LogLevel = typeof LOG_LEVELS[number];

/** Writes one event. Field values are quoted, so that no input can forge a line. Never throws, whatever the values are. */
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void;

type WriteLine = (line: string) => void;

/** LogTape's names of the levels. */
const NAMES = { error: "error", warn: "warning", info: "info", debug: "debug" } as const;

/** Control characters that JSON does not escape, and line separators that only some programs recognize. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/** Makes a log of text lines: time, level, event, then `name=value`. Replaces any earlier log. */
export function makeTextLog(writeLine: WriteLine, least?: LogLevel): Log {
  return makeLog((record) => writeLine(formatText(record)), least);
}

/** Makes a log of JSON lines: objects with `time`, `level` and `event`, then the fields. Replaces any earlier log. */
export function makeJsonLog(writeLine: WriteLine, least?: LogLevel): Log {
  return makeLog((record) => writeLine(formatJson(record)), least);
}

function makeLog(write: (record: LogRecord) => void, least: LogLevel = "info"): Log {
  configureSync({
    reset: true,
    sinks: { write },
    loggers: [
      { category: "confab", sinks: ["write"], lowestLevel: NAMES[least] },
      // LogTape's own events. Without a sink, a failure to write one of our lines cannot cause another failure.
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
    event: String(rawMessage), // not `message`, in which LogTape replaces what is in braces
  };
}

/** Encodes the value as JSON, or as a string if JSON has no such value. */
function quote(value: unknown): string {
  const shown = value instanceof Error ? `${value.name}: ${value.message}` : value;
  return toJson(shown).replace(
    UNESCAPED,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? JSON.stringify(String(value));
  } catch { // a circular object or a BigInt
    return JSON.stringify(String(value));
  }
}

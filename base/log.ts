// Diagnostics, one event a line, as text or as JSON. What people said is never in it, nor any secret. LogTape decides what
// is written and where; how a line looks is a promise to programs that read it, and stays here.
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";

/** From what is written always to what is written only when asked for. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

export type LogLevel = typeof LOG_LEVELS[number];

/** Writes one event. Field values are quoted, so no input can forge a line. Never throws, whatever the values are. */
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void;

type WriteLine = (line: string) => void;

/** LogTape has another word for one of them. */
const NAMES = { error: "error", warn: "warning", info: "info", debug: "debug" } as const;

/** Control characters that JSON leaves as they are, and line ends that only some programs know. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/** A log of text lines: time, level, event, then `name=value`. It takes the place of any before. */
export function makeTextLog(writeLine: WriteLine, least?: LogLevel): Log {
  return makeLog((record) => writeLine(formatText(record)), least);
}

/** A log of JSON lines: an object with `time`, `level` and `event`, then the fields. It takes the place of any before. */
export function makeJsonLog(writeLine: WriteLine, least?: LogLevel): Log {
  return makeLog((record) => writeLine(formatJson(record)), least);
}

function makeLog(write: (record: LogRecord) => void, least: LogLevel = "info"): Log {
  configureSync({
    reset: true,
    sinks: { write },
    loggers: [
      { category: "confab", sinks: ["write"], lowestLevel: NAMES[least] },
      // LogTape's own. With no line of ours to be written to, what fails in writing one has nowhere left to go.
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
    event: String(rawMessage), // not what its braces, if there were any, would be replaced by
  };
}

/** The value as JSON; what is none, as a string. */
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
  } catch { // a circle, say, or a BigInt
    return JSON.stringify(String(value));
  }
}

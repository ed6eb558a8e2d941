// Diagnostics, one event a line, as text or as JSON. What people said is never in it, nor any secret.

/** Writes one event. Field values are quoted, so no input can forge a line. Never throws, whatever the values are. */
export type Log = (
  level: "info" | "warn" | "error",
  event: string,
  fields?: Record<string, unknown>,
) => void;

/** Control characters that JSON leaves as they are, and line ends that only some programs know. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/** A log of text lines: time, level, event, then `name=value`. */
export function makeTextLog(writeLine: (line: string) => void): Log {
  return (level, event, fields = {}) => {
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${quote(value)}`);
    writeLine(`${new Date().toISOString()} ${level} ${event}${rest.join("")}`);
  };
}

/** A log of JSON lines: an object with `time`, `level` and `event`, then the fields. */
export function makeJsonLog(writeLine: (line: string) => void): Log {
  return (level, event, fields = {}) => {
    const head = { time: new Date().toISOString(), level, event };
    const members = Object.entries(fields)
      .filter(([name]) => !(name in head))
      .map(([name, value]) => `,${quote(name)}:${quote(value)}`);
    writeLine(`${JSON.stringify(head).slice(0, -1)}${members.join("")}}`);
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

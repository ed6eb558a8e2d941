// Diagnostics, one event a line. What people said is never in it, nor any secret.

/** Writes one event. Field values are quoted, so no input can forge a line. */
export type Log = (
  level: "info" | "warn" | "error",
  event: string,
  fields?: Record<string, unknown>,
) => void;

/** A log of text lines: time, level, event, then `name=value`. */
export function makeTextLog(writeLine: (line: string) => void): Log {
  return (level, event, fields = {}) => {
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${quote(value)}`);
    writeLine(`${new Date().toISOString()} ${level} ${event}${rest.join("")}`);
  };
}

function quote(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(`${value.name}: ${value.message}`);
  return JSON.stringify(value) ?? String(value);
}

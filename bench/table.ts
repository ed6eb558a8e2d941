// Formats a table for the terminal and in Markdown. Pure functions.

export interface Table {
  /** Lines of the head, each with all columns. */
  readonly head: readonly (readonly string[])[];
  readonly rows: readonly (readonly string[])[];
  /** Columns of text. All others are figures, which are aligned for comparison. */
  readonly textColumns: readonly number[];
  /** Notes below the table, a line each. */
  readonly notes: readonly string[];
}

export const MISSING = "–";

/** Formats the table with aligned columns, for the terminal. */
export function renderText({ head, rows, textColumns, notes }: Table): string {
  const lines = [...head, ...rows];
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((cells) => cells[at]!.length)));
  const pad = (cell: string, at: number) =>
    textColumns.includes(at) ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!);
  const rule = widths.map((width) => "─".repeat(width));
  const table = [...head, rule, ...rows].map((cells) => cells.map(pad).join("  ").trimEnd());
  return [...table, ...notes.length > 0 ? ["", ...notes] : [], ""].join("\n");
}

/** Formats the table for a page on GitHub. */
export function renderMarkdown({ head, rows, textColumns, notes }: Table): string {
  const names = head[0]!.map((_, at) => head.map((cells) => cells[at]).join(" ").trim());
  const rule = names.map((_, at) => textColumns.includes(at) ? ":--" : "--:");
  const escaped = (cells: readonly string[]) => cells.map(escapeMarkdown);
  const table = [escaped(names), rule, ...rows.map(escaped)]
    .map((cells) => `| ${cells.join(" | ")} |`);
  return [...table, ...notes.flatMap((note) => ["", escapeMarkdown(note)]), ""].join("\n");
}

export function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\|`*_<>[\]]/g, "\\$&");
}

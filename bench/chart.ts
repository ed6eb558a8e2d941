// Draws the figures as a picture: one SVG for light and dark, without scripts, fonts or other files, so that it works in
// an `<img>`. It draws its own background, because a page may be dark although its reader's system is light. Pure
// functions.
import { describeFaults, describeLoad, describeOrigin, describeServer } from "./report.ts";
import { type BenchResult, median, type Row } from "./result.ts";
import { MISSING } from "./table.ts";

/** Width in pixels. All lengths below are in pixels, too. */
const WIDTH = 720;
const MARGIN = 28;
/** Left ends and lengths of the two scales. Behind each there is room for a value. */
const BARS = { x: 206, length: 264 };
const DOTS = { x: 548, length: 92 };
const ROWS_Y = 128;
const ROW_HEIGHT = 36;
const BAR_HEIGHT = 16;
const NOTE_LINE_HEIGHT = 15;

/** Numbers of characters that fit: SVG can neither measure nor wrap text. */
const MAX_LABEL_CHARS = 28;
const MAX_NOTE_CHARS = 118;

/** Colours: paper, ink, muted ink, hairlines, Confab, the others. Text has a contrast of at least 4.5 on its paper. */
const LIGHT = ["#fcfcfb", "#1f2022", "#5c5d61", "#dcdcd8", "#1d5fb8", "#8c8d88"];
const DARK = ["#17181a", "#e4e4e2", "#a2a4a9", "#35373b", "#8ab4f0", "#83868d"];

/** Draws the servers, fastest first. Those without a figure are named below. */
export function makeChart(result: BenchResult): string {
  const speed = (row: Row) => median(row.samples.deliveredPerSecond) ?? -1;
  const drawn = result.rows.filter((row) => speed(row) >= 0).sort((a, b) => speed(b) - speed(a));
  const left = result.rows.filter((row) => !drawn.includes(row));
  const notes = [
    ...describeLoad(result),
    describeOrigin(result),
    ...drawn.filter(describeFaults).map((row) => `${describeServer(row)}: ${describeFaults(row)}`),
    ...left.length > 0 ? [`Not measured: ${left.map(describeServer).join("; ")}.`] : [],
  ].flatMap(wrap);
  const notesY = ROWS_Y + drawn.length * ROW_HEIGHT + 30;
  const height = notesY + (notes.length - 1) * NOTE_LINE_HEIGHT + MARGIN - 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" ` +
    `height="${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">Lines delivered a second, by server</title>`,
    `<desc id="desc">${escape(drawn.map(describeRow).join(" "))}</desc>`,
    `<style>${makeStyle()}</style>`,
    `<rect class="paper" x=".5" y=".5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    ...drawHead(result),
    ...drawRows(drawn),
    ...notes.map((note, at) => text(note, "note", MARGIN, notesY + at * NOTE_LINE_HEIGHT)),
    "</svg>\n",
  ].join("\n");
}

/** Describes one row in words, for readers who cannot see the picture. */
function describeRow(row: Row): string {
  const speed = inMillions(median(row.samples.deliveredPerSecond)!);
  const latency = median(row.samples.p99Ms);
  return `${describeServer(row)}; stored: ${row.stores}: ${speed} million lines a second` +
    (latency === undefined ? "." : `, 99 % within ${inMs(latency)} ms.`);
}

function makeStyle(): string {
  const rules = ([paper, ink, muted, line, ours, others]: string[]) =>
    `.paper{fill:${paper};stroke:${line}}.line{stroke:${line}}.inner{stroke:${paper}}` +
    `.range{stroke:${ink}}text{fill:${ink}}.muted,.note{fill:${muted}}` +
    `.ours{fill:${ours};stroke:${ours}}.others{fill:${others};stroke:${others}}`;
  return "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;" +
    "font-variant-numeric:tabular-nums}.title{font-size:21px;font-weight:650;letter-spacing:-.2px}" +
    ".strong{font-weight:650}.small{font-size:11px}.note{font-size:11px}" +
    // Unstored lines are drawn in outline.
    ".line,.range,.inner{fill:none}.open{fill-opacity:.2}" +
    `${rules(LIGHT)}@media(prefers-color-scheme:dark){${rules(DARK)}}`;
}

function drawHead({ load }: BenchResult): string[] {
  const y = ROWS_Y - 22;
  const range = load.rounds > 1 ? `; the thin line is the range of ${load.rounds} rounds` : "";
  return [
    text("Lines delivered a second", "title", MARGIN, 46),
    text(
      `${load.clients} people in one room, ${load.senders} talking${range}`,
      "muted",
      MARGIN,
      68,
    ),
    `<rect class="others" x="${DOTS.x}" y="35.5" width="12" height="12"/>`,
    text("on disk before sent", "small", DOTS.x + 18, 45.5),
    `<rect class="others open" x="${DOTS.x}" y="57.5" width="12" height="12"/>`,
    text("not stored, or unknown", "small", DOTS.x + 18, 67.5),
    text("millions a second", "small muted", BARS.x, y),
    text(`p99 at ${load.perSecond} a second, ms`, "small muted", DOTS.x, y),
    `<path class="line" d="M${MARGIN} ${y + 9.5}H${WIDTH - MARGIN}"/>`,
  ];
}

function drawRows(rows: readonly Row[]): string[] {
  const maxReplay = (of: (row: Row) => number | readonly number[]) =>
    Math.max(...rows.flatMap(of), Number.EPSILON);
  const scale = BARS.length / maxReplay((row) => row.samples.deliveredPerSecond ?? []);
  const scaleMs = DOTS.length / maxReplay((row) => median(row.samples.p99Ms) ?? []);
  return rows.flatMap((row, at) => {
    const y = ROWS_Y + at * ROW_HEIGHT;
    const label = [row.dialect === "socket.io" ? "" : row.dialect, row.detail];
    return [
      text(cut(row.name), row.isConfab ? "strong" : "", MARGIN, y + 14),
      text(cut(label.filter(Boolean).join(", ")), "small muted", MARGIN, y + 28),
      ...drawBar(row, { y: y + (ROW_HEIGHT - BAR_HEIGHT) / 2, scale }),
      ...drawDot(row, { y: y + ROW_HEIGHT / 2, scale: scaleMs }),
    ];
  });
}

function drawBar(row: Row, { y, scale }: { y: number; scale: number }): string[] {
  const samples = row.samples.deliveredPerSecond!;
  const speed = median(samples)!;
  const x = (value: number) => round(BARS.x + value * scale);
  const [least, end, maxReplay] = [x(Math.min(...samples)), x(speed), x(Math.max(...samples))];
  const isStored = row.stores === "disk, synced";
  const shape = `${row.isConfab ? "ours" : "others"}${isStored ? "" : " open"}`;
  const middle = y + BAR_HEIGHT / 2;
  const range = samples.length < 2 ? [] : [
    `<path class="${isStored ? "inner" : "range"}" d="M${least} ${middle}H${end}"/>`,
    `<path class="range" d="M${end} ${middle}H${maxReplay}"/>`,
  ];
  return [
    `<rect class="${shape}" x="${BARS.x}" y="${y}" width="${round(end - BARS.x)}" ` +
    `height="${BAR_HEIGHT}"/>`,
    ...range,
    text(inMillions(speed), row.isConfab ? "strong" : "", maxReplay + 8, middle + 4.5),
  ];
}

function drawDot(row: Row, { y, scale }: { y: number; scale: number }): string[] {
  const latency = median(row.samples.p99Ms);
  if (latency === undefined) return [text(MISSING, "muted", DOTS.x, y + 4.5)];
  const x = round(DOTS.x + latency * scale);
  return [
    `<path class="line" d="M${DOTS.x} ${y}H${x}"/>`,
    `<circle class="${row.isConfab ? "ours" : "others"}" cx="${x}" cy="${y}" r="4"/>`,
    text(inMs(latency), row.isConfab ? "strong" : "", x + 11, y + 4.5),
  ];
}

function text(content: string, classes: string, x: number, y: number): string {
  const attribute = classes ? ` class="${classes}"` : "";
  return `<text${attribute} x="${round(x)}" y="${y}">${escape(content)}</text>`;
}

function cut(label: string): string {
  const chars = [...label];
  return chars.length > MAX_LABEL_CHARS
    ? chars.slice(0, MAX_LABEL_CHARS - 1).join("") + "…"
    : label;
}

function wrap(note: string): string[] {
  const lines = [""];
  // A number stays with the word before it, as in "Deno 2.9".
  for (const word of note.split(/ (?!\d)/)) {
    const line = `${lines.at(-1)} ${word}`.trimStart();
    if (line.length > MAX_NOTE_CHARS) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function inMillions(value: number): string {
  return (value / 1e6).toFixed(2);
}

function inMs(value: number): string {
  return value.toFixed(1);
}

/** Rounds to a tenth of a pixel, the finest visible difference. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

// One row of what must hold under attack: a fault, how it is injected, and figures with their limits. The task prints
// all of them; the suite looks at those that depend on no clock.

export const TRANSPORTS = ["deno", "ws"] as const;
export type Transport = typeof TRANSPORTS[number];

/** How a row is run. */
export interface Setting {
  readonly transport: Transport;
  /** Share of the whole load, from 0 to 1. */
  readonly share: number;
  readonly seed: number;
}

/** What was measured, and what it must not exceed. One without a limit is only told. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit?: string;
  readonly most?: number;
  readonly least?: number;
  /** Whoever else uses the machine changes it: no limit in the suite. */
  readonly isTimed?: boolean;
  /** The transport that can hold it; on the other one it is only told. */
  readonly onlyOn?: Transport;
}

export interface Row {
  readonly id: string;
  readonly fault: string;
  /** Where the transport plays no part. */
  readonly transports?: readonly Transport[];
  run(setting: Setting): Promise<Figure[]>;
}

export type Verdict = "held" | "broken" | "told";

export function judge(figure: Figure, transport: Transport): Verdict {
  const { value, most, least, onlyOn } = figure;
  if (most === undefined && least === undefined) return "told";
  if (onlyOn !== undefined && onlyOn !== transport) return "told";
  return value <= (most ?? Infinity) && value >= (least ?? -Infinity) ? "held" : "broken";
}

/** A count that must be exactly so much. */
export function exactly(what: string, value: number, wanted: number): Figure {
  return { what, value, most: wanted, least: wanted };
}

/** The share of a load, rounded up. */
export function part(whole: number, { share }: Setting): number {
  return Math.ceil(whole * share);
}

/** The value that this share of the samples does not exceed; NaN where there are none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

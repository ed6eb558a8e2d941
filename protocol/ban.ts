// What the entry of a ban says besides: who is banned, and until when. It is kept as the entry's text. Pure functions.
import type { From } from "./message.ts";

/** Never says an address. */
export interface Banned {
  readonly who: From;
  /** In milliseconds since 1970; where a ban is lifted, when that was. */
  readonly until: number;
}

export function encodeBanned({ who: { name, tag }, until }: Banned): string {
  return JSON.stringify({ who: { name, tag }, until });
}

export function decodeBanned(text: string): Banned {
  return JSON.parse(text);
}

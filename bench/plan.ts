// Defines the loads of a whole run and of a quick one. Pure functions.

/** Loads of a run. Times are in seconds. */
export interface Plan {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Timed starts of each server. One more start before them is not timed. */
  readonly starts: number;
  readonly clients: number;
  readonly senders: number;
  readonly flood: { readonly inFlight: number; readonly warmUp: number; readonly window: number };
  readonly rate: { readonly perSecond: number; readonly warmUp: number; readonly window: number };
  readonly idle: Idle;
  readonly storm: { readonly clients: number; readonly missed: number; readonly times: number };
  readonly growth: readonly { clients: number; senders: number; inFlight: number }[];
  readonly rooms: number;
  readonly history: { readonly short: number; readonly long: number; readonly tries: number };
  readonly blastWindow: number;
}

interface Idle {
  readonly connections: number;
  /** Connections that are opened and closed first, so that all code is loaded and compiled. */
  readonly before: number;
  /** Time for memory to settle. */
  readonly settle: number;
}

/** The whole run: below eight minutes on two cores, with three rounds. */
const WHOLE: Omit<Plan, "rounds"> = {
  isQuick: false,
  starts: 5,
  clients: 100,
  senders: 20,
  flood: { inFlight: 8, warmUp: 1, window: 3 },
  rate: { perSecond: 500, warmUp: 2, window: 5 },
  idle: { connections: 5000, before: 500, settle: 1.5 },
  storm: { clients: 1000, missed: 1000, times: 3 },
  // Fewer lines for more clients: each line is delivered to all of them.
  growth: [
    { clients: 10, senders: 10, inFlight: 8 },
    { clients: 100, senders: 20, inFlight: 8 },
    { clients: 1000, senders: 20, inFlight: 4 },
    { clients: 5000, senders: 20, inFlight: 2 },
  ],
  rooms: 10_000,
  history: { short: 1000, long: 1_000_000, tries: 100 },
  blastWindow: 2,
};

/** The quick run: below 90 s. */
const QUICK: Omit<Plan, "rounds"> = {
  ...WHOLE,
  isQuick: true,
  starts: 2,
  flood: { inFlight: 8, warmUp: 0.3, window: 0.7 },
  rate: { perSecond: 500, warmUp: 0.3, window: 0.7 },
  idle: { connections: 1000, before: 200, settle: 0.5 },
  storm: { clients: 100, missed: 200, times: 1 },
  growth: WHOLE.growth.filter(({ clients }) => clients <= 1000),
  rooms: 1000,
  history: { short: 1000, long: 20_000, tries: 20 },
  blastWindow: 0.5,
};

export function makePlan({ isQuick, rounds }: { isQuick: boolean; rounds: number }): Plan {
  return { ...isQuick ? QUICK : WHOLE, rounds };
}

/**
 * Returns the order of a round. Each round begins with another server, so that none is always first, or always behind
 * the same one.
 */
export function rotate<T>(items: readonly T[], at: { round: number; rounds: number }): T[] {
  const start = Math.floor(items.length * at.round / at.rounds);
  return [...items.slice(start), ...items.slice(0, start)];
}

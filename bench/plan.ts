// How much is measured: the loads of a whole run, and those of a quick one. Pure.

/** The loads. Times in seconds. */
export interface Plan {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Starts of each server that are timed; one before them is not. */
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
  /** Connections that come and go before, so that all code is loaded and compiled. */
  readonly before: number;
  /** How long memory may take to settle. */
  readonly settle: number;
}

/** Below eight minutes on two cores, with three rounds. */
const WHOLE: Omit<Plan, "rounds"> = {
  isQuick: false,
  starts: 5,
  clients: 100,
  senders: 20,
  flood: { inFlight: 8, warmUp: 1, window: 3 },
  rate: { perSecond: 500, warmUp: 2, window: 5 },
  idle: { connections: 5000, before: 500, settle: 1.5 },
  storm: { clients: 1000, missed: 1000, times: 3 },
  // The more clients there are, the more is delivered for each line that is said.
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

/** Below 90 s. */
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

/** The order of a round: each begins elsewhere, so that no server is always first, or always behind the same wear. */
export function rotate<T>(items: readonly T[], at: { round: number; rounds: number }): T[] {
  const start = Math.floor(items.length * at.round / at.rounds);
  return [...items.slice(start), ...items.slice(0, start)];
}

import { assertEquals } from "@std/assert";
import { chooseSeed, Random } from "../tests/support/random.ts";
import { makeOtherTabs } from "./other_tabs.js";

interface Line {
  readonly to: Tab;
  readonly data: unknown;
}

/** One tab's end of a channel that delivers when the test says so, in order from each tab to each other one. */
class Tab {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly others: { tab: Tab; lines: Line[] }[] = [];

  postMessage(data: unknown): void {
    for (const { tab, lines } of this.others) lines.push({ to: tab, data });
  }
}

/** Makes the coordinators of some tabs of one room, and their undelivered lines. */
function open(count: number) {
  const tabs: Tab[] = [];
  const scope = globalThis as unknown as Record<string, unknown>;
  const real = { BroadcastChannel: scope["BroadcastChannel"], location: scope["location"] };
  Object.defineProperty(globalThis, "location", { value: { pathname: "/" }, configurable: true });
  scope["BroadcastChannel"] = class extends Tab {
    constructor() {
      super();
      tabs.push(this);
    }
  };
  try {
    const coordinators = Array.from(
      { length: count },
      () => makeOtherTabs({ isRead: () => false, onRead: () => {} }),
    );
    const queues: Line[][] = [];
    for (const tab of tabs) {
      for (const other of tabs) {
        if (tab === other) continue;
        const lines: Line[] = [];
        queues.push(lines);
        tab.others.push({ tab: other, lines });
      }
    }
    return { coordinators, queues };
  } finally {
    scope["BroadcastChannel"] = real.BroadcastChannel;
    Object.defineProperty(globalThis, "location", { value: real.location, configurable: true });
  }
}

Deno.test("makeOtherTabs() lets exactly one tab notify of each message, in whichever order claims arrive", async () => {
  const seed = chooseSeed();
  console.log(`CONFAB_SEED=${seed}`);
  const random = new Random(seed);
  const schedule = async () => {
    const { coordinators, queues } = open(random.integer(2, 4));
    const messages = 5;
    const next = coordinators.map(() => 1);
    const claims: Promise<number>[] = [];
    for (;;) {
      const waiting = queues.filter(({ length }) => length > 0);
      const behind = coordinators.keys().filter((tab) => next[tab]! <= messages).toArray();
      if (waiting.length + behind.length === 0) break;
      const choice = random.integer(0, waiting.length + behind.length - 1);
      if (choice < waiting.length) {
        const { to, data } = waiting[choice]!.shift()!;
        to.onmessage?.({ data });
      } else {
        const tab = behind[choice - waiting.length]!;
        const seq = next[tab]!++;
        claims.push(coordinators[tab]!.claim(seq).then((isMine) => isMine ? seq : 0));
      }
    }
    const notified = (await Promise.all(claims)).filter((seq) => seq > 0);
    assertEquals(notified.toSorted(), [1, 2, 3, 4, 5]);
  };
  await Promise.all(Array.from({ length: 500 }, schedule));
});

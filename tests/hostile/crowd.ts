// A thousand people of whom the server takes leave, and who come back: a process of its own, like an attack, but they do
// all as the protocol says. Each notes how it was left, and whether it was sent every entry once and in order.
import type { Tactic } from "./attacker.ts";

const PROTOCOL = "confab.v1";

/** Between two attempts to come back. Not all at the same moment. */
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 300;

/** One of them. */
class ClientAddress {
  /** Whether the server said `bye`, and the code of the close. */
  wasToldBye = false;
  closeCode = 0;
  isWelcome = false;
  isResumed = false;
  holes = 0;
  lastSeq = 0;
  #epoch: string | undefined;
  readonly #port: number;
  readonly #key: string;
  readonly #onChange: () => void;

  constructor(port: number, n: number, onChange: () => void) {
    this.#port = port;
    this.#key = `the key of visitor ${n}`;
    this.#onChange = onChange;
  }

  /** Connects, and again until it is welcome. */
  come(): void {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#port}/ws`, PROTOCOL);
    const hello = { type: "hello", key: this.#key, history: 0 };
    const place = this.#epoch ? { after: this.lastSeq, epoch: this.#epoch } : {};
    socket.onopen = () => socket.send(JSON.stringify({ ...hello, ...place }));
    socket.onerror = (event) => event.preventDefault(); // `onclose` follows
    socket.onmessage = ({ data }) => {
      for (const line of data.split("\n")) this.#read(JSON.parse(line));
      this.#onChange();
    };
    socket.onclose = ({ code }) => {
      if (this.isWelcome) this.closeCode = code;
      else {setTimeout(() =>
          this.come(), MIN_RETRY_MS + Math.random() * (MAX_RETRY_MS - MIN_RETRY_MS));}
      this.#onChange();
    };
  }

  #read(line: { type: string; seq: number; head: number; epoch: string; resumed: boolean }): void {
    if (line.type === "bye") this.wasToldBye = true;
    if (line.type === "gap") this.holes++;
    if (line.type === "entry" && line.seq !== ++this.lastSeq) this.holes++;
    if (line.type !== "welcome") return;
    this.isWelcome = true;
    this.isResumed = line.resumed;
    this.#epoch ??= line.epoch;
    if (!line.resumed) this.lastSeq = line.head;
  }
}

/**
 * `count` of them. When the server has ended all their connections they come back, until each has the entry whose seq is
 * `seed`: who gives the orders knows how many there will be.
 */
export const crowd: Tactic = async (force, { port, count, seed }) => {
  let check = () => {};
  const visitors = Array.from(
    { length: count },
    (_, n) => new ClientAddress(port, n, () => check()),
  );
  const all = (isTrue: (visitor: ClientAddress) => boolean) =>
    new Promise<void>((resolve) => check = () => visitors.every(isTrue) && resolve());
  const inTime = (promise: Promise<void>) => Promise.race([promise, force.calledBack]);

  const welcomed = all(({ isWelcome }) => isWelcome);
  for (const visitor of visitors) visitor.come();
  await inTime(welcomed);
  force.begin();
  await inTime(all(({ closeCode }) => closeCode > 0));
  const left = {
    bye: visitors.filter(({ wasToldBye }) => wasToldBye).length,
    goingAway: visitors.filter(({ closeCode }) => closeCode === 1001).length,
  };
  const back = all(({ isWelcome, lastSeq }) => isWelcome && lastSeq >= seed);
  for (const visitor of visitors) {
    visitor.isWelcome = false;
    visitor.come();
  }
  await inTime(back);
  force.note({
    ...left,
    back: visitors.filter(({ isWelcome, lastSeq }) => isWelcome && lastSeq >= seed).length,
    resumed: visitors.filter(({ isResumed }) => isResumed).length,
    holes: visitors.reduce((sum, { holes }) => sum + holes, 0),
  });
};

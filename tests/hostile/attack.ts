// An attack as a process of its own, seen from the test: it says when it is under way, and in the end what became of it.
import { within } from "../support/deadline.ts";

/** What an attack needs to know. Which of it means something depends on the attack. */
export interface Orders {
  readonly port: number;
  readonly count?: number;
  readonly seed?: number;
  readonly bytes?: number;
  readonly perSecond?: number;
}

/** What became of it. */
export interface Report {
  readonly opened: number;
  /** Connections that the server has ended. */
  readonly ended: number;
  /** The longest time that one of those lasted. */
  readonly longestMs: number;
  readonly sent: number;
  readonly sentBytes: number;
  /** How often each close code came. */
  readonly codes: Readonly<Record<string, number>>;
  /** What only this attack counts. */
  readonly notes: Readonly<Record<string, number>>;
}

/** Whatever takes longer hangs. */
const BEGIN_WAIT_MS = 60_000;
const MOST_MS = 10 * 60_000;

export class Attack implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #begun = Promise.withResolvers<void>();
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  /** Resolves when the attack is over, by itself or after `stop`. */
  readonly report: Promise<Report>;

  private constructor(name: string, orders: Orders) {
    const flags = Object.entries(orders).map(([flag, value]) => `--${flag}=${value}`);
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-all",
        new URL("attacker.ts", import.meta.url).pathname,
        name,
        ...flags,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.report = this.#read();
    this.report.catch((error) => this.#begun.reject(error));
  }

  /** Resolves when it is under way. */
  static async begin(name: string, orders: Orders): Promise<Attack> {
    const attack = new Attack(name, orders);
    await within(BEGIN_WAIT_MS, `the attack ${name}`, attack.#begun.promise);
    return attack;
  }

  /** Carries it out, for so long at most. */
  static async run(name: string, orders: Orders, mostMs = MOST_MS): Promise<Report> {
    await using attack = await Attack.begin(name, orders);
    const timer = setTimeout(() => attack.stop(), mostMs);
    return await attack.report.finally(() => clearTimeout(timer));
  }

  /** Ends it, and hangs up. */
  async stop(): Promise<Report> {
    await this.#stdin.close().catch(() => {}); // it may have ended by itself
    return await this.report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stdin.abort().catch(() => {});
    await this.report.catch(() => {});
    await this.#child.status;
  }

  async #read(): Promise<Report> {
    let text = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes("begun\n")) this.#begun.resolve();
    }
    const last = text.trimEnd().split("\n").at(-1) ?? "";
    if (!last.startsWith("{")) throw new Error(`Cannot attack: it ended with "${last}"`);
    return JSON.parse(last);
  }
}

// Collects the results of one server while it is measured.
import type { Figure, Row } from "./result.ts";
import type { RunningServer, Server } from "./servers.ts";

export class Sheet {
  readonly server: Server;
  version: string | undefined;
  /** Reason why it is not measured at all, or no longer. */
  skipped: string | undefined;
  readonly #samples: Partial<Record<Figure, number[]>> = {};
  readonly #missing: Partial<Record<Figure, string>> = {};
  #lost = 0;
  #disordered = 0;

  constructor(server: Server) {
    this.server = server;
  }

  /** Starts the server and records its version. */
  async start(): Promise<RunningServer> {
    const running = await this.server.start();
    this.version = running.version;
    return running;
  }

  add(figure: Figure, sample: number | undefined): void {
    if (sample !== undefined) (this.#samples[figure] ??= []).push(sample);
  }

  /** Records why these figures have no sample. The first reason stays. */
  lack(figures: readonly Figure[], reason: string): void {
    for (const figure of figures) this.#missing[figure] ??= reason;
  }

  /** Adds the faults that a load has found. */
  count(delivery: { lost: number; disordered: number; evicted: number }): void {
    this.#lost += delivery.lost;
    this.#disordered += delivery.disordered;
    this.add("evicted", delivery.evicted);
  }

  toRow(): Row {
    const { id, name, detail, isConfab, dialect, stores } = this.server;
    return {
      ...{ id, name, detail, isConfab, dialect, stores },
      version: this.version,
      samples: this.#samples,
      missing: this.#missing,
      skipped: this.skipped,
      faults: { lost: this.#lost, disordered: this.#disordered },
    };
  }
}

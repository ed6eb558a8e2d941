// Guests of a soak that are the page, without a document: over a WebSocket, and where none comes through.
import { Session } from "../../sdk/session.js";
import { FakeStorage } from "../support/fake_storage.ts";
import type { Guest, GuestOptions } from "./guest.ts";
import { View } from "./ledger.ts";

/** The page's own client: resumes, and sends again what was not acknowledged. */
export class PageGuest implements Guest {
  protected readonly session: Session;
  readonly #name: string;
  #said = 0;

  constructor({ port, room, name, ledger, onFault }: GuestOptions) {
    this.#name = name;
    const view = new View(ledger, onFault);
    this.session = new Session({
      url: `ws://127.0.0.1:${port}/r/${room}/ws`,
      room,
      storage: new FakeStorage(),
      handlers: {
        onEntry: ({ seq, id }) => view.takeEntry(seq, id ?? `${seq}`),
        onGap: ({ from, to }) => view.takeGap(from, to),
        onReset: () => onFault("had to start over"),
        onError: ({ code }) => onFault(code),
        onPending: (outcome) => {
          if (outcome.state === "sent") ledger.see(outcome.seq, outcome.id);
        },
      },
    });
    this.session.rename(`Page ${name}`);
  }

  start(): void {
    this.session.start();
  }

  say(): void {
    this.session.say(`${this.#name} says ${++this.#said}: ${"word ".repeat(this.#said % 50)}`);
  }

  // deno-lint-ignore require-await -- others have to wait
  async stop(): Promise<void> {
    this.session.stop();
  }
}

/** The page where no WebSocket comes through: an event stream, and POSTs. */
export class StreamGuest extends PageGuest {
  override start(): void {
    super.start();
    this.session.fallBack();
  }
}

// Who is here and who is writing, in one line. Knows only what the server has told of this connection.
import type { From, Presence } from "../../sdk/types.d.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";

/** That somebody is writing is told every two seconds while it goes on. */
const TYPING_MS = 4_000;

export class ChatPeople {
  #presence: Presence | undefined;
  /** Until when, by tag. */
  readonly #typists = new Map<string, number>();

  /** Undefined without a connection. */
  show(presence: Presence | undefined): void {
    this.#presence = presence;
    if (!presence) this.#typists.clear();
  }

  showTyping({ tag }: From, now: number): void {
    for (const [tag, until] of this.#typists) if (until <= now) this.#typists.delete(tag);
    this.#typists.set(tag, now + TYPING_MS);
  }

  /** What was written has come. */
  stopTyping({ tag }: From): void {
    this.#typists.delete(tag);
  }

  draw(now: number): string {
    if (!this.#presence) return "-- not connected --";
    const { count, people = [] } = this.#presence;
    const names = people.map(({ name, tag }) => {
      const isTyping = (this.#typists.get(tag) ?? 0) > now;
      return `${escapeForTerminal(name)}${isTyping ? " (typing)" : ""}`;
    });
    const more = count - names.length;
    if (more > 0) names.push(names.length > 0 ? `${more} without a name` : `${more} people`);
    return `-- here: ${names.join(", ")} --`;
  }
}

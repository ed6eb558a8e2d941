// Draws the people in the room, and who is typing, in one line. Knows only what the server has sent on this connection.
import type { From, Presence } from "../../sdk/types.d.ts";
import { encodeAuthor } from "../../protocol/byline.ts";

/** Time after which a typing notice expires. The server repeats the notice every two seconds. */
const TYPING_MS = 4_000;

export class ChatPeople {
  #presence: Presence | undefined;
  /** End of typing by tag. */
  readonly #typists = new Map<string, number>();

  /** Sets the people present; undefined without a connection. */
  show(presence: Presence | undefined): void {
    this.#presence = presence;
    if (!presence) this.#typists.clear();
  }

  showTyping({ tag }: From, now: number): void {
    for (const [tag, until] of this.#typists) if (until <= now) this.#typists.delete(tag);
    this.#typists.set(tag, now + TYPING_MS);
  }

  /** Ends the typing of a person, whose message has arrived. */
  stopTyping({ tag }: From): void {
    this.#typists.delete(tag);
  }

  draw(now: number): string {
    if (!this.#presence) return "-- not connected --";
    const { count, people = [] } = this.#presence;
    const names = people.map((from) => {
      const isTyping = (this.#typists.get(from.tag) ?? 0) > now;
      return `${encodeAuthor(from)}${isTyping ? " (typing)" : ""}`;
    });
    const more = count - names.length;
    if (more > 0) names.push(names.length > 0 ? `${more} without a name` : `${more} people`);
    return `-- here: ${names.join(", ")} --`;
  }
}

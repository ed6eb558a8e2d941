// Shows the people in the room: the list, who joined and left, who is typing.
import { byId, el, makeButton } from "./dom.js";
import { drawPerson } from "./message_view.js";
import { isSame, personOf } from "../sdk/messages.js";

/** @import { From, Presence } from "../sdk/types.d.ts" */
/** @import { MessageList } from "./message_list.js" */

/** Time in which somebody may return without having left; longer after a reconnection, when everybody returns. */
const SETTLE_MS = 2_000;
const RETURN_MS = 25_000;

/** Duration of a typing notice. Clients send one every two seconds. */
const TYPING_MS = 4_000;

/** @param {MessageList} list @param {(name: string) => void} onPick */
export function makePeople(list, onPick) {
  const button = byId("people-button");
  const rows = byId("people-list");
  const rest = byId("people-rest");
  const typing = byId("typing");
  /** Names by tag, as the list last reported them. @type {Map<string, string> | undefined} */
  let reported;
  /** @type {Map<string, string>} */
  let here = new Map();
  let settleMs = 0;
  /** People who have sent a message since the last report: nobody needs to read that they joined. @type {Set<string>} */
  const heard = new Set();
  /** @type {readonly From[]} */
  let listed = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** People who are typing, by tag. @type {Map<string, { name: string, until: number }>} */
  const typists = new Map();

  function report() {
    timer = undefined;
    settleMs = SETTLE_MS;
    const before = reported ?? here;
    reported = here;
    const tags = [...new Set([...before.keys(), ...here.keys()])];
    const changed = tags.filter((tag) =>
      before.get(tag) !== here.get(tag) && (before.has(tag) || !heard.has(tag))
    );
    heard.clear();
    if (changed.length === 0) return;
    list.addComings((changes) => {
      for (const tag of changed) {
        const [old, name] = [before.get(tag), here.get(tag)];
        if (old && name) changes.set(old, `is now ${name}`);
        else if (name) note(changes, name, "joined", "left");
        else if (old) note(changes, old, "left", "joined");
      }
      return describe(changes);
    });
  }

  function drawTyping() {
    const now = performance.now();
    for (const [tag, { until }] of typists) if (until <= now) typists.delete(tag);
    const names = [...typists].map(([tag, { name }]) => personOf({ name, tag }));
    typing.textContent = names.length > 3
      ? "Several people are typing…"
      : names.length > 0
      ? `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…`
      : "";
  }

  function drawRows() {
    rows.replaceChildren(...listed.map((person) => {
      const pick = makeButton("", () => onPick(person.name));
      pick.append(...drawPerson(person, list.names));
      return el("li", "", pick, isSame(list.me, person.tag) ? " (you)" : "");
    }));
  }

  list.onShared = drawRows;
  return {
    /** @param {Presence} presence */
    show({ count, people }) {
      button.hidden = false;
      button.textContent = `${count} here`;
      listed = people ?? [];
      for (const person of listed) list.addPerson(person);
      drawRows();
      const more = count - (people?.length ?? 0);
      rest.textContent = more > 0 ? `and ${more} more` : "";
      if (!people) return;
      const others = people.filter((person) => !isSame(list.me, person.tag));
      here = new Map(others.map((person) => [person.tag, personOf(person)]));
      timer ??= setTimeout(report, settleMs);
    },
    /** Delays the report after a connection, so that people who were here have time to return. */
    settle() {
      clearTimeout(timer);
      timer = reported && setTimeout(report, settleMs = RETURN_MS);
    },
    /** @param {From} from */
    showTyping({ name, tag }) {
      typists.set(tag, { name, until: performance.now() + TYPING_MS });
      drawTyping();
      setTimeout(drawTyping, TYPING_MS + 100);
    },
    /** Notes that somebody's message has arrived. @param {From} from */
    hear({ tag }) {
      heard.add(tag);
      if (typists.delete(tag)) drawTyping();
    },
  };
}

/** @param {Map<string, string>} changes @param {string} name @param {string} what @param {string} opposite */
function note(changes, name, what, opposite) {
  if (changes.get(name) === opposite) changes.delete(name);
  else changes.set(name, what);
}

/** @param {Map<string, string>} changes */
function describe(changes) {
  /** @type {Map<string, string[]>} */
  const names = new Map();
  for (const [name, what] of changes) names.set(what, [...names.get(what) ?? [], name]);
  return [...names].map(([what, who]) => `${who.join(", ")} ${what}`).join(" · ");
}

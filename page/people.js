// Who is here: the list, who came and went, who is typing.
import { byId, el, makeButton } from "./dom.js";
import { isSame } from "../sdk/messages.js";

/** @import { From, Presence } from "../sdk/types.d.ts" */
/** @import { MessageList } from "./message_list.js" */

/** Somebody who is back this soon has not left; and after a reconnection, everybody is on the way back. */
const SETTLE_MS = 2_000;
const RETURN_MS = 25_000;

/** Typing is told every two seconds while it goes on. */
const TYPING_MS = 4_000;

/** @param {MessageList} log @param {(name: string) => void} onPick */
export function makePeople(log, onPick) {
  const button = byId("people-button");
  const list = byId("people-list");
  const rest = byId("people-rest");
  const typing = byId("typing");
  /** Names by tag, as told in the log. @type {Map<string, string> | undefined} */
  let told;
  /** @type {Map<string, string>} */
  let here = new Map();
  let settleMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** By tag. @type {Map<string, { name: string, until: number }>} */
  const typists = new Map();

  function tell() {
    timer = undefined;
    settleMs = SETTLE_MS;
    const before = told ?? here;
    told = here;
    const tags = [...new Set([...before.keys(), ...here.keys()])];
    const changed = tags.filter((tag) => before.get(tag) !== here.get(tag));
    if (changed.length === 0) return;
    log.addComings((changes) => {
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
    const now = Date.now();
    for (const [tag, { until }] of typists) if (until <= now) typists.delete(tag);
    const names = [...typists.values()].map(({ name }) => name);
    typing.textContent = names.length > 0 ? `${names.join(", ")} typing…` : "";
  }

  return {
    /** @param {Presence} presence */
    show({ count, people }) {
      button.hidden = false;
      button.textContent = `${count} here`;
      list.replaceChildren(...(people ?? []).map(({ name, tag }) => {
        const pick = makeButton("", () => onPick(name));
        pick.append(el("bdi", "", name), " ", el("span", "tag", tag));
        if (!log.names.has(name)) log.names.set(name, tag);
        return el("li", "", pick, isSame(log.me, tag) ? " (you)" : "");
      }));
      const more = count - (people?.length ?? 0);
      rest.textContent = more > 0 ? `and ${more} more` : "";
      if (!people) return;
      const others = people.filter((person) => !isSame(log.me, person.tag));
      here = new Map(others.map(({ name, tag }) => [tag, name]));
      timer ??= setTimeout(tell, settleMs);
    },
    /** After a connection: comings wait until those who were here have had time to come back. */
    settle() {
      clearTimeout(timer);
      timer = told && setTimeout(tell, settleMs = RETURN_MS);
    },
    /** @param {From} from */
    showTyping({ name, tag }) {
      typists.set(tag, { name, until: Date.now() + TYPING_MS });
      drawTyping();
      setTimeout(drawTyping, TYPING_MS + 100);
    },
    /** What was typed has come. @param {From} from */
    stopTyping({ tag }) {
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

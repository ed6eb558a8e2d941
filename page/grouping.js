// Groups messages: by day below a heading, and by author when they follow one another closely.
import { el } from "./dom.js";
import { dayKey, dayLabel, msUntilMidnight } from "../sdk/time.js";

/** Maximum time between two messages of one author that share one name line. */
const GROUP_MS = 120_000;

/** @typedef {HTMLElement | null} Sibling */

/** @param {HTMLElement} item */
export function dayOf(item) {
  return dayKey(Number(item.dataset["at"]));
}

/** Updates a message's group and day heading, by the message above it. @param {HTMLElement} item */
export function arrange(item) {
  dropDay(item);
  const above = /** @type {Sibling} */ (item.previousElementSibling);
  let previous = above;
  while (previous && previous.tagName !== "ARTICLE") {
    dropDay(previous);
    previous = /** @type {Sibling} */ (previous.previousElementSibling);
  }
  const isNewDay = !previous || dayOf(previous) !== dayOf(item);
  const isContinued = !isNewDay && previous === above &&
    above?.dataset["author"] === item.dataset["author"] &&
    Number(item.dataset["at"]) - Number(above?.dataset["at"]) <= GROUP_MS;
  item.classList.toggle("grouped", isContinued);
  if (!isNewDay) return;
  const line = el("div", "day", dayLabel(dayOf(item)));
  line.dataset["day"] = dayOf(item);
  item.before(line);
  relabel(item.parentElement);
}

/** Removes the day heading above a message. @param {Element} item */
export function dropDay(item) {
  if (item.previousElementSibling?.className === "day") item.previousElementSibling.remove();
}

/** @param {HTMLElement | null} list */
function relabel(list) {
  /** @type {Iterable<HTMLElement>} */
  const lines = list?.querySelectorAll(".day") ?? [];
  for (const line of lines) {
    const label = dayLabel(line.dataset["day"] ?? "");
    // A screen reader may read out a text that is set again.
    if (line.textContent !== label) line.textContent = label;
  }
}

/**
 * Renames the day headings at midnight: today becomes yesterday. Checks every minute as well, for timers stop while a device
 * sleeps.
 * @param {HTMLElement} list
 */
export function keepDaysRight(list) {
  relabel(list);
  setTimeout(keepDaysRight, Math.min(msUntilMidnight() + 100, 60_000), list);
}

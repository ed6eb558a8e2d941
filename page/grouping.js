// How messages stand below each other: each day under its name, and those of one author that follow closely as one.
import { el } from "./dom.js";
import { dayKey, dayLabel, msUntilMidnight } from "../sdk/time.js";

/** Messages of one author share a name when no more than this is between two of them. */
const GROUP_MS = 120_000;

/** @typedef {HTMLElement | null} Sibling */

/** @param {HTMLElement} item */
export function dayOf(item) {
  return dayKey(Number(item.dataset["at"]));
}

/** Puts a message right with what stands above it. @param {HTMLElement} item */
export function arrange(item) {
  dropDay(item);
  const above = /** @type {Sibling} */ (item.previousElementSibling);
  let previous = above;
  while (previous && previous.tagName !== "ARTICLE") {
    dropDay(previous);
    previous = /** @type {Sibling} */ (previous.previousElementSibling);
  }
  const isNewDay = !previous || dayOf(previous) !== dayOf(item);
  const goesOn = !isNewDay && previous === above &&
    above?.dataset["author"] === item.dataset["author"] &&
    Number(item.dataset["at"]) - Number(above?.dataset["at"]) <= GROUP_MS;
  item.classList.toggle("grouped", goesOn);
  if (!isNewDay) return;
  const line = el("div", "day", dayLabel(dayOf(item)));
  line.dataset["day"] = dayOf(item);
  item.before(line);
  relabel(item.parentElement);
}

/** Removes the name of the day above a message. @param {Element} item */
export function dropDay(item) {
  if (item.previousElementSibling?.className === "day") item.previousElementSibling.remove();
}

/** @param {HTMLElement | null} log */
function relabel(log) {
  /** @type {Iterable<HTMLElement>} */
  const lines = log?.querySelectorAll(".day") ?? [];
  for (const line of lines) {
    const label = dayLabel(line.dataset["day"] ?? "");
    // What is set again may be read out again.
    if (line.textContent !== label) line.textContent = label;
  }
}

/** At midnight today becomes yesterday. A device that sleeps does not count the time. @param {HTMLElement} log */
export function keepDaysRight(log) {
  relabel(log);
  setTimeout(keepDaysRight, Math.min(msUntilMidnight() + 100, 60_000), log);
}

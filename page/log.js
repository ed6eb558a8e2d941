// The log: lines are added as text, never as HTML, and the reader's place is kept.

/** Distance from the bottom within which the log counts as being read at the bottom. */
const PINNED_PX = 30;

/** Lines kept in the page. The oldest go, and only while the log is pinned: nothing moves under a reader. */
const MAX_LINES = 5000;

/**
 * Adds lines. Read at the bottom, the log scrolls them into view; anywhere else it stays where it is.
 * @param {HTMLElement} log
 * @param {Iterable<string>} lines
 * @param {string} [className] what kind of line, for the style sheet
 */
export function appendLog(log, lines, className = "") {
  const isPinned = log.scrollHeight - log.clientHeight - log.scrollTop <= PINNED_PX;
  const added = document.createDocumentFragment();
  for (const line of lines) {
    const item = document.createElement("div");
    item.dir = "auto";
    item.className = className;
    item.textContent = line;
    added.append(item);
  }
  log.append(added);
  if (!isPinned) return;
  while (log.childElementCount > MAX_LINES) log.firstElementChild?.remove();
  log.scrollTop = log.scrollHeight;
}

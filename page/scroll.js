// Where the reader is in the log. At the bottom: it is followed, through messages and resizing. Anywhere else: what is
// read stays where it is, whatever comes above or below. The only module that scrolls.
// The browser's own anchoring is off: not all have it, and two that correct the same move correct it twice.

/** Distance from the bottom within which the log counts as being read at the bottom. */
const PINNED_PX = 30;

/** @param {HTMLElement} log @param {() => void} onMove whenever the place may have changed */
export function makePlace(log, onMove) {
  let wasPinned = true;
  /** Where the log was scrolled to when it was last seen pinned. */
  let pinnedTop = 0;
  /** What is to be done to the log before the browser paints it next. @type {((isPinned: boolean) => void)[]} */
  const acts = [];

  log.onscroll = look;
  new ResizeObserver(() => keep(() => {})).observe(log);

  function fromBottom() {
    return log.scrollHeight - log.clientHeight - log.scrollTop;
  }

  /** Also when the bottom has moved away since, as long as nobody has scrolled. */
  function isPinned() {
    return fromBottom() <= PINNED_PX || (wasPinned && log.scrollTop === pinnedTop);
  }

  /**
   * Changes the log and keeps the place. What one message of the server brings is done at once: to measure costs a
   * layout, so it is told whether the reader is at the bottom.
   * @param {(isPinned: boolean) => void} act
   */
  function keep(act) {
    if (acts.push(act) === 1) queueMicrotask(run);
  }

  function run() {
    wasPinned = isPinned();
    const anchor = wasPinned ? undefined : findFirstVisible(log);
    const offset = anchor?.getBoundingClientRect().top ?? 0;
    const top = log.scrollTop;
    for (const act of acts.splice(0)) act(wasPinned);
    if (wasPinned) log.scrollTop = log.scrollHeight;
    else if (anchor?.isConnected && log.scrollTop === top) {
      log.scrollTop += anchor.getBoundingClientRect().top - offset;
    }
    look();
  }

  function look() {
    wasPinned = isPinned();
    if (wasPinned) pinnedTop = log.scrollTop;
    onMove();
  }

  return {
    fromBottom,
    isPinned,
    keep,
    toBottom: () => keep(() => wasPinned = true),
    /** @param {Element} item */
    show: (item) =>
      keep(() => {
        item.scrollIntoView({ block: "center" });
        wasPinned = false;
      }),
  };
}

/**
 * The first message that is not wholly above the window: they stand in order, so halving finds it.
 * @param {HTMLElement} log
 */
function findFirstVisible(log) {
  const { children } = log;
  const { top } = log.getBoundingClientRect();
  let [low, high] = [0, children.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((children[middle]?.getBoundingClientRect().bottom ?? 0) <= top) low = middle + 1;
    else high = middle;
  }
  while (children[low] && children[low]?.tagName !== "ARTICLE") low++;
  return children[low];
}

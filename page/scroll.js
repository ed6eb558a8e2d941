// Keeps the scroll position of the list. At the bottom it follows new messages and resizing. Anywhere else the visible
// messages stay in place, whatever is added above or below. No other module scrolls.
// The browser's own scroll anchoring is off: not all browsers have it, and two corrections of one move would add up.

/** Distance from the bottom within which the list counts as pinned to the bottom. */
const PINNED_PX = 30;

/** @param {HTMLElement} list @param {() => void} onMove called whenever the position may have changed */
export function makeScrollPosition(list, onMove) {
  let wasPinned = true;
  /** `scrollTop` when the list was last pinned. */
  let pinnedTop = 0;
  /** Changes to make before the browser paints next. @type {((isPinned: boolean) => void)[]} */
  const acts = [];

  list.onscroll = look;
  new ResizeObserver(() => keep(() => {})).observe(list);

  function fromBottom() {
    return list.scrollHeight - list.clientHeight - list.scrollTop;
  }

  /** Whether the list is pinned. It stays pinned when the bottom moves away, as long as nobody scrolls. */
  function isPinned() {
    return fromBottom() <= PINNED_PX || (wasPinned && list.scrollTop === pinnedTop);
  }

  /**
   * Changes the list and keeps the position. Changes by one message of the server are made together, because measuring
   * costs a layout; for the same reason each change receives whether the list is pinned.
   * @param {(isPinned: boolean) => void} act
   */
  function keep(act) {
    if (acts.push(act) === 1) queueMicrotask(run);
  }

  function run() {
    wasPinned = isPinned();
    const anchor = wasPinned ? undefined : findFirstVisible(list);
    const offset = anchor?.getBoundingClientRect().top ?? 0;
    const top = list.scrollTop;
    for (const act of acts.splice(0)) act(wasPinned);
    if (wasPinned) list.scrollTop = list.scrollHeight;
    else if (anchor?.isConnected && list.scrollTop === top) {
      list.scrollTop += anchor.getBoundingClientRect().top - offset;
    }
    look();
  }

  function look() {
    wasPinned = isPinned();
    if (wasPinned) pinnedTop = list.scrollTop;
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
 * Finds the first message that is not entirely above the window, by binary search.
 * @param {HTMLElement} list
 */
function findFirstVisible(list) {
  const { children } = list;
  const { top } = list.getBoundingClientRect();
  let [low, high] = [0, children.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((children[middle]?.getBoundingClientRect().bottom ?? 0) <= top) low = middle + 1;
    else high = middle;
  }
  while (children[low] && children[low]?.tagName !== "ARTICLE") low++;
  return children[low];
}

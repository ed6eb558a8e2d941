// Coordinates the tabs of one room in this browser: one of them notifies, and none while the reader looks at another.

/** Time for other tabs to answer. */
const ANSWER_MS = 150;

/** Maximum number of claims of other tabs to remember: more than arrive before this tab has the messages too. */
const MAX_TAKEN = 1_000;

/** @typedef {{ seq: number, claim?: number }} TabMessage a claim to notify of a message; without one, the message was read */

/** @param {{ isRead: () => boolean, onRead: () => void }} tab whether the reader looks at this tab; the reader looked at another */
export function makeOtherTabs({ isRead, onRead }) {
  const me = Math.random();
  const channel = "BroadcastChannel" in globalThis
    ? new BroadcastChannel(`confab:${location.pathname}`)
    : undefined;
  /** Messages that this tab claims, and those that another one has. @type {Set<number>} */
  const mine = new Set();
  /** @type {Set<number>} */
  const taken = new Set();
  /** Newest message that was read in another tab. */
  let read = 0;

  if (channel) channel.onmessage = hear;

  /** @param {MessageEvent<TabMessage>} event */
  function hear({ data: { seq, claim } }) {
    if (claim === undefined) {
      read = Math.max(read, seq);
      onRead();
    } else if (isRead()) tell(seq);
    // Nobody claims what is taken. Of several claims at the same time the lowest wins.
    else if (!mine.has(seq) || claim < me) take(seq);
  }

  /** @param {number} seq */
  function take(seq) {
    taken.add(seq);
    const [oldest = 0] = taken;
    if (taken.size > MAX_TAKEN) taken.delete(oldest);
  }

  /** Tells the other tabs that the reader has read this message and all before it. @param {number} seq */
  function tell(seq) {
    channel?.postMessage({ seq });
  }

  return {
    tell,
    /** Resolves with whether this tab is to notify of a message. @param {number} seq */
    async claim(seq) {
      if (taken.has(seq)) return false;
      mine.add(seq);
      channel?.postMessage({ seq, claim: me });
      await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
      mine.delete(seq);
      return !taken.has(seq) && seq > read;
    },
  };
}

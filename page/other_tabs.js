// Coordinates the tabs of one room in this browser: one of them notifies, and none while the reader looks at another.

/** Time for other tabs to answer. */
const ANSWER_MS = 150;

/** @typedef {{ seq: number, claim?: number }} TabMessage a claim to notify of a message; without one, the message was read */

/** @param {{ isRead: () => boolean, onRead: () => void }} tab whether the reader looks at this tab; the reader looked at another */
export function makeOtherTabs({ isRead, onRead }) {
  const me = Math.random();
  const channel = "BroadcastChannel" in globalThis
    ? new BroadcastChannel(`confab:${location.pathname}`)
    : undefined;
  /** Newest message that this tab claims, that another one has claimed before, and that was read in another. */
  let mine = 0, taken = 0, read = 0;

  if (channel) channel.onmessage = hear;

  /** @param {MessageEvent<TabMessage>} event */
  function hear({ data: { seq, claim } }) {
    if (claim === undefined) {
      read = Math.max(read, seq);
      onRead();
    } else if (isRead()) tell(seq);
    // The first claim wins. Of two at the same time it is the lower one.
    else if (seq > mine || claim < me) taken = Math.max(taken, seq);
  }

  /** Tells the other tabs that the reader has read this message and all before it. @param {number} seq */
  function tell(seq) {
    channel?.postMessage({ seq });
  }

  return {
    tell,
    /** Resolves with whether this tab is to notify of a message. @param {number} seq */
    async claim(seq) {
      const isFree = seq > taken;
      mine = Math.max(mine, seq);
      channel?.postMessage({ seq, claim: me });
      await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
      return isFree && seq > taken && seq > read;
    },
  };
}

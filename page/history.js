// Loads history into the list: one page while scrolling up, more for a day, a link or a file.

/** @import { EntryLine } from "../sdk/types.d.ts" */
/** @import { MessageList } from "./message_list.js" */
/** @import { Session } from "../sdk/session.js" */

/** Entries of a page when many pages are needed. */
const LONG_PAGE = 500;

/** @param {Session} session @param {MessageList} list */
export function makeHistory(session, list) {
  /** Page that is loading: one at a time. @type {Promise<boolean> | undefined} */
  let loading;
  /** First entry that the server keeps, once it is known. */
  let oldest = 0;

  /** Loads one more page. Resolves with whether there was any. @param {number} [limit] */
  function older(limit) {
    return loading ??= load(limit).catch(() => false).finally(() => loading = undefined);
  }

  /** @param {number} [limit] */
  async function load(limit) {
    const { first } = list;
    if (first <= 1 || first === oldest) return false;
    const page = await session.history(first, limit);
    // The list may have been cleared meanwhile.
    if (list.first !== first) return true;
    if (page.entries.length > 0) list.addOlder(page);
    if (!page.more && list.first > 1) {
      oldest = list.first;
      list.addNotice("Older messages are no longer kept.", true);
    }
    return page.entries.length > 0;
  }

  return {
    older,
    /** Loads pages until the condition holds, or nothing is left. @param {() => boolean} isThere */
    async reach(isThere) {
      while (!isThere() && await older(LONG_PAGE)) continue;
    },
    /** Resolves with everything that the server keeps, oldest first. @returns {Promise<EntryLine[]>} */
    async readAll() {
      /** @type {(readonly EntryLine[])[]} */
      const pages = [];
      for (let before = list.last + 1, more = true; more;) {
        const page = await session.history(before, LONG_PAGE);
        pages.unshift(page.entries);
        before = page.entries[0]?.seq ?? 1;
        more = page.more;
      }
      return pages.flat();
    },
  };
}

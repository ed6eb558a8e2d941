// What was said before: a page at a time on the way up, all of it for a day, a link or a file.

/** @import { EntryLine } from "../sdk/types.d.ts" */
/** @import { MessageList } from "./message_list.js" */
/** @import { Session } from "../sdk/session.js" */

/** Entries that are asked for at once where the way is long. */
const LONG_PAGE = 500;

/** @param {Session} session @param {MessageList} log */
export function makeHistory(session, log) {
  /** The page that is under way: one at a time. @type {Promise<boolean> | undefined} */
  let loading;
  /** The first entry that is kept, once it has turned out which. */
  let oldest = 0;

  /** One page more. Resolves to whether there was any. @param {number} [limit] */
  function older(limit) {
    return loading ??= load(limit).catch(() => false).finally(() => loading = undefined);
  }

  /** @param {number} [limit] */
  async function load(limit) {
    const { first } = log;
    if (first <= 1 || first === oldest) return false;
    const page = await session.history(first, limit);
    // What was shown may be another by now.
    if (log.first !== first) return true;
    if (page.entries.length > 0) log.addOlder(page);
    if (!page.more && log.first > 1) {
      oldest = log.first;
      log.addNotice("Older messages are no longer kept.", true);
    }
    return page.entries.length > 0;
  }

  return {
    older,
    /** Loads until it is there, or nothing is left. @param {() => boolean} isThere */
    async reach(isThere) {
      while (!isThere() && await older(LONG_PAGE)) continue;
    },
    /** Everything that is kept, oldest first. @returns {Promise<EntryLine[]>} */
    async readAll() {
      /** @type {(readonly EntryLine[])[]} */
      const pages = [];
      for (let before = log.last + 1, more = true; more;) {
        const page = await session.history(before, LONG_PAGE);
        pages.unshift(page.entries);
        before = page.entries[0]?.seq ?? 1;
        more = page.more;
      }
      return pages.flat();
    },
  };
}

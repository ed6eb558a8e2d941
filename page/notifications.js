// Notifies of new messages while nobody looks at the page: by title, icon, notification and sound. Loaded when the reader first
// looks away, or with the first message.
import { makeOtherTabs } from "./other_tabs.js";

/** @import { SafeStorage } from "../sdk/storage.js" */

/**
 * @typedef {object} News
 * @property {number} seq
 * @property {string} text
 * @property {boolean} callsMe whether it mentions the reader, or replies to one of the reader's own
 */

/** Whether this page may show notifications at all. */
export const canNotify = "Notification" in globalThis && isSecureContext;

/** Returns the keys of the settings in the storage. Each is "on", "off" or unset. @param {string} room */
export function listKeys(room) {
  return { notify: `confab.notify.${room}`, sound: "confab.sound", mute: `confab.mute.${room}` };
}

/** Whether the reader looks at something else: another tab, another window. */
export function isAway() {
  return document.hidden || !document.hasFocus();
}

/** @param {string} room @param {SafeStorage} storage */
export function makeNotifier(room, storage) {
  /** @type {HTMLLinkElement | null} */
  const icon = document.querySelector('link[rel="icon"]');
  const keys = listKeys(room);
  let unread = 0;
  let newest = 0;
  /** Loaded once: one promise keeps the order of the messages. @type {Promise<typeof import("./alerts.js") | undefined> | undefined} */
  let alerts;
  const otherTabs = makeOtherTabs({ isRead: () => !isAway(), onRead: () => count(0) });

  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);

  /** @param {keyof typeof keys} setting */
  function isOn(setting) {
    return storage.get(keys[setting]) === "on";
  }

  function look() {
    if (isAway()) return;
    count(0);
    otherTabs.tell(newest);
  }

  /** @param {number} now */
  function count(now) {
    unread = now;
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${room} · Confab`;
    const name = unread > 0 ? "icon_unread.svg" : "icon.svg";
    const href = icon && new URL(name, icon.href).href;
    if (href && icon.href !== href) icon.href = href;
  }

  /** Notifies of a message by somebody else. @param {News} news */
  return async ({ seq, text, callsMe }) => {
    newest = seq;
    // Another tab may have claimed it before this module was loaded.
    if (!isAway()) return otherTabs.tell(seq);
    if (isOn("mute") && !callsMe) return;
    count(unread + 1);
    if (!await otherTabs.claim(seq) || !isAway()) return;
    const canRaise = isOn("notify") && canNotify && Notification.permission === "granted";
    if (!canRaise && !isOn("sound")) return;
    // Without the module there is no alert; the title has the count.
    alerts ??= import("./alerts.js").catch(() => alerts = undefined);
    const module = await alerts;
    if (canRaise) module?.raise(room, text);
    if (isOn("sound")) module?.beep();
  };
}

// Notifies of new messages while nobody looks at the page: by title, icon, notification and sound. Owns the settings for them.
import { byId } from "./dom.js";
import { makeOtherTabs } from "./other_tabs.js";

/** @import { SafeStorage } from "../sdk/storage.js" */

/**
 * @typedef {object} News
 * @property {number} seq
 * @property {string} text
 * @property {boolean} callsMe whether it mentions the reader, or replies to one of the reader's own
 */

/** @param {string} room @param {SafeStorage} storage @param {(isAway: boolean) => void} onLook */
export function makeNotifier(room, storage, onLook) {
  /** @type {HTMLLinkElement | null} */
  const icon = document.querySelector('link[rel="icon"]');
  const canNotify = "Notification" in globalThis && isSecureContext;
  const notify = addChoice("notify", `confab.notify.${room}`);
  const sound = addChoice("sound", "confab.sound");
  const mute = addChoice("mute", `confab.mute.${room}`);
  let unread = 0;
  let newest = 0;
  /** Loaded once: one promise keeps the order of the messages. @type {Promise<typeof import("./alerts.js") | undefined> | undefined} */
  let alerts;
  const otherTabs = makeOtherTabs({ isRead: () => !isAway(), onRead: () => count(0) });

  if (!canNotify) notify.title = "Requires https.";
  notify.disabled = !canNotify;
  if (canNotify && Notification.permission !== "granted") notify.checked = false;
  notify.onclick = async () => {
    if (notify.checked && await Notification.requestPermission() !== "granted") notify.click();
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
  addEventListener("blur", look);
  count(0);

  function look() {
    onLook(isAway());
    if (isAway()) return;
    count(0);
    otherTabs.tell(newest);
  }

  /** @param {"notify" | "sound" | "mute"} id @param {string} key */
  function addChoice(id, key) {
    const box = byId(id);
    box.checked = storage.get(key) === "on";
    box.onchange = () => storage.set(key, box.checked ? "on" : "off");
    return box;
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
    if (!isAway() || (mute.checked && !callsMe)) return;
    count(unread + 1);
    if (!await otherTabs.claim(seq) || !isAway()) return;
    if (!notify.checked && !sound.checked) return;
    // Without the module there is no alert; the title has the count.
    alerts ??= import("./alerts.js").catch(() => alerts = undefined);
    const module = await alerts;
    if (notify.checked) module?.raise(room, text);
    if (sound.checked) module?.beep();
  };
}

/** Whether the reader looks at something else: another tab, another window. */
function isAway() {
  return document.hidden || !document.hasFocus();
}

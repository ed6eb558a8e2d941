// Notifies of new messages while the page is hidden: by title, icon, notification and sound. Owns the settings for them.
import { byId } from "./dom.js";

/** @import { SafeStorage } from "../sdk/storage.js" */

/** @param {string} room @param {SafeStorage} storage @param {(isHidden: boolean) => void} onHide */
export function makeNotifier(room, storage, onHide) {
  const icon = document.querySelector('link[rel="icon"]');
  const canNotify = "Notification" in globalThis && isSecureContext;
  const notify = addChoice("notify", `confab.notify.${room}`);
  const sound = addChoice("sound", "confab.sound");
  const mute = addChoice("mute", `confab.mute.${room}`);
  let unread = 0;

  if (!canNotify) notify.title = "Requires https.";
  notify.disabled = !canNotify;
  if (canNotify && Notification.permission !== "granted") notify.checked = false;
  notify.onclick = async () => {
    if (notify.checked && await Notification.requestPermission() !== "granted") notify.click();
  };
  document.addEventListener("visibilitychange", () => {
    count(0);
    onHide(document.hidden);
  });
  count(0);

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
    icon?.setAttribute("href", `page/icon${unread > 0 ? "_unread" : ""}.svg`);
  }

  /** @param {string} body */
  function raise(body) {
    try {
      const notification = new Notification(room, { body, tag: `confab:${location.pathname}` });
      notification.onclick = () => {
        focus();
        notification.close();
      };
    } catch {
      // Android has no notifications without a service worker.
    }
  }

  /** Notifies of a message by somebody else. @param {string} text @param {boolean} isMention */
  return (text, isMention) => {
    if (!document.hidden || (mute.checked && !isMention)) return;
    count(unread + 1);
    if (notify.checked) raise(text);
    if (sound.checked) beep();
  };
}

function beep() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.value = 0.1;
  tone.connect(volume).connect(audio.destination);
  setTimeout(() => audio.close(), 500);
  tone.start();
  tone.stop(audio.currentTime + 0.2);
}

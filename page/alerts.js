// Shows a notification, makes a sound. Loaded for readers who want that.

/** Notifies of a message. A room has one notification at a time. @param {string} room @param {string} body */
export function raise(room, body) {
  try {
    // Without `renotify`, a second message would replace the first without a sign.
    /** @type {NotificationOptions & { renotify: boolean }} */
    const options = { body, tag: `confab:${location.pathname}`, renotify: true };
    const notification = new Notification(room, options);
    notification.onclick = () => {
      focus();
      notification.close();
    };
  } catch {
    // Android has no notifications without a service worker.
  }
}

export function beep() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.value = 0.1;
  tone.connect(volume).connect(audio.destination);
  setTimeout(() => audio.close(), 500);
  tone.start();
  tone.stop(audio.currentTime + 0.2);
}

// Copies text to the clipboard.
import { el } from "./dom.js";

/** Copies a text. Without a secure context there is only the old command for it. @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = el("textarea", "visually-hidden");
    const focused = document.activeElement;
    box.value = text;
    (focused?.parentElement ?? document.body).append(box);
    box.select();
    const isDone = document.execCommand("copy");
    box.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return isDone;
  }
}

/** Makes a button copy a text and confirm it for a while. @param {HTMLElement} button @param {() => string} getText */
export function makeCopyButton(button, getText) {
  const label = button.textContent;
  button.onclick = async () => {
    button.textContent = await copyText(getText()) ? "Copied" : getText();
    setTimeout(() => button.textContent = label, 2_000);
  };
}

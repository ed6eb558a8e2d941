// Opens the header's two panels, and copies text to the clipboard.
import { byId, el } from "./dom.js";
import { toLines } from "../sdk/messages.js";

/** Makes a button show and hide its panel. Escape and a click elsewhere hide it. @param {string} id */
export function makePanel(id) {
  const button = byId(`${id}-button`);
  const panel = byId(id);
  const show = (/** @type {boolean} */ isOpen) => {
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  };
  /** @param {Event} event */
  const leave = ({ target }) => {
    if (target !== button && target instanceof Node && !panel.contains(target)) show(false);
  };
  button.onclick = () => show(panel.hidden === true);
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  const close = () => {
    show(false);
    button.focus();
  };
  document.addEventListener("keydown", ({ key }) => key !== "Escape" || panel.hidden || close());
  return { close };
}

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

/** Makes a button copy a text and confirm it for a while. @param {string} id @param {() => string} getText */
export function makeCopyButton(id, getText) {
  const button = byId(id);
  const label = button.textContent;
  button.onclick = async () => {
    button.textContent = await copyText(getText()) ? "Copied" : getText();
    setTimeout(() => button.textContent = label, 2_000);
  };
}

/**
 * Makes several messages that are copied together lines of `name (tag): text`, wherever the selection begins.
 * @param {HTMLElement} list
 */
export function copyAsLines(list) {
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (event.target instanceof HTMLTextAreaElement || !selection?.rangeCount) return;
    const range = selection.getRangeAt(0);
    const lines = [...list.querySelectorAll("article")].flatMap((item) => {
      const text = item.querySelector(".text");
      if (!text || !range.intersectsNode(text)) return [];
      const part = document.createRange();
      part.selectNodeContents(text);
      if (range.comparePoint(text, 0) < 0) part.setStart(range.startContainer, range.startOffset);
      if (part.compareBoundaryPoints(Range.END_TO_END, range) > 0) {
        part.setEnd(range.endContainer, range.endOffset);
      }
      const selected = String(part);
      const [name = "", tag = ""] = [".name", ".tag"].map((part) =>
        item.querySelector(part)?.textContent ?? ""
      );
      return selected ? [toLines({ name, tag }, selected)] : [];
    });
    if (lines.length < 2) return;
    event.clipboardData?.setData("text/plain", lines.join("\n"));
    event.preventDefault();
  });
}

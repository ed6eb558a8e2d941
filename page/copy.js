// Makes several messages that are copied together lines of `name (tag): text`, wherever the selection begins. Loaded when something
// is selected.

import { toLines } from "../sdk/messages.js";

/** @param {HTMLElement} list */
export function copyAsLines(list) {
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    // Firefox keeps the selection of the document beside that of a field.
    const { selectionStart = 0, selectionEnd = 0 } = /** @type {Partial<HTMLTextAreaElement>} */ (
      document.activeElement ?? {}
    );
    if (selectionStart !== selectionEnd || !selection?.rangeCount) return;
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

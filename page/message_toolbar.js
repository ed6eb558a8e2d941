// The toolbar offers actions for a message. Loaded when the pointer or the focus first comes to one. One row of buttons serves all messages: it moves to the message under the pointer,
// or to the one with the focus.
import { el, makeButton } from "./dom.js";
import { isSame } from "../sdk/messages.js";

/** @import { ShownMessage } from "../sdk/messages.js" */
/** @import { MessageList } from "./message_list.js" */

const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "👀"];

/**
 * @typedef {object} MessageToolbar
 * @property {(message: ShownMessage, emoji: string) => void} react
 * @property {(message: ShownMessage) => void} reply
 * @property {(message: ShownMessage) => Promise<string>} link returns the text to show for it
 * @property {(message: ShownMessage) => void} edit
 * @property {(message: ShownMessage) => void} remove
 * @property {() => void} leave moves the focus to the composer
 * @property {(message: ShownMessage) => Node[]} [operate] makes the operator's buttons for a message by somebody else
 */

/**
 * @param {HTMLElement} root
 * @param {MessageList} list
 * @param {MessageToolbar} tools
 * @param {Event} event that asked for the tools: the pointer or the focus has come to a message
 */
export function addTools(root, list, tools, event) {
  const row = el("div", "tools");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "Message");
  /** @type {HTMLElement | undefined} */
  let active;
  /** Whether a key was used after the pointer. Browsers disagree on when a focus that a script set is visible. */
  let isByKeyboard = event.type === "focusin";

  root.onpointerover = move;
  root.addEventListener("focusin", move);
  // A touch leaves when the finger lifts, before the click.
  root.onpointerleave = ({ pointerType }) =>
    pointerType !== "mouse" || hasKeyboardFocus() || row.remove();
  root.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !active?.contains(relatedTarget)) row.remove();
  });
  root.onkeydown = walk;
  document.addEventListener("keydown", () => isByKeyboard = true, true);
  document.addEventListener("pointerdown", () => isByKeyboard = false, true);
  // The module took its time: the content of the message may have been drawn anew.
  const { type, target } = event;
  const isThere = type === "focusin" ? ":focus-within" : ":hover";
  move({ type, target: root.querySelector(`article${isThere}`) ?? target });

  /** @param {{ target: EventTarget | null, type: string }} event */
  function move({ target, type }) {
    const item = target instanceof Element ? target.closest("article") : null;
    if (!item || item === row.parentElement || (type === "pointerover" && hasKeyboardFocus())) {
      return;
    }
    active = item;
    row.remove();
    fill();
  }

  /** Whether keyboard focus holds the toolbar at its message, wherever the mouse rests. */
  function hasKeyboardFocus() {
    return isByKeyboard && row.isConnected && active?.contains(document.activeElement);
  }

  function fill() {
    const message = list.find(Number(active?.dataset["seq"]));
    if (!message || message.isDeleted) return;
    const link = makeButton("Copy link", async () => link.textContent = await tools.link(message));
    const remove = makeButton("Delete", () => {
      if (remove.textContent !== "Delete") return tools.remove(message);
      remove.textContent = "Really delete?";
    });
    const rest = isSame(list.me, message.from.tag)
      ? [makeButton("Edit", () => tools.edit(message)), remove]
      : tools.operate && [remove, ...tools.operate(message)];
    row.replaceChildren(
      makeButton("React", () => pick(message)),
      makeButton("Reply", () => tools.reply(message)),
      link,
      ...rest ?? [],
    );
    active?.append(row);
  }

  /** @param {ShownMessage} message */
  function pick(message) {
    row.replaceChildren(...EMOJI.map((emoji) =>
      makeButton(emoji, () => {
        tools.react(message, emoji);
        fill();
        active?.focus();
      })
    ));
    row.querySelector("button")?.focus();
  }

  /** Moves the focus from message to message by arrow keys. @param {KeyboardEvent} event */
  function walk(event) {
    const { key, target } = event;
    if (!(target instanceof Element)) return;
    if (key === "Escape") {
      if (!row.contains(target)) return tools.leave();
      fill();
      active?.focus();
    }
    if (key !== "ArrowUp" && key !== "ArrowDown") return;
    const all = [...root.querySelectorAll("article")];
    const current = target.closest("article");
    const index = current ? all.indexOf(current) : all.length;
    const next = all[index + (key === "ArrowUp" ? -1 : 1)];
    event.preventDefault();
    next?.focus();
  }
}

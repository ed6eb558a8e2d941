// What one can do with a message. One row of buttons for all of them: it stands at the message that is pointed at, or
// that has the focus.
import { el, makeButton } from "./dom.js";
import { isSame } from "../sdk/messages.js";

/** @import { ShownMessage } from "../sdk/messages.js" */
/** @import { MessageList } from "./message_list.js" */

const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "👀"];

/**
 * @typedef {object} MessageToolbar
 * @property {(message: ShownMessage, emoji: string) => void} react
 * @property {(message: ShownMessage) => void} reply
 * @property {(message: ShownMessage) => Promise<string>} link returns what to show for it
 * @property {(message: ShownMessage) => void} edit
 * @property {(message: ShownMessage) => void} remove
 * @property {() => void} leave back to the composer
 * @property {(message: ShownMessage) => Node[]} [operate] for operators: what they do with somebody else's
 */

/** @param {HTMLElement} root @param {MessageList} log @param {MessageToolbar} tools */
export function addTools(root, log, tools) {
  const row = el("div", "tools");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "Message");
  /** @type {HTMLElement | undefined} */
  let place;

  root.onpointerover = move;
  root.addEventListener("focusin", move);
  // A finger leaves when it lifts, before the click.
  root.onpointerleave = ({ pointerType }) => pointerType !== "mouse" || isHeld() || row.remove();
  root.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !place?.contains(relatedTarget)) row.remove();
  });
  root.onkeydown = walk;

  /** @param {Event} event */
  function move({ target, type }) {
    const item = target instanceof Element ? target.closest("article") : null;
    if (!item || item === row.parentElement || (type === "pointerover" && isHeld())) return;
    place = item;
    row.remove();
    fill();
  }

  /** Whoever is there by keyboard stays there, wherever the mouse rests. */
  function isHeld() {
    const FOCUS = ":focus-visible";
    return row.isConnected && (place?.matches(FOCUS) || row.querySelector(FOCUS));
  }

  function fill() {
    const message = log.find(Number(place?.dataset["seq"]));
    if (!message || message.isDeleted) return;
    const link = makeButton("Copy link", async () => link.textContent = await tools.link(message));
    const remove = makeButton("Delete", () => {
      if (remove.textContent !== "Delete") return tools.remove(message);
      remove.textContent = "Really delete?";
    });
    const rest = isSame(log.me, message.from.tag)
      ? [makeButton("Edit", () => tools.edit(message)), remove]
      : tools.operate && [remove, ...tools.operate(message)];
    row.replaceChildren(
      makeButton("React", () => pick(message)),
      makeButton("Reply", () => tools.reply(message)),
      link,
      ...rest ?? [],
    );
    place?.append(row);
  }

  /** @param {ShownMessage} message */
  function pick(message) {
    row.replaceChildren(...EMOJI.map((emoji) =>
      makeButton(emoji, () => {
        tools.react(message, emoji);
        fill();
        place?.focus();
      })
    ));
    row.querySelector("button")?.focus();
  }

  /** From message to message by arrows. @param {KeyboardEvent} event */
  function walk(event) {
    const { key, target } = event;
    if (!(target instanceof Element)) return;
    if (key === "Escape") {
      if (!row.contains(target)) return tools.leave();
      fill();
      place?.focus();
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

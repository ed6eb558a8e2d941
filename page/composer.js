// The composer edits the user's name and the next message: a new one, a reply, or an edit. Owns the draft.
import { byId } from "./dom.js";

/** @import { SafeStorage } from "../sdk/storage.js" */

/** The counter shows when fewer bytes than this are left. */
const COUNT_FROM = 1_600;

/** Maximum length of the line that names the other message. */
const MAX_LABEL = 200;

const NO_FILES = "Pictures and files cannot be sent here. Paste a link to them.";

/** @typedef {{ replyTo?: number, edit?: number }} Mode purpose of a message, by the `seq` of the other message */

/** Text with a character that shows. Equal to the server's rule (protocol/plain_lines.ts). */
const VISIBLE =
  /[^\s\p{Z}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{13430}-\u{13440}\u{16fe4}\u{1d159}]/u;

/**
 * @typedef {object} ComposerOptions
 * @property {string} room
 * @property {SafeStorage} storage shared by all tabs
 * @property {SafeStorage} tabStorage of this tab alone
 * @property {(text: string, mode: Mode) => void} onSend
 * @property {(name: string) => void} onName
 * @property {() => void} onTyping
 * @property {() => void} onEditLast
 */

/** @param {ComposerOptions} options */
export function makeComposer({ room, storage, tabStorage, onSend, onName, onTyping, onEditLast }) {
  const key = `confab.draft.${room}`;
  const modeKey = `confab.mode.${room}`;
  const form = byId("form");
  const msg = byId("msg");
  const who = byId("who");
  const name = byId("name");
  const note = byId("note");
  const row = byId("row");
  const send = byId("send");
  const counter = byId("counter");
  const modeLine = byId("mode");
  /** @type {Mode} */
  let mode = {};
  let myName = "";
  /** Whether a message waits only for a name. */
  let wantsName = false;
  /** Maximum size of a text, in bytes of UTF-8. */
  let limit = Infinity;

  msg.value = loadDraft();
  msg.oninput = change;
  msg.onkeydown = onKey;
  name.onchange = keepName;
  name.onkeydown = onNameKey;
  form.onsubmit = submit;
  byId("mode-cancel").onclick = cancel;
  // A phone's keyboard closes when the text box loses the focus.
  send.onmousedown = (event) => event.preventDefault();
  addEventListener("resize", fit);
  msg.addEventListener("paste", ({ clipboardData }) => refuseFiles(clipboardData));
  // Otherwise the browser would open a dropped file in place of the page.
  for (const sign of /** @type {const} */ (["dragover", "drop"])) {
    addEventListener(sign, (event) => {
      if (refuseFiles(event.dataTransfer)) event.preventDefault();
    });
  }
  restore();
  fit();

  /** Loads the draft of this tab. A new tab continues the last one of any tab. */
  function loadDraft() {
    return tabStorage.get(key) ?? storage.get(key) ?? "";
  }

  /** Keeps the draft in the tab, and for tabs to come. Does not remove another tab's. @param {string} text */
  function keepDraft(text) {
    const last = tabStorage.get(key);
    tabStorage.set(key, text);
    if (text) storage.set(key, text);
    else if (storage.get(key) === last) storage.remove(key);
  }

  /** Explains that files cannot be sent, if there are any and no text. @param {DataTransfer | null} data */
  function refuseFiles(data) {
    const { types = [] } = data ?? {};
    const isRefused = types.includes("Files") && !types.includes("text/plain");
    if (isRefused) note.textContent = NO_FILES;
    return isRefused;
  }

  /** Continues a reply or an edit that was under way before a reload. */
  function restore() {
    /** @type {{ mode: Mode, label: string, text?: string } | undefined} */
    const kept = JSON.parse(tabStorage.get(modeKey) ?? "null") ?? undefined;
    if (kept) enter(kept.mode, kept.label, kept.text);
  }

  /** Shows the name; asks for one if it is empty. @param {string} chosen */
  function setName(chosen) {
    myName = name.value = chosen;
    who.hidden = chosen !== "";
    msg.placeholder = chosen ? `Message as ${chosen}` : "Message";
  }

  /** Asks for a name. @param {string} [why] reason why the current one is not accepted */
  function askName(why = "") {
    who.hidden = false;
    name.select();
    note.textContent = why;
  }

  /**
   * Starts a reply or an edit.
   * @param {Mode} wanted
   * @param {string} label
   * @param {string} [text] text of the message to edit
   */
  function begin(wanted, label, text) {
    cancel();
    enter(wanted, label, text);
  }

  /** @param {Mode} wanted @param {string} label @param {string} [text] */
  function enter(wanted, label, text) {
    if (text !== undefined) msg.value = text;
    mode = wanted;
    modeLine.hidden = false;
    byId("mode-text").textContent = label.slice(0, MAX_LABEL);
    send.textContent = mode.edit ? "Save" : "Send";
    keepMode();
    fit();
  }

  function keepMode() {
    const label = byId("mode-text").textContent;
    if (modeLine.hidden) tabStorage.remove(modeKey);
    else {tabStorage.set(
        modeKey,
        JSON.stringify({ mode, label, ...mode.edit ? { text: msg.value } : {} }),
      );}
  }

  /** Returns to a new message: the draft. */
  function cancel() {
    if (mode.edit) msg.value = loadDraft();
    mode = {};
    modeLine.hidden = true;
    send.textContent = "Send";
    keepMode();
    change();
    msg.focus();
  }

  function change() {
    const { value } = msg;
    if (mode.edit) keepMode();
    else keepDraft(value);
    if (value) onTyping();
    note.textContent = "";
    fit();
  }

  /** Makes the text box as high as its text, up to the maximum of the style. */
  function fit() {
    // The form must not shrink meanwhile, or the list above would scroll.
    form.style.minHeight = `${form.offsetHeight}px`;
    msg.style.height = "auto";
    msg.style.height = `${msg.scrollHeight + 2}px`;
    form.style.minHeight = "";
    const left = countLeft();
    counter.textContent = left < COUNT_FROM ? `${left.toLocaleString()} bytes left` : "";
    counter.classList.toggle("over", left < 0);
  }

  function countLeft() {
    return limit - new TextEncoder().encode(msg.value).length;
  }

  /** Whether the key belongs to an input method that is composing. @param {KeyboardEvent} event */
  function isComposed({ isComposing, keyCode }) {
    return isComposing || keyCode === 229;
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const { key, shiftKey } = event;
    if (isComposed(event)) return;
    if (key === "Enter" && !shiftKey && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      form.requestSubmit();
    } else if (key === "Escape" && !modeLine.hidden) {
      cancel();
    } else if (key === "ArrowUp" && msg.value === "") {
      event.preventDefault();
      onEditLast();
    }
  }

  /** @param {KeyboardEvent} event */
  function onNameKey(event) {
    if (isComposed(event)) return;
    if (event.key === "Escape" && myName) {
      setName(myName);
      msg.focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!keepName()) return;
      msg.focus();
      if (wantsName) form.requestSubmit();
    }
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const { value } = msg;
    if (!VISIBLE.test(value)) return msg.focus();
    wantsName = !myName && !keepName();
    if (wantsName) return askName("Choose a name first.");
    const left = countLeft();
    if (left < 0) return note.textContent = `Too long by ${-left} bytes. Split it in two.`;
    const sent = mode;
    msg.value = "";
    cancel();
    onSend(value, sent);
  }

  /** Reports a new name. Returns false if the field is empty. */
  function keepName() {
    const chosen = name.value.trim();
    if (chosen && chosen !== myName) onName(chosen);
    if (chosen) setName(chosen);
    return chosen !== "";
  }

  return {
    setName,
    askName,
    begin,
    focus: () => msg.focus(),
    /** @param {boolean} isClosed */
    setClosed(isClosed) {
      // Every welcome calls this: the note stays unless the state has changed.
      if (row.hidden !== isClosed) note.textContent = isClosed ? "The room is closed." : "";
      row.hidden = isClosed;
    },
    /** @param {number} bytes */
    setLimit(bytes) {
      limit = bytes;
      fit();
    },
    /** @param {string} text */
    insert(text) {
      msg.setRangeText(text, msg.selectionStart, msg.selectionEnd, "end");
      msg.focus();
      change();
    },
  };
}

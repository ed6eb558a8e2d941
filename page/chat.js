// Wires the page of one room: passes the session's events to the parts of the page, and the user's actions to the session.
import { copyText, makeCopyButton } from "./clipboard.js";
import { makeComposer } from "./composer.js";
import { makeConnection } from "./connection_status.js";
import { byId } from "./dom.js";
import { callsMe } from "./message_view.js";
import { makeHistory } from "./history.js";
import { MessageList } from "./message_list.js";
import { isSame, personOf } from "../sdk/messages.js";
import { makePanel } from "./panel.js";
import { makePeople } from "./people.js";
import { Session } from "../sdk/session.js";
import { SafeStorage } from "../sdk/storage.js";

/** @import { News } from "./notifications.js" */
/** @import { ShownMessage } from "../sdk/messages.js" */
/** @import { EntryLine, Failure, Gap, WelcomeLine } from "../sdk/types.d.ts" */

/** Maximum number of entries after a resume. A page that slept for long reads the rest as history. */
const MAX_REPLAY = 500;

const room = decodeURIComponent(/\/r\/([^/]+)\/?$/.exec(location.pathname)?.[1] ?? "lobby");
const element = byId("log");
const pill = byId("pill");
const empty = byId("empty");
const storage = new SafeStorage();
/** Newest entry when the page was opened. Everything after it is news. */
let head = -1;
let hasArrived = false;
let hasAccount = false;
let isOperator = false;
/** Messages that the notifier has not seen. @type {News[]} */
const news = [];
/** Messages that arrived while the reader was further up. */
let missed = 0;

const list = new MessageList(element, {
  retry: (id) => session.resend(id),
  discard: (id) => session.discard(id),
  goTo,
  react: (seq, emoji, on) => session.react(seq, emoji, on),
}, drawScrollState);
const session = new Session({
  url: socketUrl(),
  room,
  maxReplay: MAX_REPLAY,
  handlers: {
    onState: (state) => {
      connection.show(state);
      drawScrollState();
    },
    onWelcome: begin,
    onReset: () => {
      list.clear();
      head = -1;
      hasArrived = false;
    },
    onEntry: addEntry,
    onGap: addGap,
    onPending: (message) => list.showPending(message),
    onPresence: (presence) => people.show(presence),
    onTyping: (from) => people.showTyping(from),
    onError: explain,
  },
});
const history = makeHistory(session, list);
const connection = makeConnection(() => session.retryNow(), () => session.fallBack());
const composer = makeComposer({
  room,
  storage,
  tabStorage: SafeStorage.ofTab(),
  onSend: send,
  onName: rename,
  onTyping: () => session.typing(),
  onEditLast: () => edit(list.findLastOwn()),
});
const people = makePeople(list, (name) => {
  peoplePanel.close();
  composer.insert(`@${name} `);
});
const peoplePanel = makePanel(byId("people-button"), byId("people"));

/** @type {import("./message_toolbar.js").MessageToolbar} */
const tools = {
  react: ({ seq, reactions }, emoji) => {
    const mine = [...reactions.get(emoji) ?? []].find(([tag]) => isSame(list.me, tag));
    session.react(seq, emoji, !mine?.[1].on);
  },
  reply: ({ seq, from, text }) =>
    composer.begin({ replyTo: seq }, `Replying to ${personOf(from)}: ${text}`),
  link: async ({ seq }) => await copyText(linkOf(seq)) ? "Copied" : linkOf(seq),
  edit,
  remove: ({ seq }) => session.remove(seq),
  leave: () => composer.focus(),
};
/** For users who have an account. */
const loadAccount = onDemand(async () => {
  const [{ makeAccount }, menu] = await Promise.all([import("./account.js"), loadMenu()]);
  if (!menu) throw new Error("Cannot add to a menu that was not loaded");
  return makeAccount({ isOperator, session, tools, menu });
});
/** When its button is first used. */
const loadMenu = onDemand(async () => {
  const { makeMenu } = await import("./menu.js");
  const rename = () => composer.askName();
  return makeMenu({ room, storage, getUrl: roomUrl, rename, goToDay, save });
});
/** When the reader first looks away, or with the first message. */
const loadNotifier = onDemand(async () =>
  (await import("./notifications.js")).makeNotifier(room, storage)
);
/** When the pointer or the focus first comes to a message. */
const loadTools = onDemand(async (/** @type {Event} */ event) =>
  (await import("./message_toolbar.js")).addTools(element, list, tools, event)
);
/** Before anything is copied: when something is first selected. */
const loadCopy = onDemand(async () => (await import("./copy.js")).copyAsLines(element));
for (const sign of ["pointerover", "focusin"]) element.addEventListener(sign, loadTools);
document.addEventListener("selectionchange", () => getSelection()?.isCollapsed || loadCopy());
byId("room").textContent = room;
byId("address").textContent = decodeURI(roomUrl());
document.title = `${room} · Confab`;
makeCopyButton(byId("copy-address"), roomUrl);
byId("menu-button").onclick = openMenu;
for (const sign of ["pointerenter", "focus"]) {
  byId("menu-button").addEventListener(sign, loadMenu, { once: true });
}
for (const sign of ["blur", "focus", "visibilitychange"]) addEventListener(sign, look, true);
pill.onclick = () => list.scroll.toBottom();
for (const sign of ["online", "pageshow"]) addEventListener(sign, () => session.retryNow());
document.addEventListener("visibilitychange", () => document.hidden || session.retryNow());
addEventListener("hashchange", goToHash);
addEventListener("beforeunload", (event) => {
  if (session.pending.some(({ isUnsaved }) => isUnsaved)) event.preventDefault();
});
document.addEventListener("keydown", typeAnywhere);
visualViewport?.addEventListener("resize", fitKeyboard);

composer.setName(session.name);
list.me.name = session.name;
for (const message of session.pending) list.showPending(message);
session.start();
// On a touch screen the focus would open the keyboard over the messages.
if (matchMedia("(pointer: fine)").matches) composer.focus();

/** @param {WelcomeLine} welcome */
function begin({ you, limits, head: newest, closed, account: mine }) {
  list.me = { ...you, name: you.name || session.name };
  composer.setLimit(limits.textBytes);
  people.settle();
  isOperator = !!mine?.operator;
  hasAccount = !!mine;
  showClosed(!!closed);
  if (head < 0) head = newest;
  if (head === 0) arrive();
}

/** Opens the menu for the first time. From then on it opens by itself. */
async function openMenu() {
  const menu = await loadMenu();
  if (menu) menu.show(true);
  else list.addNotice("The menu was not loaded: the connection was lost.");
}

/**
 * Returns a function that loads a part of the page when it is first called. It resolves with the part, or with undefined when
 * that was not loaded; the next call tries again. Firefox remembers a failed import until the page is loaded anew.
 * @template {unknown[]} Args
 * @template Part
 * @param {(...args: Args) => Promise<Part>} load
 */
function onDemand(load) {
  /** @type {Promise<Part | undefined> | undefined} */
  let part;
  return (/** @type {Args} */ ...args) => part ??= load(...args).catch(() => part = undefined);
}

/** Notes whether the reader looks at the page. */
function look() {
  const isAway = document.hidden || !document.hasFocus();
  list.markUnread(isAway);
  if (isAway) loadNotifier();
}

/** @param {News} message */
async function notify(message) {
  news.push(message);
  const tell = await loadNotifier();
  if (tell) news.splice(0).forEach(tell);
}

/** @param {boolean} isClosed */
function showClosed(isClosed) {
  composer.setClosed(isClosed && !isOperator);
  if (hasAccount) loadAccount().then((account) => account?.showClosed(isClosed));
}

/** Marks the moment when everything that was there on opening is shown. */
function arrive() {
  if (hasArrived) return;
  hasArrived = true;
  list.announce();
  goToHash();
  drawScrollState();
}

/** @param {EntryLine} entry */
function addEntry(entry) {
  const isNews = hasArrived;
  list.addEntry(entry);
  if (entry.seq >= head) arrive();
  if (entry.kind === "close") showClosed(entry.on);
  if (!isNews || entry.kind !== "say") return;
  people.hear(entry.from);
  if (isSame(list.me, entry.from.tag)) return;
  if (!list.scroll.isPinned()) missed++;
  const { seq, from, text } = entry;
  notify({ seq, text: `${personOf(from)}: ${text}`, callsMe: callsMe(entry, list) });
}

/** @param {ShownMessage} [message] */
function edit(message) {
  if (!message) return;
  const { seq, text } = message;
  composer.begin({ edit: seq }, `Editing your message: ${text}`, text);
}

/** @param {Gap} gap */
function addGap({ to, count, reason }) {
  // Skipped entries are read as history: the list has no holes.
  if (reason === "skipped") return list.clear(to);
  list.addNotice(`${count === 1 ? "1 message is" : `${count} messages are`} no longer kept.`);
  if (to >= head) arrive();
}

/** @param {Failure} failure */
function explain({ code, message }) {
  if (code === "banned") list.addNotice(`${message}.`);
  if (code !== "bad_name") return;
  rename(session.name);
  composer.setName(session.name);
  composer.askName(`${message}.`);
}

/** @param {string} name */
function rename(name) {
  list.me.name = name;
  if (name !== session.name) session.rename(name);
}

/** @param {string} text @param {import("./composer.js").Mode} mode */
function send(text, { edit, replyTo }) {
  if (edit) session.edit(edit, text);
  else session.say(text, replyTo ? { replyTo } : {});
}

/** Updates what depends on the scroll position. */
function drawScrollState() {
  const isPinned = list.scroll.isPinned();
  if (isPinned) missed = 0;
  pill.textContent = missed > 0 ? `${missed} new ↓` : "Latest ↓";
  pill.hidden = isPinned || (missed === 0 && list.scroll.fromBottom() < element.clientHeight);
  empty.hidden = !(head === 0 && list.isEmpty);
  if (hasArrived && element.scrollTop < element.clientHeight) {
    // A page of history may contain nothing that shows.
    history.older().then((hasMore) => hasMore && drawScrollState());
  }
}

/** @param {number} seq */
async function goTo(seq) {
  await history.reach(() => list.first <= seq);
  if (!list.show(seq)) list.addNotice(`Message ${seq} was not found.`);
}

/** @param {string} day like 2026-11-30 */
async function goToDay(day) {
  await history.reach(() => list.startsBefore(day));
  if (!list.show(list.findDay(day))) list.scroll.toBottom();
}

function goToHash() {
  const seq = Number(location.hash.slice(1));
  if (seq > 0) goTo(seq);
}

/** @param {string} ending */
async function save(ending) {
  try {
    const [entries, { saveEntries }] = await Promise.all([history.readAll(), import("./save.js")]);
    saveEntries(`${room}.${ending}`, entries);
  } catch {
    list.addNotice("Not saved: the connection was lost.");
  }
}

function roomUrl() {
  return location.origin + location.pathname;
}

/** @param {number} seq */
function linkOf(seq) {
  return `${roomUrl()}#${seq}`;
}

function socketUrl() {
  return roomUrl().replace("http", "ws").replace(/\/?$/, "/ws");
}

/** Moves the focus to the composer when somebody types elsewhere on the page. @param {KeyboardEvent} event */
function typeAnywhere(event) {
  const { key, target, metaKey } = event;
  // Windows reports AltGr, which some keyboards need for "@", as Ctrl and Alt.
  const ctrlKey = event.ctrlKey && !event.altKey && !event.getModifierState("AltGraph");
  const isBusy = target instanceof Element && target.closest("input, textarea, select");
  const isText = ctrlKey || metaKey ? /^v$/i.test(key) : key.length === 1 && key !== " ";
  if (!isBusy && isText) composer.focus();
}

/** Shrinks the page above an on-screen keyboard that covers it instead of shrinking it (Safari). */
function fitKeyboard() {
  const { height = 0, scale = 0 } = visualViewport ?? {};
  const isCovered = scale === 1 && height < innerHeight;
  document.body.style.height = isCovered ? `${height}px` : "";
  if (isCovered) scrollTo(0, 0);
}

// Wires the page of one room: passes the session's events to the parts of the page, and the user's actions to the session.
import { makeComposer } from "./composer.js";
import { makeConnection } from "./connection_status.js";
import { byId } from "./dom.js";
import { callsMe } from "./message_view.js";
import { makeHistory } from "./history.js";
import { MessageList } from "./message_list.js";
import { isSame, personOf } from "../sdk/messages.js";
import { copyText, makeCopyButton, makePanel } from "./menu.js";
import { makeNotifier } from "./notifications.js";
import { makePeople } from "./people.js";
import { Session } from "../sdk/session.js";
import { SafeStorage } from "../sdk/storage.js";

/** @import { makeAccount } from "./account.js" */
/** @import { ShownMessage } from "../sdk/messages.js" */
/** @import { EntryLine, Failure, Gap, WelcomeLine } from "../sdk/types.d.ts" */

/** Maximum number of entries after a resume. A page that slept for long reads the rest as history. */
const MAX_REPLAY = 500;

const room = decodeURIComponent(/\/r\/([^/]+)\/?$/.exec(location.pathname)?.[1] ?? "lobby");
const element = byId("log");
const pill = byId("pill");
const day = byId("day");
const empty = byId("empty");
const storage = new SafeStorage();
/** Newest entry when the page was opened. Everything after it is news. */
let head = -1;
let hasArrived = false;
/** Loaded for users who have an account. @type {Promise<ReturnType<makeAccount> | void> | undefined} */
let account;
let isOperator = false;
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
const notify = makeNotifier(room, storage, (isAway) => list.markUnread(isAway));
const peoplePanel = makePanel("people");
const menu = makePanel("menu");

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
for (const sign of ["pointerover", "focusin"]) element.addEventListener(sign, loadTools);
document.addEventListener("selectionchange", loadCopy);
byId("room").textContent = room;
byId("address").textContent = decodeURI(roomUrl());
makeCopyButton("copy-address", roomUrl);
makeCopyButton("copy-room", roomUrl);
byId("export-text").onclick = () => save("txt");
byId("export-json").onclick = () => save("json");
byId("rename").onclick = () => {
  menu.close();
  composer.askName();
};
byId("day-go").onclick = goToDay;
day.addEventListener("keydown", ({ key }) => key === "Enter" && goToDay());
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
  if (mine) account ??= loadAccount();
  showClosed(!!closed);
  if (head < 0) head = newest;
  if (head === 0) arrive();
}

/** Loads the toolbar. A failed import is retried when the pointer or the focus comes to the next message. @param {Event} event */
async function loadTools(event) {
  const module = import("./message_toolbar.js");
  for (const sign of ["pointerover", "focusin"]) element.removeEventListener(sign, loadTools);
  try {
    (await module).addTools(element, list, tools, event);
  } catch {
    for (const sign of ["pointerover", "focusin"]) element.addEventListener(sign, loadTools);
  }
}

/** Loads the format of copied messages before anything is selected to be copied. */
function loadCopy() {
  if (getSelection()?.isCollapsed) return;
  document.removeEventListener("selectionchange", loadCopy);
  import("./copy.js").then(
    ({ copyAsLines }) => copyAsLines(element),
    () => document.addEventListener("selectionchange", loadCopy),
  );
}

/** Loads the account's actions. A failed import is retried at the next welcome. */
function loadAccount() {
  return import("./account.js")
    .then(({ makeAccount }) => makeAccount({ isOperator, session, tools, menu }))
    .catch(() => account = undefined);
}

/** @param {boolean} isClosed */
function showClosed(isClosed) {
  composer.setClosed(isClosed && !isOperator);
  account?.then((mine) => mine?.showClosed(isClosed));
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

async function goToDay() {
  if (!(day.valueAsNumber > 0)) return day.focus();
  menu.close();
  await history.reach(() => list.startsBefore(day.value));
  if (!list.show(list.findDay(day.value))) list.scroll.toBottom();
}

function goToHash() {
  const seq = Number(location.hash.slice(1));
  if (seq > 0) goTo(seq);
}

/** @param {string} ending */
async function save(ending) {
  menu.close();
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

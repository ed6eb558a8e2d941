// The page of one room: its session told to the parts of the page, and what people do there told to the session.
import { makeComposer } from "./composer.js";
import { makeConnection } from "./connection_status.js";
import { byId } from "./dom.js";
import { mentions } from "./markup.js";
import { makeHistory } from "./history.js";
import { MessageList } from "./message_list.js";
import { isSame } from "../sdk/messages.js";
import { copyAsLines, copyText, makeCopyButton, makePanel } from "./menu.js";
import { makeNotifier } from "./notifications.js";
import { makePeople } from "./people.js";
import { Session } from "../sdk/session.js";
import { SafeStorage } from "../sdk/storage.js";
import { addTools } from "./message_toolbar.js";

/** @import { makeAccount } from "./account.js" */
/** @import { ShownMessage } from "../sdk/messages.js" */
/** @import { EntryLine, Failure, Gap, WelcomeLine } from "../sdk/types.d.ts" */

/** A page that was asleep for long is given no more than this; the rest is read like history. */
const MOST = 500;

const room = decodeURIComponent(/\/r\/([^/]+)\/?$/.exec(location.pathname)?.[1] ?? "lobby");
const element = byId("log");
const pill = byId("pill");
const day = byId("day");
const empty = byId("empty");
const storage = new SafeStorage();
/** Newest entry when we came; everything after it is news. */
let head = -1;
let hasArrived = false;
/** For who has signed in. @type {Promise<ReturnType<makeAccount> | void> | undefined} */
let account;
let isOperator = false;
/** Messages that came while the reader was further up. */
let missed = 0;

const log = new MessageList(element, {
  retry: (id) => session.resend(id),
  discard: (id) => session.discard(id),
  goTo,
  react: (seq, emoji, on) => session.react(seq, emoji, on),
}, drawPlace);
const session = new Session({
  url: socketUrl(),
  room,
  most: MOST,
  handlers: {
    onState: (state) => {
      connection.show(state);
      drawPlace();
    },
    onWelcome: begin,
    onReset: () => {
      log.clear();
      head = -1;
      hasArrived = false;
    },
    onEntry: take,
    onGap: takeGap,
    onPending: (message) => log.showPending(message),
    onPresence: (presence) => people.show(presence),
    onTyping: (from) => people.showTyping(from),
    onError: explain,
  },
});
const history = makeHistory(session, log);
const connection = makeConnection(() => session.retryNow(), () => session.fallBack());
const composer = makeComposer({
  room,
  storage,
  onSend: send,
  onName: rename,
  onTyping: () => session.typing(),
  onEditLast: () => edit(log.findLastOwn()),
});
const people = makePeople(log, (name) => {
  peoplePanel.close();
  composer.insert(`@${name} `);
});
const tellOfNews = makeNotifier(room, storage, (isHidden) => log.markUnread(isHidden));
const peoplePanel = makePanel("people");
const menu = makePanel("menu");

/** @type {import("./message_toolbar.js").MessageToolbar} */
const tools = {
  react: ({ seq, reactions }, emoji) => {
    const mine = [...reactions.get(emoji) ?? []].find(([tag]) => isSame(log.me, tag));
    session.react(seq, emoji, !mine?.[1].on);
  },
  reply: ({ seq, from }) =>
    composer.begin({ replyTo: seq }, `Replying to ${from.name || "no name"}`),
  link: async ({ seq }) => await copyText(linkOf(seq)) ? "Copied" : linkOf(seq),
  edit,
  remove: ({ seq }) => session.remove(seq),
  leave: () => composer.focus(),
};
addTools(element, log, tools);
copyAsLines(element);
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
day.onchange = () => day.valueAsNumber > 0 && goToDay();
pill.onclick = () => log.place.toBottom();
for (const sign of ["online", "pageshow"]) addEventListener(sign, () => session.retryNow());
document.addEventListener("visibilitychange", () => document.hidden || session.retryNow());
addEventListener("hashchange", goToHash);
document.addEventListener("keydown", typeAnywhere);
visualViewport?.addEventListener("resize", fitKeyboard);

composer.setName(session.name);
log.me.name = session.name;
for (const message of session.pending) log.showPending(message);
session.start();
// A finger would open the keyboard over what there is to read.
if (matchMedia("(pointer: fine)").matches) composer.focus();

/** @param {WelcomeLine} welcome */
function begin({ you, limits, head: newest, closed, account: mine }) {
  log.me = { ...you, name: you.name || session.name };
  composer.setLimit(limits.textBytes);
  people.settle();
  isOperator = !!mine?.operator;
  if (mine) account ??= loadAccount();
  showClosed(!!closed);
  if (head < 0) head = newest;
  if (head === 0) arrive();
}

/** One that cannot be had now may be at the next welcome. */
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

/** All that was there when we came is shown. */
function arrive() {
  if (hasArrived) return;
  hasArrived = true;
  log.announce();
  goToHash();
  drawPlace();
}

/** @param {EntryLine} entry */
function take(entry) {
  const isNews = hasArrived;
  log.addEntry(entry);
  if (entry.seq >= head) arrive();
  if (entry.kind === "close") showClosed(entry.on);
  if (!isNews || entry.kind !== "say") return;
  people.stopTyping(entry.from);
  if (isSame(log.me, entry.from.tag)) return;
  if (!log.place.isPinned()) missed++;
  tellOfNews(`${entry.from.name}: ${entry.text}`, mentions(entry.text, log.me.name));
}

/** @param {ShownMessage} [message] */
function edit(message) {
  if (message) composer.begin({ edit: message.seq }, "Editing your message", message.text);
}

/** @param {Gap} gap */
function takeGap({ to, count, reason }) {
  // What was skipped is read like history: there are no holes in the log.
  if (reason === "skipped") return log.clear(to);
  log.addNotice(`${count === 1 ? "1 message is" : `${count} messages are`} no longer kept.`);
  if (to >= head) arrive();
}

/** @param {Failure} failure */
function explain({ code, message }) {
  if (code === "banned") log.addNotice(`${message}.`);
  if (code !== "bad_name") return;
  rename(session.name);
  composer.setName(session.name);
  composer.askName(`${message}.`);
}

/** @param {string} name */
function rename(name) {
  log.me.name = name;
  if (name !== session.name) session.rename(name);
}

/** @param {string} text @param {import("./composer.js").Mode} mode */
function send(text, { edit, replyTo }) {
  if (edit) session.edit(edit, text);
  else session.say(text, replyTo ? { replyTo } : {});
}

/** What depends on where the reader is. */
function drawPlace() {
  const isPinned = log.place.isPinned();
  if (isPinned) missed = 0;
  pill.textContent = missed > 0 ? `${missed} new ↓` : "Latest ↓";
  pill.hidden = isPinned || (missed === 0 && log.place.fromBottom() < element.clientHeight);
  empty.hidden = !(head === 0 && log.isEmpty);
  if (hasArrived && element.scrollTop < element.clientHeight) {
    // A page may have brought nothing that shows.
    history.older().then((hasMore) => hasMore && drawPlace());
  }
}

/** @param {number} seq */
async function goTo(seq) {
  await history.reach(() => log.first <= seq);
  if (!log.show(seq)) log.addNotice(`Message ${seq} was not found.`);
}

async function goToDay() {
  menu.close();
  await history.reach(() => log.startsBefore(day.value));
  if (!log.show(log.findDay(day.value))) log.place.toBottom();
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
    log.addNotice("Not saved: the connection was lost.");
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

/** Whoever types, wherever the focus is, wants to say something. @param {KeyboardEvent} event */
function typeAnywhere({ key, target, ctrlKey, metaKey }) {
  const isBusy = target instanceof Element && target.closest("input, textarea, select");
  const isText = ctrlKey || metaKey ? /^v$/i.test(key) : key.length === 1 && key !== " ";
  if (!isBusy && isText) composer.focus();
}

/** Where the keyboard lies over the page instead of making it smaller (Safari), the page makes itself smaller. */
function fitKeyboard() {
  const { height = 0, scale = 0 } = visualViewport ?? {};
  const isCovered = scale === 1 && height < innerHeight;
  document.body.style.height = isCovered ? `${height}px` : "";
  if (isCovered) scrollTo(0, 0);
}

// What tells of news while nobody looks. Headless tabs neither hide nor show notifications: a script that runs before
// the page's hides them, and notes what the page asks of the browser.
import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { message, online, say, Stage, testInBrowser } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { HIDEABLE, preparedTab } from "./states.ts";
import { eventually, settled, until } from "../support/until.ts";

const ICON = 'link[rel="icon"]';

/** Notes questions for permission, notifications and sounds. What the reader answers is in the address of the test. */
const NOTED = (answer: "granted" | "denied") =>
  `${HIDEABLE}
  globalThis.noted = { asked: [], notifications: [], sounds: 0 };
  const PERMISSION = "permission of the test";
  globalThis.Notification = class {
    static get permission() { return sessionStorage.getItem(PERMISSION) ?? "default"; }
    static async requestPermission() {
      noted.asked.push(navigator.userActivation.isActive);
      sessionStorage.setItem(PERMISSION, "${answer}");
      return "${answer}";
    }
    constructor(title, { body, tag }) {
      if (Notification.permission === "granted") noted.notifications.push({ title, body, tag });
      globalThis.lastNotification = this;
    }
    close() { this.isClosed = true; }
  };
  globalThis.AudioContext = class extends AudioContext {
    constructor() { super(); noted.sounds++; }
  };
`;

interface Noted {
  readonly asked: boolean[];
  readonly notifications: { title: string; body: string; tag: string }[];
  readonly sounds: number;
}

const noted = (page: Page) => page.evaluate<Noted>("noted");

const hide = (page: Page, isHidden = true) => page.evaluate(`setHidden(${isHidden})`);

/** A tab of Ann, and Ben without one, in a room. */
async function meet(stage: Stage, { answer = "granted" as "granted" | "denied", path = "" } = {}) {
  const ann = await preparedTab(stage, NOTED(answer), { path });
  await online(ann);
  await ann.fill("#name", "Ann");
  await ann.press("#name", "Enter");
  const socket = path && `/${path}/ws`;
  const { socket: ben } = await JsonSocket.join(stage.program.port, {
    name: "Ben",
    ...socket ? { path: socket } : {},
  });
  let count = 0;
  /** Ben says it, and Ann's page has it. */
  const hear = async (text: string) => {
    ben.send({ type: "say", id: `${++count}`, text });
    await message(ann, text).last().waitFor({ state: "attached" });
  };
  return { ann, ben, hear };
}

/** Returns what a notification says without the tag of its author. */
function untagged(body: string): string {
  return body.replace(/ \(\w{6}\):/, ":");
}

/** Changes one of the choices in the menu, as one does with a mouse. */
async function choose(page: Page, label: string): Promise<void> {
  await page.locator("#menu-button").click();
  await page.getByLabel(label, { exact: true }).click();
  await page.keyboard.press("Escape");
}

/** Looks whether a choice in the menu is made. */
async function isChosen(page: Page, box: string): Promise<boolean> {
  await page.locator("#menu-button").click();
  const isChecked = await page.isChecked(box);
  await page.keyboard.press("Escape");
  return isChecked;
}

testInBrowser(
  "page: a hidden tab counts what others say in its title and wears a badge, until it is looked at",
  async () => {
    await using stage = await Stage.open();
    const { ann, ben, hear } = await meet(stage, { path: "r/kitchen" });
    await using _ = ben;
    await hear("seen");
    assertEquals(await ann.title(), "kitchen · Confab");
    const icon = () =>
      ann.evaluate(`fetch(document.querySelector('${ICON}').href).then((icon) => icon.text())`);
    const plain = await icon();
    await hide(ann);
    for (const text of ["one", "two", "three"]) await hear(text);
    await until(ann, `document.title === "(3) kitchen · Confab"`);
    const badged = await icon();
    assertEquals([plain, badged].map((text) => String(text).includes("<circle")), [false, true]);
    // Neither an edit nor a reaction is a message, nor is what one says oneself.
    const ref = Number(await message(ann, "three").getAttribute("data-seq"));
    ben.send({ type: "edit", id: "edit", ref, text: "3" }, {
      type: "react",
      id: "r",
      ref,
      emoji: "👍",
    });
    await message(ann, "👍 1").waitFor();
    await say(ann, "mine");
    await message(ann, "mine").locator("time").waitFor();
    await settled(ann);
    await until(ann, `document.title === "(3) kitchen · Confab"`);
    await hide(ann, false);
    assertEquals([await ann.title(), await icon()], ["kitchen · Confab", plain]);
    await hide(ann);
    await hear("four");
    await until(ann, `document.title === "(1) kitchen · Confab"`);
  },
);

testInBrowser("page: what comes after a reconnection counts, what was there does not", async () => {
  await using stage = await Stage.open();
  const { ann, ben, hear } = await meet(stage);
  await hear("before");
  await ben[Symbol.asyncDispose]();
  await hide(ann);
  await stage.crash();
  await stage.restart();
  const { socket: cat } = await JsonSocket.join(stage.program.port, { name: "Cat" });
  await using _ = cat;
  cat.send({ type: "say", id: "1", text: "after" });
  await message(ann, "after").waitFor();
  await until(ann, `document.title === "(1) lobby · Confab"`);
});

testInBrowser(
  "page: asks to notify only when that is clicked; then a room has one notification, by its tag",
  async () => {
    await using stage = await Stage.open();
    const { ann, ben, hear } = await meet(stage);
    await using _ = ben;
    await hide(ann);
    await hear("unasked");
    assertEquals(await noted(ann), { asked: [], notifications: [], sounds: 0 });
    await hide(ann, false);
    await choose(ann, "Notifications");
    // By a click: the browser calls it an activation by the user.
    assertEquals((await noted(ann)).asked, [true]);
    await hear("seen");
    await hide(ann);
    await hear("one");
    await hear("two");
    await until(ann, "noted.notifications.length === 2");
    const { notifications } = await noted(ann);
    assertEquals(notifications.map(({ body }) => untagged(body)), ["Ben: one", "Ben: two"]);
    assertEquals(notifications.map(({ title }) => title), ["lobby", "lobby"]);
    const tags = new Set(notifications.map(({ tag }) => tag));
    assertEquals(tags.size, 1);
    await ann.evaluate("lastNotification.onclick()");
    assertEquals(await ann.evaluate("lastNotification.isClosed"), true);

    // The choice is for the room, is kept, and is not asked for again.
    await ann.reload();
    await online(ann);
    assertEquals(await isChosen(ann, "#notify"), true);
    await hide(ann);
    await hear("three");
    await until(ann, "noted.notifications.length > 0");
    assertEquals((await noted(ann)).notifications.map(({ body }) => untagged(body)), [
      "Ben: three",
    ]);
    await ann.goto(`${stage.url}r/kitchen`);
    await online(ann);
    assertEquals([await isChosen(ann, "#notify"), (await noted(ann)).asked], [false, []]);
    await choose(ann, "Notifications");
    await hide(ann);
    const { socket: cat } = await JsonSocket.join(stage.program.port, {
      name: "Cat",
      path: "/r/kitchen/ws",
    });
    await using __ = cat;
    cat.send({ type: "say", id: "1", text: "elsewhere" });
    await message(ann, "elsewhere").waitFor();
    await until(ann, "noted.notifications.length > 0");
    const [elsewhere] = (await noted(ann)).notifications;
    assertEquals([elsewhere!.title, tags.has(elsewhere!.tag)], ["kitchen", false]);
  },
);

testInBrowser("page: who refuses notifications gets none, and the choice says so", async () => {
  await using stage = await Stage.open();
  const { ann, ben, hear } = await meet(stage, { answer: "denied" });
  await using _ = ben;
  await choose(ann, "Notifications");
  await until(ann, `!document.getElementById("notify").checked`);
  await hide(ann);
  await hear("hello");
  assertEquals((await noted(ann)).notifications, []);
  await until(ann, `document.title === "(1) lobby · Confab"`);
});

testInBrowser(
  "page: where there are no notifications, or they throw, the title still tells",
  async () => {
    await using stage = await Stage.open();
    for (
      const script of [
        "delete globalThis.Notification",
        `globalThis.Notification = class {
          static permission = "granted";
          constructor() { throw new TypeError("Illegal constructor"); }
        };
        localStorage.setItem("confab.notify.lobby", "on");`,
      ]
    ) {
      const ann = await preparedTab(stage, `${HIDEABLE}${script}`);
      await online(ann);
      await hide(ann);
      const { socket: ben } = await JsonSocket.join(stage.program.port, { name: "Ben" });
      await using _ = ben;
      ben.send({ type: "say", id: crypto.randomUUID(), text: "hello" });
      await until(ann, `document.title === "(1) lobby · Confab"`);
    }
  },
);

testInBrowser("page: in a muted room nothing counts but mentions of my name", async () => {
  await using stage = await Stage.open();
  const { ann, ben, hear } = await meet(stage);
  await using _ = ben;
  await choose(ann, "Notifications");
  await choose(ann, "Mute all except mentions");
  await hide(ann);
  await hear("nobody is meant");
  await hear("Annabel and Joann are others");
  assertEquals([await ann.title(), (await noted(ann)).notifications], ["lobby · Confab", []]);
  await hear("ann, without the sign, and ann@example.org");
  await hear("@Ann is called");
  await say(ann, "a question");
  await until(
    ann,
    `[...document.querySelectorAll("[data-seq] .text")].at(-1)?.textContent === "a question"`,
  );
  const question = Number(await message(ann, "a question").getAttribute("data-seq"));
  ben.send({ type: "say", id: "answer", text: "an answer", replyTo: question });
  await message(ann, "an answer").waitFor();
  await until(ann, `document.title === "(2) lobby · Confab"`);
  await until(ann, "noted.notifications.length === 2");
  const { notifications } = await noted(ann);
  assertEquals(notifications.map(({ body }) => untagged(body)), [
    "Ben: @Ann is called",
    "Ben: an answer",
  ]);
});

testInBrowser("page: makes no sound unless told to", async () => {
  await using stage = await Stage.open();
  const { ann, ben, hear } = await meet(stage);
  await using _ = ben;
  await hide(ann);
  await hear("silence");
  assertEquals((await noted(ann)).sounds, 0);
  await hide(ann, false);
  await choose(ann, "Sound");
  await hear("seen, so not heard");
  assertEquals((await noted(ann)).sounds, 0);
  await hide(ann);
  await hear("aloud");
  await until(ann, "noted.sounds === 1");
  await ann.reload();
  await online(ann);
  assertEquals(await isChosen(ann, "#sound"), true);
  await choose(ann, "Sound");
  await hide(ann);
  await hear("off again");
  assertEquals((await noted(ann)).sounds, 0);
});

testInBrowser("page: a window without focus counts and notifies", async () => {
  await using stage = await Stage.open();
  const { ann, ben, hear } = await meet(stage);
  await using _ = ben;
  await choose(ann, "Notifications");
  await ann.evaluate(`document.hasFocus = () => false; dispatchEvent(new Event("blur"))`);
  await hear("beside the window");
  await until(ann, `document.title === "(1) lobby · Confab"`);
  await until(ann, "noted.notifications.length === 1");
  await ann.evaluate(`document.hasFocus = () => true; dispatchEvent(new Event("focus"))`);
  assertEquals(await ann.title(), "lobby · Confab");
});

testInBrowser(
  "page: of several tabs one notifies, and none while the reader looks at another",
  async () => {
    await using stage = await Stage.open();
    const { ann, ben, hear } = await meet(stage);
    await using _ = ben;
    await choose(ann, "Notifications");
    const twin = await ann.context().newPage();
    await twin.addInitScript(NOTED("granted"));
    await twin.goto(stage.url);
    await online(twin);
    const grant = `sessionStorage.setItem("permission of the test", "granted")`;
    await twin.evaluate(grant);
    await twin.reload();
    await online(twin);
    await hide(twin);
    await hear("seen in the first tab");
    await message(twin, "seen in the first tab").waitFor({ state: "attached" });
    await until(twin, `document.title === "lobby · Confab"`);
    await hide(ann);
    // In one burst: each tab claims the next message before it has heard of the other's claims.
    const id = (n: number) => `burst ${n}`;
    ben.send(...Array.from({ length: 20 }, (_, n) => ({ type: "say", id: id(n), text: id(n) })));
    for (const tab of [ann, twin]) await message(tab, id(19)).waitFor({ state: "attached" });
    const count = async () =>
      (await Promise.all([ann, twin].map(noted))).map(({ notifications }) => notifications.length);
    await eventually(async () => (await count()).reduce((sum, some) => sum + some, 0) >= 20);
    await settled(ann);
    assertEquals((await count()).reduce((sum, some) => sum + some, 0), 20);
    await until(ann, `document.title === "(20) lobby · Confab"`);
    // Looking at one is looking at all.
    await hide(twin, false);
    await until(ann, `document.title === "lobby · Confab"`);
  },
);

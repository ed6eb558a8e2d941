// Writing and sending. An input method of the system cannot be switched on in a headless browser: what it does to the
// page, a composition and keys with the code 229, comes from the debugger instead.
import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Page, WebSocketRoute } from "playwright-core";
import {
  message,
  online,
  place,
  say,
  Stage,
  testInBrowser,
  testInChromium,
  texts,
} from "../support/browser.ts";
import { JsonSocket, type Line } from "../support/json_socket.ts";
import { eventually, settled } from "../support/until.ts";

const value = (page: Page) => page.inputValue("#msg");
const focused = (page: Page) => page.evaluate<string>("document.activeElement.id");

const isPinned = async (page: Page) => (await place(page)).fromBottom < 2;

testInBrowser(
  "page: two tabs chat, by button and by Enter; nothing to say is nothing said",
  async () => {
    await using stage = await Stage.open();
    const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
    await ann.press("#msg", "Enter");
    await ann.click("#send");
    await say(ann, "  \n ");
    await say(ann, "hello from Ann");
    await message(ben, "hello from Ann").waitFor();
    await ben.fill("#msg", "hello from Ben");
    await ben.click("#send");
    await message(ann, "hello from Ben").waitFor();
    for (const page of [ann, ben]) {
      await settled(page);
      assertEquals(await texts(page), ["hello from Ann", "hello from Ben"]);
      assertEquals([await value(ben), await focused(ben)], ["", "msg"]);
    }
  },
);

/** How many lines the last message is drawn as. */
function countLines(page: Page): Promise<number> {
  return page.evaluate(`(() => {
    const range = document.createRange();
    range.selectNodeContents([...document.querySelectorAll("#log > article > .text")].at(-1));
    return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
  })()`);
}

testInBrowser("page: Enter sends, Shift+Enter makes a line, and lines show as such", async () => {
  await using stage = await Stage.open();
  const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
  await ann.focus("#msg");
  await ann.keyboard.type("one");
  await ann.keyboard.press("Shift+Enter");
  await ann.keyboard.type("two");
  assertEquals([await value(ann), await texts(ann)], ["one\ntwo", []]);
  await ann.keyboard.press("Enter");
  for (const page of [ann, ben]) {
    await message(page, "two").waitFor();
    assertEquals([await texts(page), await countLines(page)], [["one\ntwo"], 2]);
  }
});

testInChromium("page: on touch Enter makes a line, and the button sends", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ hasTouch: true, isMobile: true });
  await ann.tap("#msg");
  await ann.keyboard.type("one");
  await ann.keyboard.press("Enter");
  await ann.keyboard.type("two");
  assertEquals([await value(ann), await texts(ann)], ["one\ntwo", []]);
  await ann.tap("#send");
  await message(ann, "two").waitFor();
  assertEquals([await texts(ann), await countLines(ann)], [["one\ntwo"], 2]);
  assertEquals(await value(ann), "");
});

testInChromium("page: Enter that an input method takes sends nothing", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  const keyboard = await ann.context().newCDPSession(ann);
  const press = (code: number) =>
    keyboard.send("Input.dispatchKeyEvent", {
      type: "rawKeyDown",
      key: "Enter",
      code: "Enter",
      windowsVirtualKeyCode: code,
    });
  await ann.evaluate(`globalThis.seen = [];
    addEventListener("keydown", ({ key, isComposing, keyCode }) =>
      seen.push([key, isComposing, keyCode].join(" ")), true)`);
  await ann.focus("#msg");
  const composition = { text: "にほん", selectionStart: 3, selectionEnd: 3 };
  await keyboard.send("Input.imeSetComposition", composition);
  await press(13);
  await press(229);
  assertEquals(await texts(ann), []);
  await keyboard.send("Input.insertText", { text: "日本" });
  // Safari ends the composition before it tells of the key that ended it.
  await press(229);
  assertEquals([await texts(ann), await value(ann)], [[], "日本"]);
  assertEquals(await ann.evaluate("seen"), [
    "Enter true 13",
    "Enter true 229",
    "Enter false 229",
  ]);
  await ann.keyboard.press("Enter");
  await message(ann, "日本").waitFor();
  assertEquals(await texts(ann), ["日本"]);

  // Neither is a name chosen by it.
  await ann.click("#menu-button");
  await ann.click("#rename");
  await keyboard.send("Input.imeSetComposition", composition);
  await press(13);
  await press(229);
  assertEquals(await focused(ann), "name");
});

testInBrowser("page: the box grows with the text, then scrolls; the log stays pinned", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ viewport: { width: 600, height: 400 } });
  const { socket } = await JsonSocket.join(stage.program.port, { name: "Ben" });
  await using ben = socket;
  for (let n = 0; n < 30; n++) ben.send({ type: "say", id: `${n}`, text: `filler ${n}` });
  await message(ann, "filler 29").waitFor();
  const height = async () => (await ann.locator("#msg").boundingBox())!.height;
  const overflow = () =>
    ann.evaluate<number>(`(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)(
      document.getElementById("msg"))`);
  const heights = [await height()];
  await ann.focus("#msg");
  for (let n = 1; n < 20; n++) {
    await ann.keyboard.press("Shift+Enter");
    await eventually(() => isPinned(ann));
    heights.push(await height());
    // As long as it grows it has nothing to scroll.
    if (n < 4) assertEquals(await overflow(), 0);
  }
  const [one = 0, two = 0, three = 0] = heights;
  assert(one + 15 < two && two + 15 < three, `${heights}`);
  assertEquals(heights.at(-1), heights.at(-2));
  assertLess(heights.at(-1)!, 250);
  assertGreater(await overflow(), 0);
  // What is being written is in view.
  assertEquals(
    await ann.evaluate(`(({ scrollHeight, clientHeight, scrollTop }) =>
      scrollHeight - clientHeight - scrollTop < 10)(document.getElementById("msg"))`),
    true,
  );
  await ann.keyboard.type("end");
  await ann.keyboard.press("Enter");
  await message(ann, "end").waitFor();
  assertEquals(await height(), one);
  await eventually(() => isPinned(ann));
});

testInBrowser("page: a draft of each room survives a reload, until it is sent", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ path: "r/kitchen" });
  await ann.fill("#msg", "two\nlines");
  await ann.goto(`${stage.url}r/cellar`);
  assertEquals(await value(ann), "");
  await ann.fill("#msg", "in the cellar");
  await ann.reload();
  assertEquals(await value(ann), "in the cellar");
  const high = (await ann.locator("#msg").boundingBox())!.height;
  await ann.goto(`${stage.url}r/kitchen`);
  assertEquals(await value(ann), "two\nlines");
  assertGreater((await ann.locator("#msg").boundingBox())!.height, high);
  await online(ann);
  await ann.press("#msg", "Enter");
  await message(ann, "lines").waitFor();
  await ann.reload();
  assertEquals(await value(ann), "");
  await ann.goto(`${stage.url}r/cellar`);
  assertEquals(await value(ann), "in the cellar");
});

/** What stands between a page and the server. What either says goes through it, a line at a time. */
class Interceptor {
  onSent: (line: Line, pass: () => void) => void = (_line, pass) => pass();
  onHeard: (line: Line, pass: () => void) => void = (_line, pass) => pass();
  #socket: WebSocketRoute | undefined;

  /** A member's tab behind one of these. */
  static async member(stage: Stage): Promise<{ page: Page; wire: Interceptor }> {
    const wire = new Interceptor();
    const page = await stage.member();
    await page.routeWebSocket(/\/ws$/, (socket) => wire.#connect(socket));
    await page.reload();
    await online(page);
    return { page, wire };
  }

  /** Tells the page what the server has not said. */
  tell(line: object): void {
    this.#socket?.send(JSON.stringify(line));
  }

  /** Ends the page's connection. */
  async cut(): Promise<void> {
    await this.#socket?.close();
  }

  #connect(socket: WebSocketRoute): void {
    this.#socket = socket;
    const server = socket.connectToServer();
    socket.onMessage((data) => {
      for (const line of String(data).split("\n")) {
        this.onSent(JSON.parse(line), () => server.send(line));
      }
    });
    server.onMessage((data) => {
      for (const line of String(data).split("\n")) {
        this.onHeard(JSON.parse(line), () => socket.send(line));
      }
    });
  }
}

/** What stands below a message that was not sent. */
const FAILED = /^Failed.* · Retry · Delete$/;

const isOutcome = ({ type }: Line) => type === "ack" || type === "entry";

/** Keeps in `most` how many messages with the text there ever were at a time. */
async function countMost(page: Page, text: string): Promise<void> {
  await page.evaluate(`globalThis.most = 0;
    new MutationObserver(() => {
      const all = [...document.querySelectorAll("#log > article > .text")];
      const count = all.filter(({ textContent }) => textContent === ${JSON.stringify(text)}).length;
      most = Math.max(most, count);
    }).observe(document.getElementById("log"), { childList: true, subtree: true })`);
}

testInBrowser(
  "page: what one says shows at once as pending, then as sent, and never twice",
  async () => {
    await using stage = await Stage.open();
    const { page: ann, wire } = await Interceptor.member(stage);
    const ben = await stage.member({ name: "Ben" });
    for (const [first, second] of [["ack", "entry"], ["entry", "ack"]] as const) {
      const text = `the ${first} comes first`;
      await countMost(ann, text);
      const held = new Map<string, () => void>();
      wire.onHeard = (line, pass) => isOutcome(line) ? held.set(line.type, pass) : pass();
      await say(ann, text);
      await message(ann, text).locator(".state", { hasText: "Sending" }).waitFor();
      assertEquals(await value(ann), "");
      await message(ben, text).waitFor();
      assertEquals(await ann.locator("#log .state").textContent(), "Sending…");
      for (const type of [first, second]) {
        await eventually(() => held.has(type));
        held.get(type)!();
        // Settled by whichever came first.
        await settled(ann);
        assertEquals(await message(ann, text).count(), 1);
      }
      wire.onHeard = (_line, pass) => pass();
      assertEquals(await ann.evaluate("most"), 1);
      assertEquals(await texts(ann), await texts(ben));
    }
  },
);

testInBrowser(
  "page: what the server took before the connection ended is not said twice",
  async () => {
    await using stage = await Stage.open();
    const { page: ann, wire } = await Interceptor.member(stage);
    const ben = await stage.member({ name: "Ben" });
    await countMost(ann, "only once");
    wire.onHeard = (line, pass) => isOutcome(line) || pass();
    await say(ann, "only once");
    await message(ben, "only once").waitFor();
    wire.onHeard = (_line, pass) => pass();
    await wire.cut();
    await settled(ann);
    await say(ann, "and this");
    await message(ben, "and this").waitFor();
    await settled(ann);
    for (const page of [ann, ben]) assertEquals(await texts(page), ["only once", "and this"]);
    assertEquals(await ann.evaluate("most"), 1);
  },
);

testInChromium("page: a refused message stays, to be sent again or deleted", async () => {
  await using stage = await Stage.open();
  const { page: ann, wire } = await Interceptor.member(stage);
  const ben = await stage.member({ name: "Ben" });
  const failure = ann.locator("#log .state");
  const error = { type: "error", code: "internal", message: "No" };
  wire.onSent = ({ type, id }, pass) => type === "say" ? wire.tell({ ...error, id }) : pass();
  await say(ann, "again");
  await failure.getByRole("button", { name: "Retry" }).waitFor();
  assertMatch(await failure.innerText(), FAILED);
  // It is as safe as one that waits, and waits for a decision.
  await ann.reload();
  await online(ann);
  assertMatch(await failure.innerText(), FAILED);
  assertEquals(await texts(ann), ["again"]);
  wire.onSent = (_line, pass) => pass();
  await failure.getByRole("button", { name: "Retry" }).press("Enter");
  await settled(ann);
  assertEquals(await focused(ann), "log"); // the button is gone; who was there by keyboard is near
  assertEquals([await texts(ann), await texts(ben)], [["again"], ["again"]]);

  wire.onSent = ({ type, id }, pass) => type === "say" ? wire.tell({ ...error, id }) : pass();
  await say(ann, "never mind");
  await failure.getByRole("button", { name: "Delete" }).click();
  await message(ann, "never mind").waitFor({ state: "detached" });
  wire.onSent = (_line, pass) => pass();
  await ann.reload();
  await say(ann, "the end");
  await message(ben, "the end").waitFor();
  await settled(ann);
  for (const page of [ann, ben]) assertEquals(await texts(page), ["again", "the end"]);
});

testInBrowser("page: a message that is never acknowledged fails, and is not lost", async () => {
  await using stage = await Stage.open();
  const { page: ann, wire } = await Interceptor.member(stage);
  const ben = await stage.member({ name: "Ben" });
  await ann.clock.install();
  await ann.reload();
  await online(ann);
  // The server lives, and answers everything but this.
  wire.onHeard = (line, pass) => isOutcome(line) || pass();
  await say(ann, "hello?");
  await message(ben, "hello?").waitFor();
  const failure = ann.locator("#log .state", { hasText: "Failed" });
  for (let waitedS = 0; waitedS < 60 && await failure.count() === 0; waitedS += 5) {
    await ann.clock.runFor(5_000);
    // Pings are answered in real time.
    await delay(50);
  }
  assertMatch((await failure.allInnerTexts()).join(), FAILED);
  wire.onHeard = (_line, pass) => pass();
  await failure.getByRole("button", { name: "Retry" }).click();
  await settled(ann);
  assertEquals([await texts(ann), await texts(ben)], [["hello?"], ["hello?"]]);
});

testInBrowser(
  "page: what is pending survives a reload, and is sent when the server is back",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member();
    for (const text of ["one", "two"]) await say(ann, text);
    await message(ann, "two").waitFor();
    await settled(ann);
    await stage.crash();
    await say(ann, "three, while it is away");
    await say(ann, "four, as well");
    await message(ann, "four").locator(".state", { hasText: "Sending" }).waitFor();
    await ann.fill("#msg", "half a sentence");
    // There is no server to reload from: the page is gone before that is back.
    const context = ann.context();
    await ann.close();
    await stage.restart();
    const again = await context.newPage();
    again.on("pageerror", (error) => stage.complaints.push(String(error)));
    const way = Promise.withResolvers<void>();
    await again.routeWebSocket(/\/ws$/, async (socket) => {
      await way.promise;
      socket.connectToServer();
    });
    await again.goto(stage.url);
    // It shows before anybody has answered.
    await message(again, "four").locator(".state", { hasText: "Sending" }).waitFor();
    assertEquals(await texts(again), ["three, while it is away", "four, as well"]);
    way.resolve();
    await message(again, "one").waitFor();
    await settled(again);
    const expected = ["one", "two", "three, while it is away", "four, as well"];
    assertEquals(await texts(again), expected);
    assertEquals(await value(again), "half a sentence");
    const ben = await stage.member({ name: "Ben" });
    await message(ben, "four").waitFor();
    assertEquals(await texts(ben), expected);
  },
);

testInBrowser(
  "page: what is said while the server is away shows, and is said once it is back",
  async () => {
    await using stage = await Stage.open();
    const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
    await say(ann, "before");
    await message(ben, "before").waitFor();
    await stage.crash();
    await say(ann, "while it is away");
    await message(ann, "while").locator(".state", { hasText: "Sending" }).waitFor();
    await stage.restart();
    await message(ben, "while it is away").waitFor();
    await say(ben, "after");
    await message(ann, "after").waitFor();
    for (const page of [ann, ben]) {
      await settled(page);
      assertEquals(await texts(page), ["before", "while it is away", "after"]);
    }
  },
);

testInBrowser(
  "page: a counter shows near the limit; beyond it Send explains and keeps all",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member({ permissions: ["clipboard-read", "clipboard-write"] });
    const [counter, note] = [ann.locator("#counter"), ann.locator("#note")];
    await ann.fill("#msg", "é".repeat(7_000));
    assertEquals(await counter.textContent(), "");
    await ann.fill("#msg", "é".repeat(8_000));
    await counter.filter({ hasText: "384" }).waitFor();
    // A paste of more than may be sent is not cut: what is too much is for its author to choose.
    const long = "x".repeat(16_384) + "é";
    await ann.evaluate(`navigator.clipboard.writeText("x".repeat(16384) + "é")`);
    await ann.press("#msg", "Control+A");
    await ann.press("#msg", "Control+V");
    assertEquals(await value(ann) === long, true);
    await counter.filter({ hasText: "-2" }).waitFor();
    for (const send of [() => ann.press("#msg", "Enter"), () => ann.click("#send")]) {
      await ann.press("#msg", "End");
      await send();
      await note.filter({ hasText: "Too long by 2 bytes" }).waitFor();
      assertEquals([await value(ann) === long, await texts(ann)], [true, []]);
    }
    await ann.reload();
    await counter.filter({ hasText: "-2" }).waitFor();
    await ann.press("#msg", "End");
    await ann.press("#msg", "Backspace");
    assertEquals([await note.textContent(), /\b0\b/.test(await counter.innerText())], ["", true]);
    await ann.press("#msg", "Enter");
    await message(ann, "xxx").waitFor();
    await settled(ann);
    assertEquals([(await texts(ann))[0] === long.slice(0, -1), await counter.textContent()], [
      true,
      "",
    ]);
  },
);

testInBrowser("page: typing anywhere lands in the composer", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ permissions: ["clipboard-read", "clipboard-write"] });
  await say(ann, "some text");
  await message(ann, "some text").waitFor();
  const typeHi = async () => {
    await ann.keyboard.type("Hi, é");
    const typed = await value(ann);
    await ann.fill("#msg", "");
    return typed;
  };
  for (const place of ["h1", "#log", "#log .text", "#menu-button", "body"]) {
    await ann.evaluate("document.activeElement.blur()");
    if (place !== "body") await ann.locator(place).first().click();
    assertEquals([place, await typeHi()], [place, "Hi, é"]);
  }
  await ann.evaluate(`navigator.clipboard.writeText("pasted")`);
  for (const key of ["Control+v", "Control+V"]) { // Caps Lock makes it the second
    await ann.focus("#log > article");
    await ann.keyboard.press(key);
    await eventually(async () => await value(ann) === "pasted");
    await ann.fill("#msg", "");
  }

  // What has a meaning of its own keeps it: shortcuts, and boxes to type in.
  await ann.focus("#log");
  for (const key of ["Control+A", "Control+C", "PageUp", "Shift+Tab"]) {
    await ann.keyboard.press(key);
    assertEquals([key, await focused(ann) === "msg", await value(ann)], [key, false, ""]);
  }
  await ann.click("#menu-button");
  await ann.click("#rename");
  await ann.keyboard.type("Anna");
  assertEquals([await ann.inputValue("#name"), await value(ann)], ["Anna", ""]);
});

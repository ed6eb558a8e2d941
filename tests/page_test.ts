// The page in a real browser, two tabs at a time.
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { online, Stage, testInBrowser } from "./browser.ts";
import { JsonSocket } from "./json_socket.ts";
import { RawSocket } from "./raw_socket.ts";

async function say(page: Page, text: string): Promise<void> {
  await page.fill("#msg", text);
  await page.press("#msg", "Enter");
}

function line(page: Page, text: string) {
  return page.locator("#log > div", { hasText: text });
}

/** Lines that are shown, in order. */
function lines(page: Page): Promise<string[]> {
  return page.locator("#log .text").allTextContents();
}

/** Measures of the log: where it is scrolled to, and how far that is from the bottom. */
function scroll(page: Page): Promise<{ top: number; fromBottom: number }> {
  return page.evaluate(`(() => {
    const log = document.getElementById("log");
    return { top: log.scrollTop, fromBottom: log.scrollHeight - log.clientHeight - log.scrollTop };
  })()`);
}

testInBrowser("page: two tabs chat, by button and by Enter", async () => {
  await using stage = await Stage.open();
  const [ann, ben] = [await stage.member(), await stage.member()];
  await say(ann, "hello from Ann");
  await line(ben, "hello from Ann").waitFor();
  await ben.fill("#msg", "hello from Ben");
  await ben.click("button");
  await line(ann, "hello from Ben").waitFor();
  for (const page of [ann, ben]) {
    assertEquals(await lines(page), ["hello from Ann", "hello from Ben"]);
    assertEquals(await page.inputValue("#msg"), "");
  }
});

testInBrowser("page: the form does nothing when it is empty", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await ann.press("#msg", "Enter");
  await ann.click("button");
  await say(ann, "only this");
  await line(ann, "only this").waitFor();
  assertEquals(await lines(ann), ["only this"]);
});

testInBrowser("page: a message that holds several lines becomes as many", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  using raw = await RawSocket.open(stage.program.port);
  await Promise.all(["one", "two", "three"].map((text) => raw.send(text)));
  await line(ann, "three").waitFor();
  assertEquals(await lines(ann), ["one", "two", "three"]);
});

testInBrowser("page: hostile HTML is text", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  const hostile = [
    `<img src=x onerror="document.title='owned'">`,
    `<script>document.title='owned'</script>`,
    `<svg/onload=document.title='owned'>`,
    `"><iframe src="javascript:parent.document.title='owned'">`,
    `&lt;b&gt; &amp; &#x3c;i&#x3e;`,
  ];
  for (const text of hostile) await say(ann, text);
  await ann.locator("#log > div").nth(hostile.length - 1).waitFor();
  assertEquals(await lines(ann), hostile);
  assertEquals(await ann.locator("#log .text > *").count(), 0);
  assertEquals(await ann.title(), "lobby · Confab");
});

testInBrowser("page: at the bottom the log follows; scrolled up it stays", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ viewport: { width: 600, height: 400 } });
  using raw = await RawSocket.open(stage.program.port);
  for (let n = 0; n < 60; n++) await raw.send(`filler ${n}`);
  await line(ann, "filler 59").waitFor();
  assertLess((await scroll(ann)).fromBottom, 2);

  await ann.evaluate(`document.getElementById("log").scrollTop = 200`);
  await raw.send("while scrolled up");
  await line(ann, "while scrolled up").waitFor({ state: "attached" });
  assertEquals((await scroll(ann)).top, 200);

  await ann.evaluate(`document.getElementById("log").scrollTop = 1e6`);
  await raw.send("at the bottom again");
  await line(ann, "at the bottom again").waitFor();
  assertLess((await scroll(ann)).fromBottom, 2);
});

testInBrowser("page: the oldest lines go at the bottom of the log only", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ viewport: { width: 600, height: 400 } });
  using raw = await RawSocket.open(stage.program.port);
  for (let n = 0; n < 5010; n++) await raw.send(`filler ${n}`);
  await line(ann, "filler 5009").waitFor();
  assertEquals(await ann.locator("#log > div").count(), 5000);
  await ann.evaluate(`document.getElementById("log").scrollTop = 100`);
  await raw.send("one more");
  await line(ann, "one more").waitFor({ state: "attached" });
  assertEquals(await ann.locator("#log > div").count(), 5001);
});

testInBrowser(
  "page: says that it is offline, keeps what is typed, and says by itself what was said",
  async () => {
    await using stage = await Stage.open();
    const [ann, ben] = [await stage.member(), await stage.member()];
    await say(ann, "before");
    await line(ben, "before").waitFor();
    await stage.crash();
    await ann.locator("#status", { hasText: "Reconnecting" }).waitFor();
    await say(ann, "while the server was down");
    await line(ann, "while the server was down").locator(".state", { hasText: "Sending…" })
      .waitFor();
    await ann.fill("#msg", "half a sentence");
    await stage.restart();
    await line(ben, "while the server was down").waitFor();
    await say(ben, "after");
    await line(ann, "after").waitFor();
    assertEquals(await ann.inputValue("#msg"), "half a sentence");
    for (const page of [ann, ben]) {
      assertEquals(await lines(page), ["before", "while the server was down", "after"]);
      assertEquals(await page.locator("#log .state:not(:empty)").count(), 0);
    }
  },
);

testInBrowser(
  "page: a restart between two loads: history is there, what was typed meanwhile arrives once",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member();
    for (const text of ["one", "two", "three"]) await say(ann, text);
    await line(ann, "three").waitFor();
    await stage.crash();
    await say(ann, "typed while down");
    await line(ann, "Sending…").waitFor();
    // The page is gone as well before the server is back; what it had to say is in the browser's storage.
    const context = ann.context();
    await ann.close();
    await stage.restart();
    const again = await context.newPage();
    await again.goto(stage.url);
    await online(again);
    await line(again, "typed while down").waitFor();
    await say(again, "four");
    await line(again, "four").waitFor();
    const expected = ["one", "two", "three", "typed while down", "four"];
    assertEquals(await lines(again), expected);
    assertEquals(await again.inputValue("#name"), "Ann");
    const ben = await stage.member();
    await line(ben, "four").waitFor();
    assertEquals(await lines(ben), expected);
  },
);

testInBrowser("page: a room of its own has an address of its own", async () => {
  await using stage = await Stage.open();
  const path = `r/${encodeURIComponent("küche")}`;
  const [ann, ben, cat] = [
    await stage.member({}, path),
    await stage.member({}, path),
    await stage.member(),
  ];
  await say(cat, "in the lobby");
  await say(ann, "in the kitchen");
  await line(ben, "in the kitchen").waitFor();
  assertEquals([await lines(ben), await lines(cat)], [["in the kitchen"], ["in the lobby"]]);
  assertEquals(await ben.title(), "küche · Confab");
});

testInBrowser("page: shows who said it, and edits and deletions as they come", async () => {
  await using stage = await Stage.open();
  const ben = await stage.member();
  await ben.fill("#name", "Ben");
  const { socket: ann } = await JsonSocket.join(stage.program.port, { name: "Ann" });
  await using _ = ann;
  ann.send({ type: "say", id: "1", text: "frist" }, { type: "say", id: "2", text: "second" });
  ann.send({ type: "edit", id: "3", ref: 1, text: "first" });
  await ann.read("ack");
  ann.send({ type: "edit", id: "3", ref: 1, text: "first" }, { type: "delete", id: "4", ref: 2 });
  await line(ben, "(deleted)").or(ben.locator('[data-state="deleted"]')).waitFor();
  await say(ben, "hello");
  await line(ben, "Ben hello").waitFor();
  assertEquals(await lines(ben), ["first", "", "hello"]);
  assertEquals(await ben.locator("#log .name").allTextContents(), ["Ann", "Ann", "Ben"]);
});

testInBrowser(
  "page: asks for a name before the first message, and says why a name is refused",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member();
    const complaint = () =>
      ann.evaluate<string>('document.getElementById("name").validationMessage');
    await ann.fill("#name", "");
    await say(ann, "hello");
    assertEquals(await complaint(), "Choose a name first.");
    assertEquals(await ann.inputValue("#msg"), "hello");
    await ann.fill("#name", "A\u202eB");
    await ann.press("#name", "Enter");
    await ann.waitForFunction('document.getElementById("name").validationMessage !== ""');
    assertStringIncludes(await complaint(), "1 to 32 characters");
  },
);

testInBrowser("page: a message over the limit is explained and not lost", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  const long = "é".repeat(8193);
  await say(ann, long);
  assertStringIncludes(
    await ann.evaluate(`document.getElementById("msg").validationMessage`),
    "Too long by 2 bytes",
  );
  assertEquals(await ann.inputValue("#msg"), long);
  await say(ann, long.slice(1));
  await ann.locator("#log > div").first().waitFor();
  assertEquals(await lines(ann), [long.slice(1)]);
});

testInBrowser("page: says so when the browser has no WebSocket", async () => {
  await using stage = await Stage.open();
  const context = await stage.browser.newContext();
  await context.addInitScript("delete globalThis.WebSocket");
  const page = await context.newPage();
  await page.goto(stage.url);
  await line(page, "does not support WebSockets").waitFor();
});

testInBrowser("page: is labelled for those who do not see it, and works by keyboard", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await ann.getByRole("log", { name: "Messages" }).waitFor();
  await ann.getByRole("status").waitFor({ state: "attached" });
  await ann.getByRole("textbox", { name: "Your name" }).waitFor();
  await ann.getByRole("textbox", { name: "Message" }).waitFor();
  await ann.getByRole("button", { name: "Send" }).waitFor();
  await ann.getByRole("combobox", { name: "Theme" }).waitFor();
  await ann.getByRole("heading", { name: "Confab", level: 1 }).waitFor();
  const reached: string[] = [];
  await ann.click("h1"); // from the top of the page
  for (let i = 0; i < 5; i++) {
    await ann.keyboard.press("Tab");
    reached.push(
      await ann.evaluate("document.activeElement.id || document.activeElement.textContent"),
    );
  }
  assertEquals(reached, ["theme", "log", "name", "msg", "Send"]);
});

testInBrowser("page: focus goes to the composer with a mouse, not on touch", async () => {
  await using stage = await Stage.open();
  const focused = (page: Page) => page.evaluate("document.activeElement.id");
  assertEquals(await focused(await stage.tab()), "msg");
  assertEquals(await focused(await stage.tab({ hasTouch: true, isMobile: true })), "");
});

testInBrowser(
  "page: follows the system's theme live; a choice beats it and survives a reload",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member({ colorScheme: "light" });
    const paper = () => ann.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await paper();
    await ann.emulateMedia({ colorScheme: "dark" });
    const dark = await paper();
    assert(light !== dark);
    await ann.selectOption("#theme", "light");
    assertEquals(await paper(), light);
    await ann.reload();
    assertEquals([await paper(), await ann.inputValue("#theme")], [light, "light"]);
    await ann.selectOption("#theme", "auto");
    assertEquals(await paper(), dark);
  },
);

testInBrowser("page: storage that throws breaks nothing", async () => {
  await using stage = await Stage.open();
  const context = await stage.browser.newContext();
  await context.addInitScript(`
    Object.defineProperty(globalThis, "localStorage", { get() { throw new Error("blocked"); } });
  `);
  const page = await context.newPage();
  page.on("pageerror", (error) => stage.complaints.push(String(error)));
  await page.goto(stage.url);
  await page.selectOption("#theme", "dark");
  await online(page);
  await page.fill("#name", "Ann");
  await say(page, "works");
  await line(page, "works").waitFor();
});

testInBrowser(
  "page: nothing is wider than the window, at 320 px and with a 500-character word",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member({ viewport: { width: 320, height: 500 } });
    await say(ann, "w".repeat(500));
    await line(ann, "www").waitFor();
    for (const element of ["document.documentElement", 'document.getElementById("log")']) {
      assertEquals(await ann.evaluate(`${element}.scrollWidth - ${element}.clientWidth`), 0);
    }
    const button = (await ann.locator("button").boundingBox())!;
    assert(button.x + button.width <= 320 && button.height >= 24);
  },
);

testInBrowser("page: text has a contrast of at least 4.5 in both themes", async () => {
  await using stage = await Stage.open();
  for (const colorScheme of ["light", "dark"] as const) {
    const ann = await stage.member({ colorScheme });
    await say(ann, "hello");
    await line(ann, "hello").first().waitFor();
    for (
      const selector of [
        "h1",
        "#room",
        "#log > div",
        ".name",
        "input",
        "button",
        "select",
        "#status",
      ]
    ) {
      const [ink, paper] = await ann.evaluate<[string, string]>(
        `(${COLOURS})(${JSON.stringify(selector)})`,
      );
      const ratio = contrast(rgb(ink), rgb(paper));
      assert(ratio >= 4.5, `${colorScheme} ${selector}: ${ratio}`);
    }
  }
});

/** Colour of an element's text, and of the nearest background behind it. */
const COLOURS = `(selector) => {
  const element = document.querySelector(selector);
  const isClear = (node) => getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)";
  let behind = element;
  while (isClear(behind)) behind = behind.parentElement;
  return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
}`;

function rgb(colour: string): number[] {
  return colour.match(/[\d.]+/g)!.slice(0, 3).map(Number);
}

/** Contrast ratio of WCAG 2.2. */
function contrast(a: number[], b: number[]): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: number[]): number {
  const [r = 0, g = 0, b = 0] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

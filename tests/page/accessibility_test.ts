// Who does not see the page, or has no mouse. What a screen reader says aloud cannot be heard by a headless browser:
// what it says it by, roles, names and live regions, is checked instead.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import axe from "axe-core";
import type { BrowserContextOptions, Page } from "playwright-core";
import { message, online, say, Stage, testInBrowser } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { preparedTab, walkStates } from "./states.ts";
import { settled, until } from "../support/until.ts";

testInBrowser(
  "page: axe finds nothing to mend in any state, in both themes, narrow and wide",
  async () => {
    await using stage = await Stage.open();
    /** Each with the state that it was found in first. */
    const found: Record<string, string> = {};
    await walkStates(stage, {}, async (page, state) => {
      // Evaluated by the debugger, which the page's Content-Security-Policy does not concern.
      await page.evaluate(`globalThis.axe ? undefined : void (() => {${axe.source}})()`);
      for (const width of [320, 1280]) {
        await page.setViewportSize({ width, height: 600 });
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          // Nothing but the colours is another in the dark.
          const rules = colorScheme === "light" ? "{}" : `{ runOnly: ["color-contrast"] }`;
          for (const what of await page.evaluate<string[]>(violations(rules))) {
            found[what] ??= `${state}, ${width} px, ${colorScheme}`;
          }
        }
      }
    });
    assertEquals(found, {});
  },
);

const violations = (rules: string) =>
  `axe.run(document, ${rules}).then(({ violations }) =>
  violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => id + ": " + help + ": " + target)))`;

testInBrowser(
  "page: in every state nothing scrolls sideways at 320 px, and targets have 24 px, 44 px for fingers",
  async () => {
    const found: Record<string, string> = {};
    const check = async (least: number, options: BrowserContextOptions) => {
      await using stage = await Stage.open();
      const viewport = { width: 320, height: 600 };
      await walkStates(stage, { ...options, viewport }, async (page, state) => {
        for (const what of await page.evaluate<string[]>(`(${MISFITS})(${least})`)) {
          found[`${least} px: ${what}`] ??= state;
        }
      });
    };
    await Promise.all([check(24, {}), check(44, { hasTouch: true, isMobile: true })]);
    assertEquals(found, {});
  },
);

/** What is too wide for the window, and what is too small to hit. Links in a sentence are as high as its lines. */
const MISFITS = `(least) => {
  const sizes = [document.documentElement, document.body, document.getElementById("log")];
  const wide = sizes.filter((node) => node.scrollWidth > node.clientWidth);
  const boxes = [...document.querySelectorAll("button, input, select, textarea, a")]
    .filter((node) => node.checkVisibility() && getComputedStyle(node).display !== "inline")
    .map((node) => ({ node, box: (node.closest("label") ?? node).getBoundingClientRect() }));
  const describe = ({ id, className, textContent, localName }) => [localName, id, className, textContent].join(" ");
  return [
    ...wide.map((node) => "scrolls sideways: " + describe(node).slice(0, 30)),
    ...boxes.filter(({ box }) => box.left < 0 || box.right > innerWidth)
      .map(({ node }) => "is outside: " + describe(node)),
    ...boxes.filter(({ box }) => box.width < least - 0.1 || box.height < least - 0.1)
      .map(({ node, box }) => describe(node) + ": " + box.width + " x " + box.height),
  ];
}`;

testInBrowser("page: a name of any colour has a contrast of 4.5 in both themes", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  const { socket: ben } = await JsonSocket.join(stage.program.port, { name: "Ben" });
  await using _ = ben;
  ben.send({ type: "say", id: "1", text: "@Ann, hello" });
  await ann.locator(".calls-me").waitFor();
  for (const colorScheme of ["light", "dark"] as const) {
    await ann.emulateMedia({ colorScheme });
    const { names, papers } = await ann.evaluate<{ names: number[][]; papers: number[][] }>(
      `(${COLOURS})()`,
    );
    assertEquals([names.length, papers.length], [360, 2]);
    for (const paper of papers) {
      const ratios = names.map((name) => contrast(name, paper));
      const least = Math.min(...ratios);
      assert(least >= 4.5, `${colorScheme}, hue ${ratios.indexOf(least)} on ${paper}: ${least}`);
    }
  }
});

/** Names in all hues, and what they stand on, as the screen shows them: red, green and blue from 0 to 255. */
const COLOURS = `() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const seen = (colour) => {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const name = document.querySelector(".calls-me .name");
  const names = Array.from({ length: 360 }, (_, hue) => {
    name.style.setProperty("--hue", String(hue));
    return seen(getComputedStyle(name).color);
  });
  const papers = [document.body, document.querySelector(".calls-me")];
  return { names, papers: papers.map((node) => seen(getComputedStyle(node).backgroundColor)) };
}`;

/** Contrast ratio of WCAG 2.2. */
function contrast(one: number[], other: number[]): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: number[]): number {
  const [r = 0, g = 0, b = 0] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

testInBrowser(
  "page: the log has its role and name before its content; history is announced to nobody, news are",
  async () => {
    await using stage = await Stage.open();
    const source = await (await fetch(stage.url)).text();
    assertStringIncludes(source, 'role="log" aria-label="Messages" aria-live="off"');
    const { socket: ben } = await JsonSocket.join(stage.program.port, { name: "Ben" });
    await using _ = ben;
    ben.send(...Array.from({ length: 120 }, (_, n) => (
      { type: "say", id: `${n}`, text: `old ${n}` }
    )));
    while ((await ben.read("ack"))!.seq < 120);
    const ann = await preparedTab(stage, WATCH_LOG, { viewport: { width: 600, height: 400 } });
    const announced = () => ann.evaluate<string[]>("announced");
    await message(ann, "old 119").waitFor();
    await until(ann, `document.getElementById("log").ariaLive !== "off"`);
    ben.send({ type: "say", id: "news", text: "news" });
    await message(ann, "news").waitFor();
    await until(ann, "announced.length > 0");
    await ann.evaluate(`document.getElementById("log").scrollTop = 0`);
    await message(ann, "old 40").waitFor({ state: "attached" });
    await until(ann, `document.getElementById("log").ariaLive !== "off"`);
    assertEquals(await announced(), ["news"]);
  },
);

/** Notes what is in the log, and was not, when a frame is on the screen: that is what a screen reader is told of. */
const WATCH_LOG = `
  globalThis.announced = [];
  const seen = new WeakSet();
  const look = () => {
    const log = document.getElementById("log");
    for (const item of document.querySelectorAll("#log > article")) {
      if (!seen.has(item) && log.ariaLive !== "off") announced.push(item.querySelector(".text").textContent);
      seen.add(item);
    }
    requestAnimationFrame(() => setTimeout(look));
  };
  look();
`;

testInBrowser("page: the state of the connection is a status, without its seconds", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  const status = ann.getByRole("status");
  await status.waitFor({ state: "attached" });
  assertEquals([await status.count(), await status.textContent()], [1, ""]);
  await stage.crash();
  await ann.getByRole("button", { name: "Retry now" }).waitFor();
  assertEquals(await status.textContent(), "Reconnecting");
  const countdown = ann.locator("#countdown");
  assertStringIncludes((await countdown.textContent())!, " s ");
  assertEquals(await countdown.getAttribute("aria-hidden"), "true");
  assertEquals(await ann.locator('[role="log"] [role="status"]').count(), 0);
});

testInBrowser("page: what is in the header and the form has a role and a name", async () => {
  await using stage = await Stage.open();
  const ann = await stage.tab();
  await ann.getByRole("heading", { name: "lobby", level: 1 }).waitFor();
  await ann.getByRole("main").waitFor();
  await ann.getByRole("textbox", { name: "Your name" }).waitFor();
  await ann.getByRole("textbox", { name: "Message" }).waitFor();
  await ann.getByRole("button", { name: "Send" }).waitFor();
  const people = ann.getByRole("button", { name: "1 here", expanded: false });
  await people.waitFor();
  await people.click();
  await ann.getByRole("region", { name: "People" }).waitFor();
  await ann.getByRole("button", { name: "Menu", expanded: false }).click();
  await ann.getByRole("button", { name: "Menu", expanded: true }).waitFor();
  await ann.getByRole("region", { name: "Menu" }).waitFor();
  await ann.getByRole("combobox", { name: "Theme" }).waitFor();
  for (const name of ["Notifications", "Sound", "Mute all except mentions"]) {
    await ann.getByRole("checkbox", { name }).waitFor();
  }
  assertEquals(await ann.getByRole("region", { name: "People" }).count(), 0);
});

testInBrowser("page: everything works by keyboard, and shows where one is", async () => {
  await using stage = await Stage.open();
  const { socket: ben } = await JsonSocket.join(stage.program.port, { name: "Ben" });
  await using _ = ben;
  ben.send({ type: "say", id: "1", text: "hello from Ben" });
  const ann = await stage.tab({ permissions: ["clipboard-read", "clipboard-write"] });
  await online(ann);
  const keys = ann.keyboard;
  const pressed = async (...names: string[]) => {
    for (const name of names) await keys.press(name);
  };

  // The focus is in the composer. A name is asked for, and the message goes out with it.
  await keys.type("hello from Ann");
  await pressed("Enter");
  await keys.type("Ann");
  await pressed("Enter");
  await message(ann, "hello from Ann").waitFor();
  await settled(ann);

  // To a message by arrows; a reaction, and a second one on the same button takes it back.
  await reach(ann, "#log", "Shift+Tab");
  await reach(ann, "article", "ArrowUp", "hello from Ben");
  await reach(ann, ".tools button", "Tab");
  await pressed("Enter");
  await reach(ann, ".tools button", "Tab", "🎉");
  await pressed("Enter");
  await reach(ann, ".reactions button", "Tab");
  await ann.locator('.reactions [aria-pressed="true"]', { hasText: "🎉 1" }).waitFor();
  await pressed("Enter");
  await ann.locator(".reactions button").waitFor({ state: "detached" });
  assert(await ann.evaluate("document.activeElement !== document.body"), "the focus is lost");

  await useTool(ann, "hello from Ben", "Reply");
  await keys.type("an answer");
  await pressed("Enter");
  await ann.locator(".quote").waitFor();
  await settled(ann);

  await useTool(ann, "an answer", "Copy link");
  await ann.locator(".tools", { hasText: "Copied" }).waitFor();
  const seq = await message(ann, "an answer").getAttribute("data-seq");
  assertEquals(await ann.evaluate("navigator.clipboard.readText()"), `${stage.url}#${seq}`);
  await pressed("Escape", "Escape"); // to the message, then to the composer
  assertEquals(await ann.evaluate("document.activeElement.id"), "msg");

  await pressed("ArrowUp", "End");
  await keys.type(", mended");
  await pressed("Enter");
  await message(ann, "an answer, mended (edited)").waitFor();
  await useTool(ann, "an answer, mended", "Delete");
  await pressed("Enter"); // it asks once
  await message(ann, "Message deleted").waitFor();
  assert(await ann.evaluate("document.activeElement !== document.body"), "the focus is lost");

  // The header: a theme, then somebody from the list of people.
  await reach(ann, "#menu-button", "Shift+Tab");
  await pressed("Enter");
  await ann.locator("#menu").waitFor();
  await reach(ann, "#theme", "Tab");
  await keys.type("Dark");
  await ann.locator('html[data-theme="dark"]').waitFor();
  await pressed("Escape");
  await ann.locator("#menu").waitFor({ state: "hidden" });
  assertEquals(await ann.evaluate("document.activeElement.id"), "menu-button");
  await reach(ann, "#people-button", "Shift+Tab");
  await pressed("Enter");
  await reach(ann, "#people-list button", "Tab", "Ben");
  await pressed("Enter");
  await keys.type("bye");
  assertStringIncludes(await ann.inputValue("#msg"), "@Ben bye");
});

testInBrowser("page: a mouse that rests does not take the tools from the keyboard", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ viewport: { width: 600, height: 400 } });
  for (let n = 0; n < 30; n++) await say(ann, `filler ${n}`);
  await settled(ann);
  await ann.mouse.move(300, 150);
  await ann.locator(".tools").waitFor();
  await reach(ann, "#log", "Shift+Tab");
  for (let n = 0; n < 20; n++) {
    await ann.keyboard.press("ArrowUp");
    // What moves under the mouse is noticed with the next frame.
    await ann.evaluate(
      "new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))",
    );
    assert(
      await ann.evaluate(
        `document.activeElement === document.querySelector(".tools").parentElement`,
      ),
      `after ${n + 1} steps`,
    );
  }
});

/** To a message of the log by arrows, to one of its tools by Tab; and presses it. */
async function useTool(page: Page, text: string, name: string): Promise<void> {
  for (const key of ["Escape", "Escape"]) await page.keyboard.press(key);
  await reach(page, "#log", "Shift+Tab");
  await reach(page, `article`, "ArrowUp", text);
  await reach(page, ".tools button", "Tab", name);
  await page.keyboard.press("Enter");
}

/**
 * Presses a key until the focus is where it is wanted. Wherever it stands on the way, it shows; a date has parts, and
 * the browser itself marks the one that has it.
 */
async function reach(page: Page, selector: string, key: string, text = ""): Promise<void> {
  const where = `((it) => ({
    isThere: it.matches(${JSON.stringify(selector)}) && it.textContent.includes(${
    JSON.stringify(text)
  }),
    shows: getComputedStyle(it).outlineStyle !== "none" || it.type === "date",
    name: it.localName + " " + it.id + " " + it.className,
  }))(document.activeElement)`;
  const passed: string[] = [];
  for (let n = 0; n < 40; n++) {
    await page.keyboard.press(key);
    const { isThere, shows, name } = await page.evaluate<
      { isThere: boolean; shows: boolean; name: string }
    >(where);
    assert(shows || name.startsWith("body"), `the focus does not show on ${name}`);
    if (isThere) return;
    passed.push(name);
  }
  throw new Error(`Cannot reach ${selector} "${text}" by ${key}: passed ${passed}`);
}

// Phones. Headless there is neither a keyboard on the screen nor a notch: a smaller window, a visualViewport of ours and
// the debugger's insets stand for them. What Safari does by itself on focus cannot be shown in Chromium.
import { assert, assertEquals } from "@std/assert";
import type { BrowserContextOptions, Page } from "playwright-core";
import { message, online, place, Stage, testInChromium } from "../support/browser.ts";
import { preparedTab, send } from "./states.ts";
import { settled, until } from "../support/until.ts";

const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
};

/** A phone in a room with more than fits on it. */
async function phone(stage: Stage, script = ""): Promise<Page> {
  const page = await preparedTab(stage, script, PHONE);
  await online(page);
  await page.fill("#name", "Ann");
  await page.press("#name", "Enter");
  for (let n = 0; n < 30; n++) await send(page, `filler ${n}`);
  await settled(page);
  return page;
}

/** Whether the composer and the last message are above a height, and there is nothing below the composer. */
async function assertFits(page: Page, height: number): Promise<void> {
  const bottom = async (selector: string) => {
    const { y, height } = (await page.locator(selector).last().boundingBox())!;
    return Math.round(y + height);
  };
  assertEquals(await bottom("form"), height);
  assert(await bottom("#send") <= height, "the composer is not to be seen");
  assert(
    await bottom("#log > article") <= await bottom("#log"),
    "the last message is not to be seen",
  );
  assert((await place(page)).fromBottom <= 1, "the log is not at its bottom");
}

testInChromium(
  "page: with a keyboard on the screen, composer and last message are visible",
  async () => {
    await using stage = await Stage.open();
    const page = await phone(stage);
    const viewport = await page.getAttribute('meta[name="viewport"]', "content");
    assert(viewport!.includes("interactive-widget=resizes-content"), viewport!);
    await assertFits(page, 844);
    await page.setViewportSize({ width: 390, height: 420 });
    await until(page, "innerHeight === 420");
    await until(page, `document.querySelector("form").getBoundingClientRect().bottom <= 420`);
    await assertFits(page, 420);
    const height = await page.evaluate<string[]>(`[...document.styleSheets]
    .flatMap((sheet) => [...sheet.cssRules])
    .filter(({ selectorText }) => selectorText === "body").map(({ style }) => style.height)`);
    assertEquals(height, ["100dvh"]);
  },
);

testInChromium(
  "page: fits itself to where a keyboard lies over it, but not to a zoom",
  async () => {
    await using stage = await Stage.open();
    const page = await phone(
      stage,
      `Object.defineProperty(globalThis, "visualViewport", {
      value: Object.assign(new EventTarget(), {
        width: 390, height: 844, scale: 1, offsetTop: 0, offsetLeft: 0, pageTop: 0, pageLeft: 0,
      }),
    });`,
    );
    const see = (view: object) =>
      page.evaluate(`Object.assign(visualViewport, ${JSON.stringify(view)}),
      visualViewport.dispatchEvent(new Event("resize")),
      new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))`);
    await see({ height: 500 });
    await assertFits(page, 500);
    await see({ height: 844 });
    await assertFits(page, 844);
    await see({ height: 422, width: 195, scale: 2 });
    await assertFits(page, 844);
  },
);

testInChromium("page: can be zoomed, and does not zoom by itself into a field", async () => {
  await using stage = await Stage.open();
  const page = await phone(stage);
  const viewport = await page.getAttribute('meta[name="viewport"]', "content");
  assert(!/user-scalable|maximum-scale|minimum-scale/.test(viewport!), viewport!);
  await page.tap("#menu-button");
  await page.locator("#menu").waitFor();
  const sizes = await page.evaluate<number[]>(
    `[...document.querySelectorAll("input, textarea, select")]
    .map((field) => parseFloat(getComputedStyle(field).fontSize))`,
  );
  assert(sizes.length > 3 && Math.min(...sizes) >= 16, String(sizes));
  const action = await page.evaluate("getComputedStyle(document.body).touchAction");
  assert(action === "auto" || String(action).includes("pinch-zoom"), String(action));
});

testInChromium("page: keeps out of notches and rounded corners, on every side", async () => {
  await using stage = await Stage.open();
  const page = await phone(stage);
  assert(
    (await page.getAttribute('meta[name="viewport"]', "content"))!.includes("viewport-fit=cover"),
  );
  const debug = await page.context().newCDPSession(page);
  const CONTENT = ["h1", "#menu-button", "#log > article .text", "#msg", "#send"];
  const [width, height] = [844, 390];
  const found: string[] = [];
  await page.setViewportSize({ width, height });
  for (
    const insets of [
      { top: 40, bottom: 34 },
      { left: 60, right: 0 },
      { left: 0, right: 60 },
    ]
  ) {
    await debug.send("Emulation.setSafeAreaInsetsOverride" as "Page.enable", { insets } as never);
    const { top = 0, bottom = 0, left = 0, right = 0 } = insets as Record<string, number>;
    const where = JSON.stringify(insets);
    const outside = await page.evaluate<string[]>(`${JSON.stringify(CONTENT)}.filter((selector) => {
      const box = [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect();
      return box.left < ${left} || box.right > ${width - right} || box.top < ${top} ||
        box.bottom > ${height - bottom};
    })`);
    found.push(...outside.map((selector) => `${selector} with ${where}`));
  }
  assertEquals(found, []);
});

testInChromium("page: a tap on Send keeps the focus, so the keyboard stays", async () => {
  await using stage = await Stage.open();
  const page = await phone(stage);
  await page.tap("#msg");
  await page.evaluate(`globalThis.blurs = 0;
    document.getElementById("msg").addEventListener("blur", () => blurs++)`);
  for (const text of ["one", "two"]) {
    await page.keyboard.insertText(text);
    await page.tap("#send");
    await message(page, text).waitFor();
  }
  assertEquals(await page.evaluate("[document.activeElement.id, blurs]"), ["msg", 0]);
});

testInChromium("page: a tap on a message brings its tools, within reach", async () => {
  await using stage = await Stage.open();
  const page = await phone(stage);
  await message(page, "filler 25").tap();
  await message(page, "filler 25").getByRole("button", { name: "React" }).tap();
  await message(page, "filler 25").getByRole("button", { name: "👍" }).tap();
  await page.locator('.reactions [aria-pressed="true"]', { hasText: "👍 1" }).waitFor();
  await message(page, "filler 27").tap();
  await message(page, "filler 27").getByRole("button", { name: "Reply" }).tap();
  await page.locator("#mode", { hasText: "Ann" }).waitFor();
  assertEquals(await page.locator(".tools").count(), 0);
});

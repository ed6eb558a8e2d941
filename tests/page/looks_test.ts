// The looks, as far as they can be measured. Whether they please is for the screenshots (`deno task screenshots`).
import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { message, online, say, Stage, testInBrowser, testInChromium } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { preparedTab } from "./states.ts";
import { settled } from "../support/until.ts";

/** Computed styles of the first element that a selector finds. */
function styles(page: Page, selector: string, ...names: string[]): Promise<string[]> {
  return page.evaluate(`((style) => ${JSON.stringify(names)}.map((name) => style[name]))(
    getComputedStyle(document.querySelector(${JSON.stringify(selector)})))`);
}

async function box(page: Page, selector: string) {
  return (await page.locator(selector).first().boundingBox())!;
}

testInBrowser("page: one readable column, in three calm bands", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ viewport: { width: 1280, height: 700 } });
  await say(ann, "word ".repeat(100));
  await ann.locator("#m1").waitFor();
  assertEquals(await styles(ann, "#m1 .text", "fontSize", "lineHeight"), ["15px", "21.75px"]);
  assert((await styles(ann, "body", "fontFamily"))[0]!.startsWith("system-ui"));
  for (const width of [1280, 2560, 700]) {
    await ann.setViewportSize({ width, height: 700 });
    const text = await box(ann, "#m1 .text");
    assert(text.width <= 800, `${text.width} px wide in ${width}`);
    assert(text.width >= Math.min(width - 40, 760), `${text.width} px wide in ${width}`);
    assert(Math.abs(text.x - (width - text.x - text.width)) <= 1, `not in the middle of ${width}`);
    // What is above and below begins where the text does.
    const edges = [await box(ann, "h1"), await box(ann, "#msg")].map(({ x }) => x - text.x);
    assertEquals(edges, [0, 0]);
  }
  const [header, log, form] = [
    await box(ann, "header"),
    await box(ann, "#log"),
    await box(ann, "form"),
  ];
  assert(header.height >= 44 && header.height <= 45, `a header of ${header.height} px`);
  assertEquals([header.y, log.y, form.y], [0, header.height, header.height + log.height]);
  assertEquals(form.y + form.height, 700);
});

testInBrowser("page: groups by distance, not by boxes", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  const { socket: ben } = await JsonSocket.join(stage.program.port, { name: "Ben" });
  await using _ = ben;
  ben.send(...["one", "two"].map((text) => ({ type: "say", id: text, text })));
  await message(ann, "two").waitFor();
  await say(ann, "three");
  await settled(ann);
  const gap = async (upper: string, lower: string) => {
    const [above, below] = [await box(ann, upper), await box(ann, lower)];
    return Math.round(below.y - above.y - above.height);
  };
  assertEquals([await gap("#m1", "#m2"), await gap("#m2", "#m3")], [2, 12]);
  assertEquals(await styles(ann, "#m1", "borderTopWidth", "boxShadow", "backgroundColor"), [
    "0px",
    "none",
    "rgba(0, 0, 0, 0)",
  ]);
});

testInBrowser("page: quiet neutrals and one accent", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await say(ann, "https://example.org/");
  await ann.locator("#m1 a").waitFor();
  for (const colorScheme of ["light", "dark"] as const) {
    await ann.emulateMedia({ colorScheme });
    const [accent] = await styles(ann, "#send", "backgroundColor");
    assertEquals(await styles(ann, "#m1 a", "color"), [accent]);
    const neutrals = [
      ...await styles(ann, "body", "color", "backgroundColor"),
      ...await styles(ann, "header", "color", "backgroundColor"),
      ...await styles(ann, "form", "backgroundColor"),
      ...await styles(ann, "#m1 time", "color"),
    ];
    for (const colour of neutrals) {
      const parts = colour.match(/[\d.]+/g)!.slice(0, 3).map(Number);
      assert(Math.max(...parts) - Math.min(...parts) < 12, `${colour} is not neutral`);
    }
  }
});

testInChromium(
  "page: a name has a hue of its own, the same everywhere, and a fixed lightness",
  async () => {
    await using stage = await Stage.open();
    const [ann, other] = [await stage.tab(), await stage.tab({ colorScheme: "dark" })];
    const { port } = stage.program;
    const names = ["Ann", "Ben", "Cat", "Dan"];
    for (const name of names) {
      const { socket } = await JsonSocket.join(port, { name });
      await using _ = socket;
      socket.send({ type: "say", id: "1", text: `I am ${name}` });
      await message(ann, name).waitFor();
      await message(other, name).waitFor();
    }
    const colours = (page: Page) =>
      page.evaluate<string[]>(`[...document.querySelectorAll("#log .name")]
      .map((name) => getComputedStyle(name).color)`);
    const hues = (list: string[], lightness: string) =>
      list.map((colour) => {
        const [, found, hue] = /^oklch\(([\d.]+ [\d.]+) ([\d.]+)\)$/.exec(colour) ?? [];
        assertEquals(found, lightness, colour);
        return hue;
      });
    const light = hues(await colours(ann), "0.5 0.13");
    assertEquals(hues(await colours(other), "0.78 0.11"), light);
    assertEquals(new Set(light).size, names.length);
  },
);

testInChromium(
  "page: follows the system's theme live; a choice beats it, is kept, and does not flash",
  async () => {
    await using stage = await Stage.open();
    // Notes how the page looks as soon as it has a body, and when it is first painted.
    const ann = await preparedTab(
      stage,
      `globalThis.seen = [];
      const look = () => seen.push(getComputedStyle(document.body).backgroundColor);
      new MutationObserver((_, observer) => {
        if (!document.body) return;
        observer.disconnect();
        look();
        requestAnimationFrame(look);
      }).observe(document, { childList: true, subtree: true });`,
      { colorScheme: "light" },
    );
    await online(ann);
    const paper = () => styles(ann, "body", "backgroundColor").then(([colour]) => colour);
    const light = await paper();
    await ann.emulateMedia({ colorScheme: "dark" });
    const dark = await paper();
    assert(light !== dark);
    await ann.emulateMedia({ colorScheme: "light" });
    assertEquals(await paper(), light);

    const theme = ann.getByRole("combobox", { name: "Theme" });
    await ann.getByRole("button", { name: "Menu" }).click();
    await theme.waitFor();
    assertEquals(await theme.locator("option").allTextContents(), ["Auto", "Light", "Dark"]);
    await theme.selectOption("Dark");
    assertEquals(await paper(), dark);
    await ann.reload();
    await online(ann);
    assertEquals([...new Set(await ann.evaluate<string[]>("seen"))], [dark]);
    await ann.getByRole("button", { name: "Menu" }).click();
    assertEquals([await paper(), await theme.inputValue()], [dark, "dark"]);
    await theme.selectOption("Light");
    await ann.emulateMedia({ colorScheme: "dark" });
    assertEquals(await paper(), light);
    await theme.selectOption("Auto");
    assertEquals(await paper(), dark);
    await ann.emulateMedia({ colorScheme: "light" });
    assertEquals(await paper(), light);
  },
);

testInBrowser("page: nothing moves where less motion is wanted", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ reducedMotion: "reduce" });
  await say(ann, "hello, see https://example.org/");
  await message(ann, "hello").hover();
  await ann.getByRole("button", { name: "Menu" }).click();
  const moving = await ann.evaluate<string[]>(`[...document.querySelectorAll("*")].filter((node) =>
    ["", "::before", "::after"].some((part) => {
      const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(node, part);
      return animationName !== "none" || parseFloat(transitionDuration) > 0 || scrollBehavior === "smooth";
    })).map((node) => node.localName + " " + node.id)`);
  assertEquals(moving, []);
  assertEquals(await ann.evaluate("document.getAnimations().length"), 0);
});

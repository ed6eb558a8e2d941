// `deno task screenshots` takes the screenshots of the README with a real browser, into docs/screenshots/.
import type { BrowserContextOptions, Page } from "playwright-core";
import { findBrowser, message, online, openBrowser, say } from "../tests/support/browser.ts";
import { startProgram } from "../tests/support/program.ts";

/** People in the room, each with a screen of their own. */
const SHOTS: Record<string, BrowserContextOptions & { shot: string }> = {
  Mira: { shot: "wide-light", viewport: { width: 1000, height: 880 }, colorScheme: "light" },
  Jonas: { shot: "wide-dark", viewport: { width: 1000, height: 880 }, colorScheme: "dark" },
  Yara: { shot: "narrow-light", viewport: { width: 360, height: 900 }, colorScheme: "light" },
  Finn: { shot: "narrow-dark", viewport: { width: 360, height: 900 }, colorScheme: "dark" },
};

/** Sender, text, and the index of the message that it replies to. */
const TALK: [name: string, text: string, replyTo?: number][] = [
  ["Mira", "Room 4 is taken, we are in the library now"],
  ["Mira", "second floor, by the window"],
  ["Yara", "שמרו לי מקום בבקשה"],
  ["Jonas", "on my way, ten minutes"],
  ["Finn", "which library?", 0],
  ["Mira", "the old one. @Yara, you have the key, no?"],
  ["Yara", "yes 🔑"],
  ["Jonas", "For those at home: https://example.org/slides.pdf"],
  ["Finn", "Is `swap` the line with the bug?\n```\nif (a < b) swap(a, b);\n```"],
  ["Jonas", "that one, yes. `a <= b` and it passes"],
];

const REACTIONS: [name: string, line: number, emoji: string][] = [
  ["Mira", 3, "👍"],
  ["Finn", 3, "👍"],
  ["Yara", 7, "❤️"],
  ["Mira", 9, "🎉"],
  ["Yara", 9, "🎉"],
  ["Finn", 9, "👀"],
];

/** Presses buttons of a message by keyboard, so that no mouse stays over the room. */
async function press(page: Page, line: number, ...names: string[]): Promise<void> {
  const item = page.locator(`article:has(> .text)`).nth(line);
  await item.focus();
  for (const name of names) await item.getByRole("button", { name, exact: true }).press("Enter");
}

const chromium = findBrowser();
if (!chromium) {
  throw new Error("Cannot take screenshots: no Chromium found; CONFAB_BROWSER_PATH may name one");
}
await using program = await startProgram();
const browser = await openBrowser(chromium);
const tabs = new Map<string, Page>();
for (const [name, { shot: _, ...options }] of Object.entries(SHOTS)) {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(`http://127.0.0.1:${program.port}/r/library`);
  await online(page);
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  tabs.set(name, page);
}
const pages = [...tabs.values()];
// Wait until the line about people who joined is complete, before the first message.
for (const page of pages.slice(0, -1)) {
  await page.locator(".comings", { hasText: "Finn" }).waitFor();
}
for (const [index, [name, text, replyTo]] of TALK.entries()) {
  const page = tabs.get(name)!;
  if (replyTo !== undefined) await press(page, replyTo, "Reply");
  await say(page, text);
  for (const other of pages) await other.locator("article[data-seq]").nth(index).waitFor();
}
for (const [name, line, emoji] of REACTIONS) await press(tabs.get(name)!, line, "React", emoji);
for (const page of pages) {
  await message(page, "that one").locator(".reactions button").nth(1).waitFor();
  await page.locator("#msg").focus();
  // The toolbar disappears when the mouse leaves it.
  await page.mouse.move(180, 300);
  await page.mouse.move(180, 10);
  await page.locator(".tools").waitFor({ state: "detached" });
}
for (const [name, page] of tabs) {
  await page.screenshot({ path: `docs/screenshots/${SHOTS[name]!.shot}.png` });
}
await browser.close();

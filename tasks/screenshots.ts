// `deno task screenshots`: the page as the README shows it, from a real browser, into docs/screenshots/.
import { findChromium, online, openBrowser } from "../tests/browser.ts";
import { startProgram } from "../tests/program.ts";

const NAMES = ["Mira", "Jonas", "Noa", "Sam"];

const TALK = [
  "Room 4 is taken, we are in the library now",
  "second floor?",
  "yes, by the window. The slides are on the table as well",
  "on my way, ten minutes",
  "שמרו לי מקום בבקשה",
  "https://example.org/slides.pdf for those at home",
  "if (a < b && c > d) { swap(a, c); } <- is that the line with the bug?",
  "that one, yes",
];

const SHOTS = [
  { name: "wide-light", width: 1200, height: 600, colorScheme: "light" },
  { name: "wide-dark", width: 1200, height: 600, colorScheme: "dark" },
  { name: "narrow-light", width: 360, height: 600, colorScheme: "light" },
  { name: "narrow-dark", width: 360, height: 600, colorScheme: "dark" },
] as const;

const chromium = findChromium();
if (!chromium) {
  throw new Error("Cannot take screenshots: no Chromium found; CONFAB_CHROMIUM may name one");
}
await using program = await startProgram();
const browser = await openBrowser(chromium);
const tabs = [];
for (const { name, width, height, colorScheme } of SHOTS) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${program.port}/`);
  await online(page);
  await page.fill("#name", NAMES[tabs.length]!);
  tabs.push({ name, page });
}
for (const [n, text] of TALK.entries()) {
  const { page } = tabs[n % tabs.length]!;
  await page.fill("#msg", text);
  await page.press("#msg", "Enter");
  for (const tab of tabs) await tab.page.locator("#log > div").nth(n).waitFor();
}
for (const { name, page } of tabs) await page.screenshot({ path: `docs/screenshots/${name}.png` });
await browser.close();

// The page of an operator, and what everybody else sees of what operators do.
import { assert, assertEquals, assertMatch } from "@std/assert";
import axe from "axe-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import {
  findBrowser,
  message,
  online,
  openBrowser,
  say,
  testInBrowser,
} from "../support/browser.ts";
import { makeOperatorGate, OPERATOR_KEY } from "../support/operator_gate.ts";
import { serve, type Serving } from "../support/serving.ts";
import { settled } from "../support/until.ts";

/** One for all tests: to start and to end it takes longer than many of them. */
let shared: Promise<Browser> | undefined;

Deno.test.afterAll(async () => await (await shared)?.close());

/** A server, a browser, and tabs that must have had no error and no blocked content. */
class Desk implements AsyncDisposable {
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  readonly #server: Serving;

  private constructor(browser: Browser, server: Serving) {
    this.#browser = browser;
    this.#server = server;
  }

  static async open(): Promise<Desk> {
    shared ??= openBrowser(findBrowser()!);
    return new Desk(await shared, await serve({ authenticator: makeOperatorGate() }));
  }

  async tab(
    name: string,
    { isOperator = false, ...options }: BrowserContextOptions & { isOperator?: boolean } = {},
  ): Promise<Page> {
    const context = await this.#browser.newContext(options);
    this.#contexts.push(context);
    const { url } = this.#server;
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (said) => said.type() === "error" && this.complaints.push(said.text()));
    if (isOperator) {
      await page.goto(new URL("/sign-in", url).href);
      await page.fill("#password", OPERATOR_KEY);
      await page.press("#password", "Enter");
      await page.waitForURL((at) => at.pathname === "/");
    }
    await page.goto(url);
    await online(page);
    await page.fill("#name", name);
    await page.press("#name", "Enter");
    return page;
  }

  /** Says so many things that what was there is read as history. */
  async post(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const response = await fetch(this.#server.url, { method: "POST", body: `later ${n}` });
      await response.body?.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#contexts) await context.close();
    await this.#server[Symbol.asyncDispose]();
    assertEquals(this.complaints, []);
  }
}

async function tell(page: Page, text: string): Promise<void> {
  await say(page, text);
  await message(page, text).waitFor();
  await settled(page);
}

/** The names of a message's tools, once it has the focus. */
async function toolsOf(page: Page, text: string): Promise<string[]> {
  await page.locator("#msg").focus();
  await message(page, text).focus();
  // The tools are loaded when they are first needed.
  await message(page, text).locator(".tools button").first().waitFor();
  return message(page, text).locator(".tools button").allTextContents();
}

function notice(page: Page, text: string | RegExp) {
  return page.locator("#log > .notice", { hasText: text });
}

const MINE = ["React", "Reply", "Copy link", "Edit", "Delete"];
const THEIRS = ["React", "Reply", "Copy link"];

testInBrowser(
  "page: an operator deletes what somebody said, and everybody sees that it was one",
  async () => {
    await using desk = await Desk.open();
    const [ann, ben] = [await desk.tab("Ann", { isOperator: true }), await desk.tab("Ben")];
    await tell(ben, "spam");
    await tell(ben, "regretted");
    await tell(ann, "hello");
    await message(ann, "spam").waitFor();
    assertEquals(await toolsOf(ann, "spam"), [...THEIRS, "Delete", "Ban…"]);
    assertEquals(await toolsOf(ann, "hello"), MINE);
    assertEquals(await toolsOf(ben, "spam"), MINE);
    assertEquals(await toolsOf(ben, "hello"), THEIRS);
    await message(ann, "spam").focus();
    const tool = message(ann, "spam").getByRole("button", { name: "Delete" });
    await tool.press("Enter");
    await message(ann, "spam").getByRole("button", { name: "Really delete?" }).press("Enter");
    await toolsOf(ben, "regretted");
    await message(ben, "regretted").getByRole("button", { name: "Delete" }).press("Enter");
    await message(ben, "regretted").getByRole("button", { name: "Really delete?" }).press("Enter");
    for (const page of [ann, ben]) {
      await message(page, /^Deleted by an operator$/).waitFor();
      await message(page, /^Message deleted$/).waitFor();
    }
  },
);

testInBrowser(
  "page: an operator closes the room and opens it; others see the line and no composer",
  async () => {
    await using desk = await Desk.open();
    const [ann, ben] = [await desk.tab("Ann", { isOperator: true }), await desk.tab("Ben")];
    await ben.fill("#msg", "a draft");
    const menu = ann.locator("#menu-button");
    await menu.press("Enter");
    await ann.getByRole("button", { name: "Close the room" }).press("Enter");
    assert(await ann.locator("#menu").isHidden());
    for (const page of [ann, ben]) await notice(page, /^Ann \(\w+\) closed the room\.$/).waitFor();
    assert(await ben.locator("#msg").isHidden());
    assertEquals(await ben.locator("#note").textContent(), "The room is closed.");
    await tell(ann, "operators go on");
    await ben.reload();
    await online(ben);
    await notice(ben, /^Ann \(\w+\) closed the room\.$/).waitFor();
    assert(await ben.locator("#msg").isHidden());
    await menu.press("Enter");
    await ann.getByRole("button", { name: "Open the room" }).press("Enter");
    await notice(ben, /^Ann \(\w+\) opened the room\.$/).waitFor();
    assertEquals(await ben.locator("#msg").inputValue(), "a draft");
    await tell(ben, "back");
    assertEquals(await ben.getByRole("button", { name: "Sign out" }).count(), 0);
    await desk.post(60);
    await ben.reload();
    await message(ben, "later 59").waitFor();
    await ben.locator("#log").evaluate("(log) => log.scrollTop = 0");
    await notice(ben, /^Ann \(\w+\) closed the room\.$/).waitFor();
    assert(await ben.locator("#msg").isVisible());
  },
);

testInBrowser(
  "page: an operator bans by keyboard; who is banned is told until when, and is let in again",
  async () => {
    await using desk = await Desk.open();
    const [ann, ben] = [await desk.tab("Ann", { isOperator: true }), await desk.tab("Ben")];
    await tell(ben, "spam");
    await message(ann, "spam").waitFor();
    const press = async (name: string) => {
      await toolsOf(ann, "spam");
      for (const one of ["Ban…", name]) {
        await message(ann, "spam").getByRole("button", { name: one }).press("Enter");
      }
    };
    await press("Ban 1 day");
    await notice(ann, /^Ann \(\w+\) banned Ben \(\w{4,}\) until .+\.$/).waitFor();
    await notice(ben, /^You are banned from this server until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/)
      .waitFor();
    await ben.locator("#retry").waitFor();
    assertMatch((await ben.locator("#countdown").textContent())!, /^ in \d{3} s · $/);
    await ben.locator("#retry").click();
    await notice(ben, /^You are banned from this server/).nth(1).waitFor();
    await ben.reload();
    await notice(ben, /^You are banned from this server/).waitFor();
    await ben.locator("#retry").waitFor();
    await press("Lift ban");
    await notice(ann, /^Ann \(\w+\) lifted the ban on Ben \(\w{4,}\)\.$/).waitFor();
    await ben.locator("#retry").click();
    await online(ben);
    await tell(ben, "better now");
  },
);

/** How many of the tools are too small to hit, or out of view. */
const SMALL = `[...document.querySelectorAll(".tools button")]
  .map((one) => one.getBoundingClientRect())
  .filter(({ height, width, left, right }) => height < 24 || width < 24 || left < 0 || right > 320)
  .length`;

testInBrowser(
  "page: an operator's tools are named, in view at 320 px, 24 px high; signing out is a POST",
  async () => {
    await using desk = await Desk.open();
    const ben = await desk.tab("Ben");
    await tell(ben, "first");
    await tell(ben, "spam");
    const viewport = { width: 320, height: 600 };
    for (const colorScheme of ["light", "dark"] as const) {
      const ann = await desk.tab("Ann", { isOperator: true, viewport, colorScheme });
      await message(ann, "spam").waitFor();
      await toolsOf(ann, "spam");
      await message(ann, "spam").getByRole("button", { name: "Ban…" }).press("Enter");
      assertEquals(await ann.evaluate(SMALL), 0);
      await ann.locator("#menu-button").click();
      await ann.locator("#menu").waitFor();
      await ann.evaluate(`void (() => {${axe.source}})()`);
      const found = await ann.evaluate<string[]>(
        `axe.run().then(({ violations }) => violations.map(({ id }) => id))`,
      );
      assertEquals(found, []);
      const posted = ann.waitForRequest((request) => request.method() === "POST");
      await ann.getByRole("button", { name: "Sign out" }).click();
      assertEquals(new URL((await posted).url()).pathname, "/sign-out");
      await ann.waitForURL((at) => at.pathname === "/sign-in");
      assertEquals(await ann.context().cookies(), []);
    }
  },
);

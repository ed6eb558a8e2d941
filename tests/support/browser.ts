// A real browser for tests and screenshots: Debian's Chromium, or its Firefox if CONFAB_BROWSER says so, driven by
// playwright-core. Talks to loopback only.
import { assertEquals } from "@std/assert";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  firefox,
  type Locator,
  type Page,
} from "playwright-core";
import { type Program, startProgram } from "./program.ts";
import { until } from "./until.ts";

/** Engine that this run drives. */
export const ENGINE = Deno.env.get("CONFAB_BROWSER") === "firefox" ? "firefox" : "chromium";

const CANDIDATES = {
  // The one without windows starts a page in half the time.
  chromium: [
    "/usr/bin/chromium-headless-shell",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ],
  firefox: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** Path of the engine's browser, or undefined when this machine has none. `CONFAB_BROWSER_PATH` names another. */
export function findBrowser(): string | undefined {
  const chosen = Deno.env.get("CONFAB_BROWSER_PATH");
  return (chosen ? [chosen] : CANDIDATES[ENGINE]).find(isFile);
}

/** Whether a program is there. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Starts the browser. The caller closes it. */
export function openBrowser(executablePath: string): Promise<Browser> {
  if (ENGINE === "firefox") return firefox.launch({ channel: "moz-firefox", executablePath });
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

const executablePath = findBrowser();

/** One for all tests of a file: to start and to end it takes longer than many of them. */
let shared: Promise<Browser> | undefined;

Deno.test.afterAll(async () => await (await shared)?.close());

/** Words of the browsers for a server that cannot be reached. */
const CONNECTION_LOST =
  /ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|SOCKET_NOT_CONNECTED)|^Firefox can’t establish|was interrupted while the page was loading|NetworkError/;

/** A program, a browser, and tabs that must have had no error, no blocked content and no foreign request. */
export class Stage implements AsyncDisposable {
  readonly #browser: Browser;
  program: Program;
  readonly #data: string;
  readonly complaints: string[] = [];
  readonly #contexts: BrowserContext[] = [];
  /** Whether the server is down on purpose, and the browser may say that it cannot be reached. */
  #isDown = false;

  private constructor(browser: Browser, program: Program, data: string) {
    this.#browser = browser;
    this.program = program;
    this.#data = data;
  }

  /** @param prepare fills the data folder before the program starts */
  static async open(
    env: Record<string, string> = {},
    prepare: (data: string) => Promise<void> = async () => {},
  ): Promise<Stage> {
    const data = await Deno.makeTempDir({ prefix: "confab-stage-" });
    await prepare(data);
    shared ??= openBrowser(executablePath!);
    return new Stage(await shared, await startProgram({ data, env }), data);
  }

  /** Ends the program as a power cut would. */
  async crash(): Promise<void> {
    this.#isDown = true;
    this.program.kill("SIGKILL");
    await this.program.status;
  }

  /** Starts the program again, where it was and with what it had. */
  async restart(): Promise<void> {
    const args = ["--addr", `127.0.0.1:${this.program.port}`];
    this.program = await startProgram({ args, data: this.#data });
  }

  get url(): string {
    return `http://127.0.0.1:${this.program.port}/`;
  }

  /** Somebody's browser, with storage of its own. */
  async context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.#browser.newContext(options);
    this.#contexts.push(context);
    return context;
  }

  /** A tab of its own, so with storage of its own, in the room. */
  async tab(options: BrowserContextOptions = {}, path = ""): Promise<Page> {
    const context = await this.context(options);
    const page = await context.newPage();
    // Firefox reports a connection that failed as an error of the page.
    page.on("pageerror", ({ message }) => this.#complain(message));
    page.on("console", (line) => line.type() === "error" && this.#complain(line.text()));
    page.on("request", (request) => {
      if (!request.url().startsWith(this.url)) this.complaints.push(`asked ${request.url()}`);
    });
    await page.goto(this.url + path);
    return page;
  }

  /** A tab of somebody with a name, who is connected. */
  async member(
    { name = "Ann", path = "", ...options }: BrowserContextOptions & {
      name?: string;
      path?: string;
    } = {},
  ): Promise<Page> {
    const page = await this.tab(options, path);
    await online(page);
    await page.fill("#name", name);
    await page.press("#name", "Enter");
    return page;
  }

  #complain(text: string): void {
    if (!this.#isDown || !CONNECTION_LOST.test(text)) this.complaints.push(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#contexts) await context.close();
    await this.program[Symbol.asyncDispose]();
    await Deno.remove(this.#data, { recursive: true });
    assertEquals(this.complaints, []);
  }
}

/** Waits until the page is connected. */
export function online(page: Page): Promise<void> {
  return page.locator('html[data-connection="online"]').waitFor();
}

/** Waits until a copy is made of lines: the module for it is loaded when something is selected. */
export async function copiesAsLines(page: Page): Promise<void> {
  const find =
    `performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/copy.js"))`;
  await until(page, `!!${find}`);
  // It has run, and the page has used it, when another import of it resolves.
  await page.evaluate(`import(${find}.name).then(() => {})`);
}

/** Says something, as people with a keyboard do. */
export async function say(page: Page, text: string): Promise<void> {
  await page.fill("#msg", text);
  await page.press("#msg", "Enter");
}

/** The message in the log with this in its text, its state or its reactions. Names, tags and times are not looked at. */
export function message(page: Page, text: string | RegExp): Locator {
  const part = page.locator(".text, .state, .reactions", { hasText: text });
  return page.locator("#log > article", { has: part });
}

/** What the messages in the log say, in order. */
export function texts(page: Page): Promise<string[]> {
  return page.locator("#log > article > .text").allTextContents();
}

/** Where the log is scrolled to, and how far that is from the bottom, in pixels. */
export function place(page: Page): Promise<{ top: number; fromBottom: number }> {
  return page.evaluate(`(() => {
    const log = document.getElementById("log");
    return { top: log.scrollTop, fromBottom: log.scrollHeight - log.clientHeight - log.scrollTop };
  })()`);
}

/** A test that needs a browser; without one it is reported as ignored, with the reason. */
export function testInBrowser(name: string, fn: () => Promise<void>): void {
  const reason = executablePath
    ? ""
    : ` (ignored: no ${ENGINE} here; CONFAB_BROWSER_PATH may name one)`;
  Deno.test({
    name: `${ENGINE}: ${name}${reason}`,
    ignore: !executablePath,
    fn,
    // playwright-core keeps timers and a process watcher of its own beyond close().
    sanitizeOps: false,
    sanitizeResources: false,
  });
}

/**
 * A test that only Chromium can be driven through: it emulates touch, colour schemes or a slow machine, blocks scripts, or
 * answers for the server. In other engines there is no such test.
 */
export function testInChromium(name: string, fn: () => Promise<void>): void {
  if (ENGINE === "chromium") testInBrowser(name, fn);
}

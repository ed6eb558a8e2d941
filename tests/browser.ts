// A real browser for tests and screenshots: Debian's Chromium, driven by playwright-core. Talks to loopback only.
import { assertEquals } from "@std/assert";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { type Program, startProgram } from "./program.ts";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of the browser, or undefined when this machine has none. `CONFAB_CHROMIUM` names another. */
export function findChromium(): string | undefined {
  const chosen = Deno.env.get("CONFAB_CHROMIUM");
  return (chosen ? [chosen] : CANDIDATES).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Starts the browser. The caller closes it. */
export function openBrowser(executablePath: string): Promise<Browser> {
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

const executablePath = findChromium();

/** A program, a browser, and tabs that must have had no error, no blocked content and no foreign request. */
export class Stage implements AsyncDisposable {
  readonly browser: Browser;
  readonly program: Program;
  readonly complaints: string[] = [];

  private constructor(browser: Browser, program: Program) {
    this.browser = browser;
    this.program = program;
  }

  static async open(): Promise<Stage> {
    return new Stage(await openBrowser(executablePath!), await startProgram());
  }

  get url(): string {
    return `http://127.0.0.1:${this.program.port}/`;
  }

  /** A tab of its own, so with storage of its own, in the room. */
  async tab(options: BrowserContextOptions = {}, path = ""): Promise<Page> {
    const context = await this.browser.newContext(options);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(this.url)) this.complaints.push(`asked ${request.url()}`);
    });
    await page.goto(this.url + path);
    return page;
  }

  /** A tab that is connected. */
  async member(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.tab(options);
    await page.locator("#status", { hasText: /^$/ }).waitFor({ state: "attached" });
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.program[Symbol.asyncDispose]();
    assertEquals(this.complaints, []);
  }
}

/** A test that needs a browser; without one it is reported as ignored, with the reason. */
export function testInBrowser(name: string, fn: () => Promise<void>): void {
  const reason = executablePath ? "" : " (ignored: no Chromium here; CONFAB_CHROMIUM may name one)";
  Deno.test({
    name: `${name}${reason}`,
    ignore: !executablePath,
    fn,
    // playwright-core keeps timers and a process watcher of its own beyond close().
    sanitizeOps: false,
    sanitizeResources: false,
  });
}

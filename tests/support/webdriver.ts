// WebKit, Safari's engine, driven over WebDriver: Debian's MiniBrowser under Xvfb. Talks to loopback only.
import { delay } from "@std/async/delay";
import { isFile } from "./browser.ts";
import { within } from "./deadline.ts";

const DRIVER = "/usr/bin/WebKitWebDriver";
const DISPLAY_SERVER = "/usr/bin/Xvfb";
/** Debian's folder for libraries has the machine's architecture in its name. */
const LIBRARIES = "/usr/lib";

const TIMEOUT_MS = 20_000;

/** Key by which WebDriver tells an element from other objects. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Keys that are no characters, as WebDriver writes them. Texts to type may contain them. */
export const KEYS = { enter: "\ue007" };

/** Path of MiniBrowser, or undefined when this machine lacks it, its driver, or the display server. */
export function findWebKit(): string | undefined {
  if (![DRIVER, DISPLAY_SERVER].every(isFile)) return undefined;
  const folders = [...Deno.readDirSync(LIBRARIES)].map(({ name }) => `${LIBRARIES}/${name}`);
  return folders
    .flatMap((folder) => ["4.1", "6.0", "4.0"].map((v) => `${folder}/webkit2gtk-${v}/MiniBrowser`))
    .find(isFile);
}

/** A window of the browser, with storage of its own. Disposing it ends the browser, its driver and its display. */
export class WebKit implements AsyncDisposable {
  readonly #children: Deno.ChildProcess[];
  readonly #session: string;

  private constructor(children: Deno.ChildProcess[], session: string) {
    this.#children = children;
    this.#session = session;
  }

  static async open(binary: string): Promise<WebKit> {
    const children: Deno.ChildProcess[] = [];
    try {
      const display = await startDisplay(children);
      const url = await startDriver(children, display);
      const options = { binary, args: ["--automation"] };
      const capabilities = { alwaysMatch: { "webkitgtk:browserOptions": options } };
      const { sessionId } = await command<{ sessionId: string }>("POST", `${url}/session`, {
        capabilities,
      });
      return new WebKit(children, `${url}/session/${sessionId}`);
    } catch (error) {
      await end(children);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await command("DELETE", this.#session).catch(() => {});
    await end(this.#children);
  }

  async goto(url: string): Promise<void> {
    await this.#post("url", { url });
  }

  async reload(): Promise<void> {
    await this.#post("refresh", {});
  }

  /** Evaluates an expression in the page. Resolves with a copy of its value. */
  evaluate<T>(expression: string): Promise<T> {
    return this.#post("execute/sync", { script: `return (${expression});`, args: [] });
  }

  /** Waits until an expression is true in the page, on whichever page that is by then. */
  async until(expression: string): Promise<void> {
    let isOver = false;
    const look = async () => {
      while (!isOver && !await this.evaluate(`Boolean(${expression})`).catch(() => false)) {
        await delay(20);
      }
    };
    try {
      await within(TIMEOUT_MS, expression, look());
    } finally {
      isOver = true;
    }
  }

  /** Clicks the first visible element that the selector finds, once it is there. */
  async click(selector: string): Promise<void> {
    await this.until(`document.querySelector(${JSON.stringify(selector)})?.checkVisibility()`);
    await this.#post(`element/${await this.#find(selector)}/click`, {});
  }

  /** Types into a field what its content is to be. */
  async fill(selector: string, text: string): Promise<void> {
    await this.until(`document.querySelector(${JSON.stringify(selector)})?.checkVisibility()`);
    const element = await this.#find(selector);
    await this.#post(`element/${element}/clear`, {});
    await this.#post(`element/${element}/value`, { text });
  }

  /** Presses keys where the focus is. */
  async press(...keys: string[]): Promise<void> {
    const actions = keys.flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]);
    await this.#post("actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Moves the pointer over an element. */
  async hover(selector: string): Promise<void> {
    const origin = { [ELEMENT]: await this.#find(selector) };
    const move = { type: "pointerMove", x: 0, y: 0, duration: 0 };
    // From elsewhere: a move to where the pointer is would be none, even if what is there has changed.
    const actions = [move, { ...move, origin }];
    await this.#post("actions", {
      actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions }],
    });
  }

  async #find(selector: string): Promise<string> {
    const query = { using: "css selector", value: selector };
    const found = await this.#post<Record<string, string>>("element", query);
    return found[ELEMENT]!;
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    return command("POST", `${this.#session}/${path}`, body);
  }
}

/** Starts a display. Resolves with its name, like `:1`. */
async function startDisplay(children: Deno.ChildProcess[]): Promise<string> {
  const display = new Deno.Command(DISPLAY_SERVER, {
    // A free number is chosen and written to this descriptor.
    args: ["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  children.push(display);
  let number = "";
  const decoder = new TextDecoder();
  for await (const chunk of display.stdout) {
    number += decoder.decode(chunk, { stream: true });
    if (number.endsWith("\n")) break;
  }
  if (!/^\d+\n$/.test(number)) throw new Error(`Cannot start Xvfb: it printed "${number}"`);
  return `:${number.trim()}`;
}

/** Starts the driver. Resolves with its URL once it answers. */
async function startDriver(children: Deno.ChildProcess[], display: string): Promise<string> {
  const port = findPort();
  const driver = new Deno.Command(DRIVER, {
    args: [`--port=${port}`, "--host=127.0.0.1"],
    env: { DISPLAY: display, NO_AT_BRIDGE: "1" },
    stdout: "null",
    stderr: "null",
  }).spawn();
  children.push(driver);
  const url = `http://127.0.0.1:${port}`;
  const isReady = async () => {
    while (!await command(`GET`, `${url}/status`).then(() => true, () => false)) await delay(20);
  };
  await within(TIMEOUT_MS, "WebKitWebDriver", isReady());
  return url;
}

function findPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Ends processes, the newest first, and waits for that. */
async function end(children: Deno.ChildProcess[]): Promise<void> {
  for (const child of children.toReversed()) {
    try {
      child.kill("SIGTERM");
    } catch { /* it has ended */ }
    await child.status;
  }
}

/** Sends a command. @throws with the driver's own words when it fails */
async function command<T>(method: "GET" | "POST" | "DELETE", url: string, body?: unknown) {
  const response = await fetch(url, body ? { method, body: JSON.stringify(body) } : { method });
  const { value } = await response.json() as { value: T & { error?: string; message?: string } };
  if (!response.ok) throw new Error(`${method} ${url}: ${value.error}: ${value.message}`);
  return value as T;
}

// The page as a newcomer meets it. Chromium does not show what browsers take away outside of a secure context beyond what
// it takes away itself; the LAN address that it is shown leads to this machine.
import { SOURCES } from "../../page/assets.ts";
import { listModules } from "../../page/document.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Browser, chromium, type Page } from "playwright-core";
import {
  findBrowser,
  message,
  online,
  say,
  Stage,
  testInBrowser,
  testInChromium,
  texts,
} from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { eventually } from "../support/until.ts";

const focused = (page: Page) => page.evaluate<string>("document.activeElement.id");

/** Says things in a room before anybody looks. */
async function leaveBehind(stage: Stage, path: string, ...said: string[]): Promise<void> {
  const { socket } = await JsonSocket.join(stage.program.port, {
    path: `/${path}/ws`,
    name: "Eve",
  });
  await using eve = socket;
  for (const [index, text] of said.entries()) {
    eve.send({ type: "say", id: `${index}`, text });
    await eve.read("ack");
  }
}

/** Names that are shown above messages, in order. */
function names(page: Page): Promise<string[]> {
  return page.locator("#log > article .name").allTextContents();
}

testInBrowser("page: one document from one origin, and nothing from anywhere else", async () => {
  await using stage = await Stage.open();
  const ann = await stage.tab();
  const asked: string[] = [];
  let documents = 0;
  ann.on("request", (request) => {
    asked.push(new URL(request.url()).origin);
    if (request.isNavigationRequest()) documents++;
  });
  await ann.goto(`${stage.url}r/kitchen`);
  await online(ann);
  await ann.fill("#name", "Ann");
  await ann.press("#name", "Enter");
  // What a page might fetch a preview, a picture or a font for.
  await say(ann, "https://confab.test/a.png 🎉 ![x](https://confab.test/b.png)");
  await message(ann, "a.png").waitFor();
  await ann.click("#menu-button");
  assertEquals([...new Set(asked)], [new URL(stage.url).origin]);
  assertEquals([documents, ann.frames().length], [1, 1]);
});

/** Maximum size of a first visit, with all headers, and of its requests, the icon's and the document's among them. */
const MAX_VISIT_BYTES = 40 * 1024;
const MAX_VISIT_REQUESTS = 28;

testInChromium(
  "page: a first visit is small and takes few requests, with gzip only as well",
  async () => {
    await using stage = await Stage.open();
    for (const encodings of ["gzip", "gzip, deflate, br, zstd"]) {
      const context = await stage.context({ extraHTTPHeaders: { "accept-encoding": encodings } });
      const page = await context.newPage();
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      const paths = new Map<string, string>();
      const sizes = new Map<string, number>();
      const codings = new Set<string | undefined>();
      page.on("response", (response) => codings.add(response.headers()["content-encoding"]));
      session.on("Network.requestWillBeSent", ({ requestId, request }) => {
        paths.set(requestId, new URL(request.url).pathname.replace(/\/v\/\w+/, ""));
      });
      session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        sizes.set(paths.get(requestId)!, encodedDataLength);
      });
      await page.goto(`${stage.url}r/kitchen`);
      await online(page);
      await eventually(() => sizes.has("/r/kitchen") && sizes.size === paths.size);
      const sum = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
      const about = `${sum} bytes with ${encodings}: ${JSON.stringify([...sizes])}`;
      assert(sizes.has("/r/page/chat.js") && sizes.has("/r/kitchen"), about);
      assertEquals([...codings], [encodings === "gzip" ? "gzip" : "br"], about);
      assert(sum <= MAX_VISIT_BYTES, about);
      assert(sizes.size <= MAX_VISIT_REQUESTS, about);
    }
  },
);

testInChromium("page: a second visit asks for the document alone", async () => {
  await using stage = await Stage.open();
  const context = await stage.context();
  const page = await context.newPage();
  await page.goto(`${stage.url}r/kitchen`);
  await online(page);
  await page.goto("about:blank");
  const asked = new Map<string, string>();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.responseReceived", ({ requestId, response }) => {
    if (!response.fromDiskCache) asked.set(requestId, response.url);
  });
  const cached = new Set<string>();
  session.on("Network.requestServedFromCache", ({ requestId }) => cached.add(requestId));
  await page.goto(`${stage.url}r/kitchen`);
  await online(page);
  const loaded = [...asked].filter(([id]) => !cached.has(id)).map(([, url]) => url);
  assertEquals(loaded, [`${stage.url}r/kitchen`]);
});

testInBrowser("page: all modules are asked for as soon as the document is there", async () => {
  await using stage = await Stage.open();
  const page = await (await stage.context()).newPage();
  const asked = new Set<string>();
  page.on(
    "request",
    (request) => asked.add(new URL(request.url()).pathname.replace(/.*\/v\/\w+/, "")),
  );
  // No module is answered: none can ask for another one.
  await page.route(/\.js$/, () => {});
  await page.goto(`${stage.url}r/kitchen`, { waitUntil: "commit" });
  const modules = listModules("/page/chat.js", SOURCES);
  assert(modules.includes("/sdk/outbox.js"));
  await eventually(() => modules.every((path) => asked.has(path)));
  assert(!asked.has("/page/save.js"));
});

testInChromium("page: without JavaScript it says what it needs", async () => {
  await using stage = await Stage.open();
  const page = await stage.tab({ javaScriptEnabled: false });
  const text = page.locator("noscript");
  assert(await text.isVisible());
  assertStringIncludes(await text.innerText(), "needs JavaScript");
});

testInBrowser("page: a room's URL opens the room, readable before a name is chosen", async () => {
  await using stage = await Stage.open();
  const path = `r/${encodeURIComponent("küche")}`;
  await leaveBehind(stage, path, "one", "two");
  await leaveBehind(stage, "r/cellar", "elsewhere");
  const ann = await stage.tab();
  const dialogs: string[] = [];
  ann.on("dialog", (dialog) => {
    dialogs.push(dialog.type());
    dialog.dismiss();
  });
  await ann.goto(stage.url + path);
  await message(ann, "two").waitFor();
  assertEquals(await texts(ann), ["one", "two"]);
  assertEquals([await ann.textContent("h1"), await ann.title()], ["küche", "küche · Confab"]);
  assertEquals([await ann.inputValue("#name"), await ann.locator("#name").isVisible()], ["", true]);

  // Who has something to say is asked in the page, keeps the text, and has it sent with the name.
  await say(ann, "three");
  await ann.locator("#note", { hasText: "Choose a name first" }).waitFor();
  assertEquals([await ann.inputValue("#msg"), await focused(ann)], ["three", "name"]);
  await ann.keyboard.type("Ann");
  await ann.keyboard.press("Enter");
  await message(ann, "three").waitFor();
  assertEquals(await texts(ann), ["one", "two", "three"]);
  assertEquals(await names(ann), ["Eve", "Eve", "Ann"]);
  assertEquals([await ann.inputValue("#msg"), dialogs], ["", []]);
});

testInBrowser("page: the name survives a reload, and is changed without one", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ path: "r/kitchen" });
  await say(ann, "first");
  await ann.reload();
  await online(ann);
  assert(!await ann.locator("#name").isVisible());
  await say(ann, "second");
  await message(ann, "second").waitFor();

  await ann.evaluate("document.isTheSame = true");
  await ann.click("#menu-button");
  await ann.click("#rename");
  assertEquals([await focused(ann), await ann.inputValue("#name")], ["name", "Ann"]);
  await ann.keyboard.type("Anna");
  await ann.keyboard.press("Enter");
  await say(ann, "third");
  await message(ann, "third").waitFor();
  await ann.locator("#log .state").waitFor({ state: "detached" });
  assertEquals(await names(ann), ["Ann", "Ann", "Anna"]);
  assert(await ann.evaluate("document.isTheSame"));

  // A refusal is explained, and leaves the name that one had.
  await ann.click("#menu-button");
  await ann.click("#rename");
  await ann.keyboard.type("A\u202eB");
  await ann.keyboard.press("Enter");
  await ann.locator("#note", { hasText: "1 to 32 characters" }).waitFor();
  assertEquals([await ann.inputValue("#name"), await focused(ann)], ["Anna", "name"]);
  await ann.reload();
  await online(ann);
  await say(ann, "fourth");
  await message(ann, "fourth").waitFor();
  assertEquals(await names(ann), ["Ann", "Ann", "Anna", "Anna"]);
});

testInChromium("page: a menu that could not be loaded is loaded by the next click", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await ann.route("**/page/menu.js", (route) => route.fulfill({ status: 503 }));
  await ann.click("#menu-button");
  await ann.locator("#log .notice", { hasText: "The menu was not loaded" }).waitFor();
  await ann.unroute("**/page/menu.js");
  await ann.click("#menu-button");
  await ann.locator("#menu").waitFor();
  assertEquals(stage.complaints.splice(0).every((text) => text.includes("503")), true);
});

const BROKEN_STORAGE = {
  "is forbidden": `Object.defineProperty(globalThis, "localStorage", {
    get() { throw new Error("blocked"); }
  })`,
  "is null": `Object.defineProperty(globalThis, "localStorage", { value: null })`,
  "is full": `Storage.prototype.setItem = () => { throw new Error("full"); }`,
  "throws at every touch":
    `for (const key of ["getItem", "setItem", "removeItem", "key", "clear"]) {
    Storage.prototype[key] = () => { throw new Error("broken"); };
  }
  Object.defineProperty(Storage.prototype, "length", { get() { throw new Error("broken"); } })`,
};

testInBrowser("page: storage that throws breaks nothing", async () => {
  await using stage = await Stage.open();
  for (const [what, script] of Object.entries(BROKEN_STORAGE)) {
    const ann = await stage.tab();
    await ann.addInitScript(script);
    await ann.goto(`${stage.url}r/${what.replaceAll(" ", "-")}`);
    await online(ann);
    await ann.fill("#name", "Ann");
    await ann.press("#name", "Enter");
    await ann.click("#menu-button");
    await ann.selectOption("#theme", "dark");
    assertEquals(await ann.getAttribute("html", "data-theme"), "dark");
    await ann.click("#rename");
    await ann.keyboard.type("Anna");
    await ann.keyboard.press("Enter");
    await say(ann, what);
    await message(ann, what).waitFor();
    await ann.locator("#log .state").waitFor({ state: "detached" });
    assertEquals([await texts(ann), await names(ann)], [[what], ["Anna"]]);
  }
});

/** A browser that finds the LAN address on this machine. */
function openLanBrowser(address: string): Promise<Browser> {
  const rules = `--host-resolver-rules=MAP ${address} 127.0.0.1`;
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({
    executablePath: findBrowser()!,
    args: ["--no-sandbox", "--disable-gpu", ...quiet, rules],
  });
}

testInChromium("page: works on the plain http address of a LAN", async () => {
  await using stage = await Stage.open();
  const browser = await openLanBrowser("192.168.1.20");
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
    // Chromium leaves it there, to refuse each use; others do not have it.
    await page.addInitScript("delete globalThis.Notification");
    const url = `http://192.168.1.20:${stage.program.port}/r/kitchen`;
    await page.goto(url);
    await online(page);
    assertEquals(
      await page.evaluate(
        `[isSecureContext, crypto.randomUUID, crypto.subtle, navigator.clipboard, typeof Notification]
          .map(String)`,
      ),
      ["false", "undefined", "undefined", "undefined", "undefined"],
    );
    await page.click("#copy-address");
    await page.locator("#copy-address", { hasText: "Copied" }).waitFor();
    await page.focus("#msg");
    await page.keyboard.press("Control+V");
    assertEquals(await page.inputValue("#msg"), url);
    await page.fill("#name", "Ann");
    await page.press("#name", "Enter");
    await say(page, "from the sofa");
    await message(page, "from the sofa").waitFor();
    await page.locator("#log .state").waitFor({ state: "detached" });
    await page.reload();
    await message(page, "from the sofa").waitFor();
    assertEquals(await texts(page), ["from the sofa"]);
    assertEquals(complaints, []);
  } finally {
    await browser.close();
  }
});

/** A proxy that serves the program below a path, and keeps what it was asked for. */
class PrefixProxy implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns: Deno.Conn[] = [];
  readonly #running: Promise<unknown>[] = [];

  constructor(prefix: string, targetPort: number) {
    this.#running.push(this.#accept(prefix, targetPort));
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(prefix: string, port: number): Promise<void> {
    for await (const near of this.#listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#conns.push(near, far);
      const strip = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => controller.enqueue(this.#strip(chunk, prefix)),
      });
      this.#running.push(
        near.readable.pipeThrough(strip).pipeTo(far.writable).catch(() => {}),
        far.readable.pipeTo(near.writable).catch(() => {}),
      );
    }
  }

  /** A browser begins each request in a chunk of its own. */
  #strip(chunk: Uint8Array, prefix: string): Uint8Array {
    const head = String.fromCharCode(...chunk.subarray(0, 200));
    const path = /^GET (\S+) HTTP/.exec(head)?.[1];
    if (path === undefined) return chunk;
    this.asked.push(path);
    if (!path.startsWith(prefix)) return new TextEncoder().encode("GET /astray HTTP/1.1\r\n\r\n");
    const rest = chunk.slice(prefix.length);
    rest.set(new TextEncoder().encode("GET "));
    return rest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) {
      try {
        conn.close();
      } catch { /* its streams have closed it */ }
    }
    await Promise.all(this.#running);
  }
}

testInBrowser("page: works below a path, at the root and in a room", async () => {
  await using stage = await Stage.open();
  await using proxy = new PrefixProxy("/chat", stage.program.port);
  const context = await stage.context();
  for (const path of ["", "r/kitchen", "r/kitchen?from=mail#1"]) {
    const page = await context.newPage();
    page.on("pageerror", (error) => stage.complaints.push(String(error)));
    page.on("response", (response) => {
      if (!response.ok()) stage.complaints.push(`${response.status()} ${response.url()}`);
    });
    const socket = page.waitForEvent("websocket");
    const url = `http://127.0.0.1:${proxy.port}/chat/${path}`;
    await page.goto(url);
    await online(page);
    const room = url.replace(/[?#].*/, "").replace(/\/$/, "");
    assertEquals((await socket).url(), `${room.replace("http", "ws")}/ws`);
    if (await page.locator("#name").isVisible()) {
      await page.fill("#name", "Ann");
      await page.press("#name", "Enter");
    }
    await say(page, "below a path");
    await message(page, "below a path").first().waitFor();
    assertEquals(await page.textContent("h1"), path ? "kitchen" : "lobby");
  }
  assertEquals(proxy.asked.filter((path) => !path.startsWith("/chat/")), []);
});

testInChromium(
  "page: under https the socket is wss, on the same host and below the same path",
  async () => {
    await using stage = await Stage.open();
    const context = await stage.context();
    await context.route("https://confab.test/**", async (route) => {
      const path = new URL(route.request().url()).pathname.replace("/chat/", "");
      await route.fulfill({ response: await route.fetch({ url: stage.url + path }) });
    });
    const url = Promise.withResolvers<string>();
    await context.routeWebSocket(/.*/, (socket) => url.resolve(socket.url()));
    const page = await context.newPage();
    await page.goto("https://confab.test/chat/r/kitchen");
    assertEquals(await url.promise, "wss://confab.test/chat/r/kitchen/ws");
    await context.unrouteAll({ behavior: "ignoreErrors" }); // files may still be on the way
  },
);

testInBrowser("page: an empty room shows its URL, and copies it", async () => {
  await using stage = await Stage.open();
  const path = `r/${encodeURIComponent("küche")}`;
  const permissions = ["clipboard-read", "clipboard-write"];
  const ann = await stage.member({ path, permissions });
  await ann.locator("#empty").waitFor();
  const shown = await ann.textContent("#address");
  assertEquals(shown, `${stage.url}r/küche`); // as people read it
  await ann.click("#copy-address");
  await ann.locator("#copy-address", { hasText: "Copied" }).waitFor();
  assertEquals(await ann.evaluate("navigator.clipboard.readText()"), stage.url + path);
  const ben = await stage.member({ path, name: "Ben" });
  await ben.locator("#empty").waitFor();
  await say(ann, "hello");
  for (const page of [ann, ben]) {
    await message(page, "hello").waitFor();
    await page.locator("#empty").waitFor({ state: "hidden" });
  }
  // Nor where something has been said before.
  const cat = await stage.tab({}, path);
  await message(cat, "hello").waitFor();
  assert(!await cat.locator("#empty").isVisible());
});

testInChromium("page: focus goes to the composer with a mouse, never on touch", async () => {
  await using stage = await Stage.open();
  const ann = await stage.tab();
  await online(ann);
  assertEquals(await focused(ann), "msg");
  const ben = await stage.tab({ hasTouch: true, isMobile: true });
  await online(ben);
  await ben.locator("#empty").waitFor();
  assertEquals(await focused(ben), "");
  await leaveBehind(stage, "r/lobby", "hello");
  await message(ben, "hello").waitFor();
  assertEquals(await focused(ben), "");
});

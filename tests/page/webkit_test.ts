// The core of the page in WebKit, Safari's engine, over WebDriver: what people do all day.
import { assert, assertEquals } from "@std/assert";
import { ENGINE } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { type Program, startProgram } from "../support/program.ts";
import { eventually } from "../support/until.ts";
import { findWebKit, KEYS, WebKit } from "../support/webdriver.ts";

const browser = findWebKit();

/** A test of a program with a window of WebKit; without one it is reported as ignored, with the reason. */
function testInWebKit(
  name: string,
  fn: (webkit: WebKit, program: Program, restart: () => Promise<void>) => Promise<void>,
  env: Record<string, string> = {},
): void {
  if (ENGINE !== "chromium") return; // it would be the same test again
  const reason = browser ? "" : " (ignored: no webkit2gtk-driver or no Xvfb here)";
  Deno.test({
    name: `webkit: ${name}${reason}`,
    ignore: !browser,
    fn: async () => {
      const data = await Deno.makeTempDir({ prefix: "confab-webkit-" });
      let program = await startProgram({ data, env });
      try {
        await using webkit = await WebKit.open(browser!);
        await webkit.goto(url(program, "r/den"));
        await fn(webkit, program, async () => {
          program.kill("SIGKILL");
          await program.status;
          await webkit.until(`document.documentElement.dataset.connection === "offline"`);
          const args = ["--addr", `127.0.0.1:${program.port}`];
          program = await startProgram({ args, data, env });
        });
      } finally {
        await program[Symbol.asyncDispose]();
        await Deno.remove(data, { recursive: true });
      }
    },
  });
}

function url({ port }: { port: number }, path: string): string {
  return `http://127.0.0.1:${port}/${path}`;
}

const ONLINE = `document.documentElement.dataset.connection === "online"`;

/** An expression for the last message with this text. */
function last(text: string): string {
  return `[...document.querySelectorAll("#log > article")].findLast((article) =>
    article.querySelector(".text")?.textContent.includes(${JSON.stringify(text)}))`;
}

/** Says something and waits until it is stored. */
async function say(webkit: WebKit, text: string): Promise<void> {
  await webkit.fill("#msg", text);
  await webkit.press(KEYS.enter);
  await webkit.until(`${last(text)}?.querySelector("time") && !document.querySelector(".state")`);
}

/** Goes to a message and presses one of its tools. */
async function useTool(webkit: WebKit, text: string, label: string): Promise<void> {
  await webkit.hover(`#${await webkit.evaluate<string>(`${last(text)}.id`)}`);
  await pressTool(webkit, label);
}

/** Presses one of the tools that are there. */
async function pressTool(webkit: WebKit, label: string): Promise<void> {
  const number = `[...document.querySelectorAll(".tools button")]
    .findIndex((button) => (button.ariaLabel ?? button.textContent) === "${label}") + 1`;
  await webkit.until(number);
  await webkit.click(`.tools button:nth-child(${await webkit.evaluate(number)})`);
}

async function join(program: Program, name: string): Promise<JsonSocket> {
  return (await JsonSocket.join(program.port, { name, path: "/r/den/ws" })).socket;
}

/** The last entry of a kind that a client reads. */
async function hear(socket: JsonSocket, kind: string) {
  for (;;) {
    const entry = await socket.read("entry");
    if (!entry) throw new Error(`Cannot read a ${kind}: the connection has ended`);
    if (entry["kind"] === kind) return entry;
  }
}

testInWebKit("history is read, then one says, edits, answers, reacts and deletes", async (
  webkit,
  program,
) => {
  await using ben = await join(program, "Ben");
  ben.send({ type: "say", id: "1", text: "**hello** from Ben" });
  await webkit.until(last("hello from Ben"));
  await webkit.fill("#name", "Ann");
  await webkit.press(KEYS.enter);
  await say(webkit, "frist");
  await useTool(webkit, "frist", "Edit");
  await say(webkit, "first");
  assertEquals((await hear(ben, "edit"))["text"], "first");
  await useTool(webkit, "hello from Ben", "Reply");
  await say(webkit, "an answer");
  await webkit.until(`${last("an answer")}?.querySelector(".quote")`);
  await useTool(webkit, "hello from Ben", "React");
  await pressTool(webkit, "👍");
  await webkit.until(`${last("hello from Ben")}.querySelector(".reactions button")`);
  assertEquals((await hear(ben, "react"))["emoji"], "👍");
  await useTool(webkit, "an answer", "Delete");
  await pressTool(webkit, "Really delete?");
  await webkit.until(`document.querySelector(".deleted")`);
  await hear(ben, "delete");
});

testInWebKit("a draft and the name survive a reload", async (webkit) => {
  await webkit.until(ONLINE);
  await webkit.fill("#name", "Ann");
  await webkit.press(KEYS.enter);
  await webkit.fill("#msg", "half a thought");
  await webkit.reload();
  await webkit.until(ONLINE);
  await webkit.until(`document.getElementById("msg").value === "half a thought"`);
  assert(!await webkit.evaluate(`document.getElementById("name").checkVisibility()`));
  await webkit.press(KEYS.enter);
  await webkit.until(`${last("half a thought")}?.querySelector("time")`);
});

testInWebKit("a long room scrolls both ways, and a link leads to its message", async (
  webkit,
  program,
) => {
  await using ben = await join(program, "Ben");
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => ({
      type: "say",
      id: `line ${from + n}`,
      text: `line ${from + n}`,
    }));
  for (let n = 1; n <= 600; n += 100) {
    ben.send(...lines(n, n + 99));
    for (let said = 0; said < 100; said++) await ben.read("ack");
  }
  const shows = (n: number) =>
    `(() => {
      const box = document.getElementById("m${n}")?.getBoundingClientRect();
      const log = document.getElementById("log").getBoundingClientRect();
      return box && box.top < log.bottom && box.bottom > log.top;
    })()`;
  await webkit.reload();
  await webkit.until(shows(600));
  const wheel = (by: number, isThere: string) =>
    eventually(async () => {
      await webkit.evaluate(`document.getElementById("log").scrollBy(0, ${by})`);
      return await webkit.evaluate(isThere);
    });
  await wheel(-600, `document.getElementById("m400")`);
  await wheel(600, shows(600));
  await webkit.goto(`${url(program, "r/den")}#3`);
  await webkit.until(shows(3));
  await webkit.until(`document.getElementById("m3").matches(".target")`);
});

testInWebKit("after the server was away, what was said meanwhile arrives once", async (
  webkit,
  program,
  restart,
) => {
  await webkit.until(ONLINE);
  await webkit.fill("#name", "Ann");
  await webkit.press(KEYS.enter);
  await say(webkit, "before");
  await restart();
  await webkit.evaluate(`void dispatchEvent(new Event("online"))`);
  await say(webkit, "after");
  await using ben = await join(program, "Ben");
  ben.send({ type: "say", id: "1", text: "from Ben" });
  await webkit.until(last("from Ben"));
  const shown = await webkit.evaluate<string[]>(
    `[...document.querySelectorAll("#log > article > .text")].map((text) => text.textContent)`,
  );
  assertEquals(shown, ["before", "after", "from Ben"]);
});

testInWebKit("behind a proxy that forwards no WebSocket one chats all the same", async (
  webkit,
  program,
) => {
  await using proxy = serveWithoutSocket(program.port);
  await using ben = await join(program, "Ben");
  await webkit.goto(url(proxy, "r/den"));
  await webkit.until(ONLINE);
  await webkit.fill("#name", "Ann");
  await webkit.press(KEYS.enter);
  await say(webkit, "by request");
  assertEquals((await hear(ben, "say"))["text"], "by request");
  ben.send({ type: "say", id: "1", text: "by stream" });
  await webkit.until(last("by stream"));
});

const PASSWORD = "open sesame";

testInWebKit("signing out ends the session", async (webkit, program) => {
  await webkit.fill("#password", PASSWORD);
  await webkit.press(KEYS.enter);
  await webkit.until(ONLINE);
  await webkit.click("#menu-button");
  const button =
    `[...document.querySelectorAll("#menu button")].find((button) => button.textContent === "Sign out")`;
  await webkit.until(button);
  await webkit.evaluate(`void ${button}.click()`);
  await webkit.until(`document.getElementById("password")`);
  await webkit.goto(url(program, "r/den"));
  await webkit.until(`document.getElementById("password")`);
}, { CONFAB_PASSWORD: PASSWORD });

/** A proxy before the server that answers upgrades as ordinary requests. */
function serveWithoutSocket(target: number) {
  const ended = new AbortController();
  const { signal } = ended;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const { method } = request;
      const headers = new Headers(request.headers);
      if (headers.has("origin")) headers.set("origin", `http://127.0.0.1:${target}`);
      if (headers.has("upgrade")) return new Response("No upgrades here", { status: 400 });
      const body = method === "POST" ? await request.text() : null;
      const to = `http://127.0.0.1:${target}${pathname}${search}`;
      const response = await fetch(to, { method, headers, body, redirect: "manual", signal });
      const changed = new Headers(response.headers);
      changed.delete("content-encoding");
      changed.delete("content-length");
      return new Response(response.body, { status: response.status, headers: changed });
    },
  );
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => {
      ended.abort(); // its streams last for ever
      return server.finished;
    },
  };
}

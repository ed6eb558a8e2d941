// Every state that a reader can see the page in, one after the other, for what holds in all of them.
import type { BrowserContextOptions, Page } from "playwright-core";
import { message, type Stage } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { RawSocket } from "../support/raw_socket.ts";

/** Headless tabs never hide by themselves: this lets a test say that one has, by `setHidden(true)`. */
export const HIDEABLE = `{
  let isHidden = false;
  Object.defineProperty(document, "hidden", { get: () => isHidden });
  Object.defineProperty(document, "visibilityState", { get: () => isHidden ? "hidden" : "visible" });
  globalThis.setHidden = (now) => {
    isHidden = now;
    document.dispatchEvent(new Event("visibilitychange"));
  };
}`;

/** A tab that runs a script of ours before those of the page. */
export async function preparedTab(
  stage: Stage,
  script: string,
  { path = "", ...options }: BrowserContextOptions & { path?: string } = {},
): Promise<Page> {
  const page = await stage.tab(options, path);
  await page.addInitScript(script);
  await page.reload();
  return page;
}

/** The button of this name among those of a message that one has gone to. */
export async function tool(page: Page, text: string | RegExp, name: string) {
  const item = message(page, text).first();
  await page.mouse.move(0, 0);
  // By way of others, for the row of tools is made when it moves.
  const all = page.locator("#log > article");
  for (const stop of [page.locator("#msg"), all.first(), all.last(), item]) await stop.focus();
  return item.getByRole("button", { name, exact: true });
}

/** Says something by the button, as one does without a keyboard. */
export async function send(page: Page, text: string): Promise<void> {
  await page.fill("#msg", text);
  await page.click("#send");
}

/** Goes through all states, and calls back in each with its name. The server is down at the end. */
export async function walkStates(
  stage: Stage,
  options: BrowserContextOptions,
  visit: (page: Page, state: string) => Promise<void>,
): Promise<void> {
  const page = await preparedTab(stage, HIDEABLE, options);
  await page.locator("#empty").waitFor();
  await visit(page, "empty room");
  await send(page, "hello from me");
  await page.locator("#note:not(:empty)").waitFor();
  await visit(page, "no name yet");
  await page.fill("#name", "Ann");
  await page.press("#name", "Enter");
  await message(page, "hello from me").waitFor();
  await using peers = await fill(stage, page);
  await visit(page, "busy room");
  await visitControls(page, peers, visit);
  await visitTools(page, visit);
  await visitComposer(page, visit);
  await visitTroubles(stage, page, visit);
}

/** A room with everything in it that can be said. */
async function fill(stage: Stage, page: Page): Promise<Peers> {
  const { port } = stage.program;
  const { socket: ben } = await JsonSocket.join(port, { name: "Ben" });
  const { socket: twin } = await JsonSocket.join(port, { name: "Ben", key: "of another Ben, too" });
  // Nobody reads that those joined who have said something.
  const { socket: silent } = await JsonSocket.join(port, { name: "Cat" });
  const raw = await RawSocket.open(port);
  const texts = [
    "> a plain line\nand another",
    "run `deno task ok` or\n```sh\ndeno task check && deno task test -- a-long-line-that-does-not-fit-into-320-px\n```",
    "see https://example.org/a/long/path/that/goes/on/and/on/and/on?with=a&long=query, or mailto:ann@example.org.",
    "@Ann, have a look; ann, please",
    "שמרו לי מקום בבקשה",
    "🎉👍",
    "w".repeat(500),
    "frist",
    "never mind",
  ];
  ben.send(...texts.map((text, n) => ({ type: "say", id: `say ${n}`, text })));
  await message(page, "never mind").waitFor();
  const seq = Number(await message(page, "never mind").getAttribute("data-seq"));
  ben.send(
    { type: "edit", id: "edit", ref: seq - 1, text: "first" },
    { type: "delete", id: "delete", ref: seq },
    { type: "react", id: "react", ref: 1, emoji: "👍" },
    { type: "say", id: "reply", text: "an answer", replyTo: 1 },
  );
  twin.send({ type: "say", id: "twin", text: "from the other Ben" });
  await message(page, "from the other Ben").waitFor();
  await raw.send("from somebody without a name");
  await message(page, "from somebody without").waitFor();
  await page.locator(".comings").waitFor();
  await page.evaluate("setHidden(true)");
  ben.send({ type: "say", id: "unseen", text: "while nobody looked" });
  await page.locator(".new-line").waitFor();
  await page.evaluate("setHidden(false)");
  await page.locator("#m1").getByRole("button", { name: /^👍/ }).click();
  await page.locator('[aria-pressed="true"]').waitFor();
  await page.evaluate("location.hash = '#9999'");
  await page.locator(".notice", { hasText: "9999" }).waitFor();
  return {
    ben,
    async [Symbol.asyncDispose]() {
      raw[Symbol.dispose]();
      await ben[Symbol.asyncDispose]();
      await twin[Symbol.asyncDispose]();
      await silent[Symbol.asyncDispose]();
    },
  };
}

interface Peers extends AsyncDisposable {
  readonly ben: JsonSocket;
}

type RoomRequest = (page: Page, state: string) => Promise<void>;

async function visitControls(page: Page, { ben }: Peers, visit: RoomRequest): Promise<void> {
  await page.click("#menu-button");
  await page.locator("#menu").waitFor();
  await visit(page, "menu open");
  await page.keyboard.press("Escape");
  await page.click("#people-button");
  await visit(page, "people open");
  await page.keyboard.press("Escape");
  ben.send({ type: "typing" });
  await page.locator("#typing:not(:empty)").waitFor();
  await visit(page, "somebody types");
  await page.evaluate(`document.getElementById("log").scrollTop = 0`);
  ben.send({ type: "say", id: "below", text: "further down" });
  await page.locator("#pill", { hasText: "1 new" }).waitFor();
  await visit(page, "scrolled up");
  await page.click("#pill");
  await page.evaluate("location.hash = '#1'");
  await page.locator("#m1.target").waitFor();
  await visit(page, "at a message from a link");
}

async function visitTools(page: Page, visit: RoomRequest): Promise<void> {
  await tool(page, "hello from me", "Edit");
  await visit(page, "tools of an own message");
  await (await tool(page, "hello from me", "Delete")).click();
  await visit(page, "asked whether to delete");
  await tool(page, "further down", "Reply");
  await visit(page, "tools of another's message");
  await (await tool(page, "further down", "React")).click();
  await page.locator(".tools button", { hasText: "🎉" }).waitFor();
  await visit(page, "choice of emoji");
}

async function visitComposer(page: Page, visit: RoomRequest): Promise<void> {
  await (await tool(page, "further down", "Reply")).click();
  await page.locator("#mode").waitFor();
  await visit(page, "answering");
  await page.press("#msg", "Escape");
  await (await tool(page, "hello from me", "Edit")).click();
  await page.locator("#mode").waitFor();
  await visit(page, "editing");
  await page.press("#msg", "Escape");
  await send(page, "x".repeat(16_400));
  await page.locator("#note:not(:empty)").waitFor();
  await visit(page, "over the limit");
  await page.fill("#msg", "");
}

async function visitTroubles(stage: Stage, page: Page, visit: RoomRequest): Promise<void> {
  await page.evaluate(`localStorage.setItem("confab.outbox.lobby.lost", JSON.stringify({
    type: "say", id: "lost", text: "an answer to nothing", replyTo: 9999, at: 1, state: "pending",
  }))`);
  await page.reload();
  await message(page, "an answer to nothing").getByRole("button", { name: "Retry" }).waitFor();
  await visit(page, "refused message");
  await stage.crash();
  await send(page, "to be said later");
  await message(page, "Sending…").waitFor();
  await page.locator("#status:not(:empty)").waitFor();
  await page.locator("#retry").waitFor();
  await visit(page, "without a connection");
}

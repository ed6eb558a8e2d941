// The page where no WebSocket can be had: it chats by requests, and nobody notices.
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import type { Page, Route } from "playwright-core";
import { message, online, say, Stage, testInBrowser, texts } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { preparedTab, tool } from "./states.ts";
import { eventually, settled, until } from "../support/until.ts";

const NO_SOCKET = "delete globalThis.WebSocket";

/** Somebody whose browser has no WebSocket. */
async function withoutSocket(stage: Stage, name = "Ann"): Promise<Page> {
  const page = await preparedTab(stage, NO_SOCKET);
  await join(page, name);
  return page;
}

/** Chooses a name, and waits until it is told. */
async function join(page: Page, name: string): Promise<void> {
  await online(page);
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  await here(page, name);
}

/** Waits until somebody is among those who are here. */
function here(page: Page, name: string): Promise<void> {
  return page.locator("#people-list li", { hasText: name }).waitFor({ state: "attached" });
}

/** Says it, and waits until it is stored. */
async function tell(page: Page, text: string): Promise<void> {
  await say(page, text);
  await message(page, text).last().waitFor();
  await settled(page);
}

function offline(page: Page): Promise<void> {
  return page.locator('html[data-connection="offline"]').waitFor();
}

/** Lets a page that waits to connect again do so now. */
function retry(page: Page): Promise<void> {
  return page.evaluate(`void dispatchEvent(new Event("online"))`);
}

/** Counts the event streams that a page asks for. */
function countStreams(page: Page): { count: number } {
  const streams = { count: 0 };
  page.on("request", (request) => {
    const isStream = request.headers()["accept"] === "text/event-stream";
    if (isStream && request.method() === "GET") streams.count++;
  });
  return streams;
}

testInBrowser("page: who has no WebSocket chats with who has one", async () => {
  await using stage = await Stage.open();
  const ann = await withoutSocket(stage);
  const ben = await stage.member({ name: "Ben" });
  await tell(ann, "from Ann");
  await message(ben, "from Ann").waitFor();
  await tell(ben, "from Ben");
  await message(ann, "from Ben").waitFor();
  await here(ben, "Ann");
  await here(ann, "Ben");
  assertEquals(await ann.locator("#people-button").textContent(), "2 here");

  // It is not told at each key.
  await eventually(async () => {
    await ben.press("#msg", "x");
    return await ann.locator("#typing", { hasText: /Ben \(\w+\) is typing/ }).count() > 0;
  });
  await ben.fill("#msg", "");

  await ann.press("#msg", "ArrowUp");
  await tell(ann, "by Ann");
  await (await tool(ann, "from Ben", "React")).click();
  await ann.locator(".tools button", { hasText: "🎉" }).click();
  await (await tool(ann, "from Ben", "Reply")).click();
  await tell(ann, "an answer");
  await tell(ann, "a mistake");
  const remove = await tool(ann, "a mistake", "Delete");
  await remove.click();
  await ann.getByRole("button", { name: "Really delete?" }).click();
  await tell(ben, "the last");
  for (const page of [ann, ben]) {
    await message(page, "the last").waitFor();
    await message(page, "from Ben").locator(".reactions button", { hasText: "🎉 1" }).waitFor();
    await message(page, "an answer").locator(".quote", { hasText: /Ben \w+: from Ben/ })
      .waitFor();
    const expected = ["by Ann (edited)", "from Ben", "an answer", "Message deleted", "the last"];
    assertEquals(await texts(page), expected);
    assertEquals(await page.locator("#log .mine").count(), page === ann ? 3 : 2);
  }
  assertEquals((await ann.locator("#connection").innerText()).trim(), "");
});

testInBrowser(
  "page: without a WebSocket one changes one's name, but not to one that is refused",
  async () => {
    await using stage = await Stage.open();
    const ben = await stage.member({ name: "Ben" });
    const ann = await withoutSocket(stage);
    await ben.locator(".comings", { hasText: "joined" }).waitFor();
    const rename = async (name: string) => {
      await ann.click("#menu-button");
      await ann.click("#rename");
      await ann.fill("#name", name);
      await ann.press("#name", "Enter");
    };
    await rename("Anna");
    await ben.locator(".comings", { hasText: /Ann \(\w+\) is now Anna \(\w+\)/ }).waitFor();
    await tell(ann, "as Anna");
    await message(ben, "as Anna").locator(".name", { hasText: "Anna" }).waitFor();

    await rename("x".repeat(60));
    await ann.locator("#note", { hasText: "A name must have" }).waitFor();
    assertEquals(await ann.inputValue("#name"), "Anna");
    await online(ann);
    await tell(ann, "still Anna");
    await message(ben, "still Anna").waitFor();
    assertEquals(await ben.locator("#log .name").allTextContents(), ["Anna", "Anna"]);
    // The browser's own words for the refusal.
    for (const complaint of stage.complaints.splice(0)) assertMatch(complaint, /status of 400/);
  },
);

testInBrowser("page: without a WebSocket older messages come on the way up", async () => {
  await using stage = await Stage.open();
  const { socket } = await JsonSocket.join(stage.program.port, { name: "Peer" });
  await using _ = socket;
  const posts = Array.from({ length: 120 }, (_, index) => `post ${index + 1}`);
  for (const text of posts) socket.send({ type: "say", id: text, text });
  for (const _ of posts) await socket.read("ack");
  const ann = await preparedTab(stage, NO_SOCKET, { viewport: { width: 600, height: 400 } });
  await message(ann, "post 120").waitFor();
  while ((await texts(ann))[0] !== "post 1") {
    const { length } = await texts(ann);
    await ann.evaluate(`document.getElementById("log").scrollTop = 0`);
    await until(ann, `document.querySelectorAll("#log > article").length > ${length}`);
  }
  assertEquals(await texts(ann), posts);
});

testInBrowser(
  "page: what is said without a WebSocket while the server is away stands once, in order, for all",
  async () => {
    await using stage = await Stage.open();
    const ann = await withoutSocket(stage);
    const ben = await stage.member({ name: "Ben" });
    await tell(ann, "before");
    await message(ben, "before").waitFor();
    await stage.crash();
    await offline(ann);
    for (const text of ["one", "two", "three"]) await say(ann, text);
    await ann.locator("#status", { hasText: "Reconnecting" }).waitFor();
    await ann.getByRole("button", { name: "Retry now" }).waitFor();
    await stage.restart();
    await retry(ann);
    await message(ben, "three").waitFor();
    await settled(ann);
    await tell(ben, "after");
    await message(ann, "after").waitFor();
    for (const page of [ann, ben]) {
      assertEquals(await texts(page), ["before", "one", "two", "three", "after"]);
    }
    assertEquals((await ann.locator("#connection").innerText()).trim(), "");
  },
);

testInBrowser("page: without a WebSocket, what waits to be sent survives a reload", async () => {
  await using stage = await Stage.open();
  const ann = await withoutSocket(stage);
  const way = Promise.withResolvers<void>();
  const hold = async (route: Route) => {
    if (route.request().method() === "POST") await way.promise;
    await route.continue().catch(() => {}); // the page that asked may be gone
  };
  await ann.route("**/r/lobby?*", hold);
  const expected = ["one", "two"];
  for (const text of expected) await say(ann, text);
  await message(ann, "two").locator(".state", { hasText: "Sending…" }).waitFor();
  await ann.reload();
  await online(ann);
  await message(ann, "two").locator(".state", { hasText: "Sending…" }).waitFor();
  assertEquals(await texts(ann), expected);
  way.resolve();
  await settled(ann);
  const ben = await stage.tab();
  await message(ben, "two").waitFor();
  for (const page of [ann, ben]) assertEquals(await texts(page), expected);
  await ann.unrouteAll({ behavior: "ignoreErrors" });
});

testInBrowser("page: goes on by itself without its WebSocket where that is blocked", async () => {
  await using stage = await Stage.open();
  const ben = await stage.member({ name: "Ben" });
  const ann = await stage.tab();
  let sockets = 0;
  await ann.routeWebSocket(/\/ws$/, (socket) => {
    sockets++;
    socket.close();
  });
  await ann.reload();
  await join(ann, "Ann");
  const tried = sockets;
  assert(tried >= 3, `${tried} were tried`);
  await tell(ann, "from Ann");
  await message(ben, "from Ann").waitFor();
  // For good.
  await stage.crash();
  await offline(ann);
  await stage.restart();
  await retry(ann);
  await tell(ben, "from Ben");
  await message(ann, "from Ben").waitFor();
  assertEquals(await texts(ann), ["from Ann", "from Ben"]);
  assertEquals(sockets, tried);
  assertEquals((await ann.locator("#connection").innerText()).trim(), "");
});

testInBrowser("page: does not wait long for a WebSocket that is swallowed on the way", async () => {
  await using stage = await Stage.open();
  const ann = await stage.tab();
  await ann.clock.install();
  const end = Promise.withResolvers<void>();
  let sockets = 0;
  await ann.routeWebSocket(/\/ws$/, () => {
    sockets++;
    return end.promise;
  });
  const streams = countStreams(ann);
  await ann.reload();
  await ann.locator('html[data-connection="connecting"]').waitFor();
  await ann.clock.runFor(9_500);
  assertEquals(streams.count, 0);
  await ann.clock.runFor(1_000);
  await online(ann);
  assertEquals(streams.count, 1);
  // The next one may be on its way before it is known that this is no use.
  assertLess(sockets, 3);
  end.resolve();
});

testInBrowser(
  "page: whose WebSocket has worked goes on trying that, and nothing else",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.tab();
    let isBlocked = false;
    let sockets = 0;
    await ann.routeWebSocket(/\/ws$/, (socket) => {
      sockets++;
      if (isBlocked) socket.close();
      else socket.connectToServer();
    });
    const streams = countStreams(ann);
    await ann.reload();
    await join(ann, "Ann");
    isBlocked = true;
    await stage.crash();
    await offline(ann);
    await stage.restart();
    while (sockets < 6) {
      const before = sockets;
      await retry(ann);
      await eventually(() => sockets > before);
      await offline(ann);
    }
    isBlocked = false;
    await retry(ann);
    await online(ann);
    assertEquals(streams.count, 0);
  },
);

testInBrowser(
  "page: does not take what is only connecting without a WebSocket for blocked",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.tab();
    await ann.clock.install();
    let sockets = 0;
    await ann.routeWebSocket(/\/ws$/, (socket) => {
      sockets++;
      socket.close();
    });
    const [icons, way] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let asked = 0;
    await ann.route("**/page/icon.svg", async (route) => {
      asked++;
      await icons.promise;
      await route.continue();
    });
    let answered = 0;
    ann.on("requestfinished", (request) => {
      if (request.url().endsWith("/page/icon.svg")) answered++;
    });
    await ann.route("**/r/lobby?*", async (route) => {
      await way.promise;
      await route.continue();
    });
    const streams = countStreams(ann);
    await ann.reload();
    // More fails while it is found out what the first failures mean.
    for (let tried = 1; asked < 2; tried++) {
      await eventually(() => sockets >= tried);
      await offline(ann);
      await retry(ann);
    }
    icons.resolve();
    await eventually(() => streams.count > 0);
    await eventually(() => answered >= asked);
    await ann.clock.runFor(3_000);
    assertEquals(await ann.locator("#status").textContent(), "Connecting");
    way.resolve();
    await online(ann);
  },
);

testInBrowser("page: says so when something lets nothing but the page itself through", async () => {
  await using stage = await Stage.open();
  const ann = await stage.tab();
  await ann.routeWebSocket(/\/ws$/, (socket) => socket.close());
  const end = (route: Route) => route.fulfill({ contentType: "text/event-stream", body: "" });
  await ann.route("**/r/lobby?*", end);
  await ann.reload();
  await ann.locator("#status", { hasText: "blocks" }).waitFor();
  await ann.fill("#name", "Ann");
  await ann.press("#name", "Enter");
  await say(ann, "kept for later");
  await message(ann, "kept for later").locator(".state", { hasText: "Sending…" }).waitFor();
  await ann.unroute("**/r/lobby?*", end);
  await online(ann);
  await settled(ann);
  assertEquals(await texts(ann), ["kept for later"]);
  assertEquals(await ann.locator("#status").textContent(), "");
});

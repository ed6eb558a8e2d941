// What happens to the page when its connection, or the server, goes away and comes back.
// The delays themselves are tested with the session, where chance and time can be chosen.
import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { message, online, say, Stage, testInBrowser, texts } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { startProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

/** Lets a test see the page's sockets, and silence them: they stay open, and nothing comes any more. */
const WATCH_SOCKETS = `
  globalThis.sockets = [];
  globalThis.WebSocket = class extends WebSocket {
    isSilent = false;
    sent = [];
    heard = [];
    constructor(...args) {
      super(...args);
      sockets.push(this);
      this.addEventListener("message", (event) => {
        if (this.isSilent) event.stopImmediatePropagation();
        else this.heard.push(event.data);
      });
    }
    send(data) {
      this.sent.push(data);
      super.send(data);
    }
  };
`;

/** Somebody whose sockets can be seen. */
async function watched(stage: Stage, name = "Ann"): Promise<Page> {
  const page = await stage.member({ name });
  await page.addInitScript(WATCH_SOCKETS);
  await page.reload();
  await online(page);
  return page;
}

/** From here on the page's time stands still, but for what a test lets pass. Neither a timer nor a retry is due. */
async function stopTime(page: Page): Promise<void> {
  await page.clock.install();
  await page.reload();
  await online(page);
  await page.clock.pauseAt(Date.now() + 2_000);
}

function offline(page: Page): Promise<void> {
  return page.locator('html[data-connection="offline"]').waitFor();
}

function drop(page: Page): Promise<void> {
  return page.evaluate("sockets.at(-1).close()");
}

function countSockets(page: Page): Promise<number> {
  return page.evaluate("sockets.length");
}

/** Says `post FROM` to `post TO`, and waits until the last is stored. */
async function post(stage: Stage, from: number, to: number): Promise<string[]> {
  const { socket } = await JsonSocket.join(stage.program.port, { name: "Peer" });
  await using _ = socket;
  const posts = Array.from({ length: to - from + 1 }, (_, index) => `post ${from + index}`);
  for (const text of posts) socket.send({ type: "say", id: text, text });
  for (const _ of posts) await socket.read("ack");
  return posts;
}

/** Waits until the log has so many messages and none of them waits to be sent. */
function settled(page: Page, count: number): Promise<void> {
  return until(
    page,
    `document.querySelectorAll("#log > article").length >= ${count} &&
      !document.querySelector("#log .state:not(:empty)")`,
  );
}

testInBrowser(
  "page: three tabs type while the server is killed and comes back: all see each message once, in one order",
  async () => {
    await using stage = await Stage.open();
    const names = ["Ann", "Ben", "Cat"];
    const pages = await Promise.all(names.map((name) => stage.member({ name })));
    const type = (from: number, to: number) =>
      Promise.all(pages.map(async (page, index) => {
        for (let n = from; n <= to; n++) await say(page, `${names[index]} ${n}`);
      }));
    const before = type(1, 10);
    before.catch(() => {}); // it is awaited below; what fails before that is the failure
    await message(pages[0]!, "Cat 3").waitFor();
    await stage.crash();
    await before;
    await Promise.all(pages.map(offline));
    await type(11, 13);
    const after = type(14, 20);
    after.catch(() => {});
    await stage.restart();
    await after;
    await Promise.all(pages.map((page) => settled(page, 60)));

    const [first = [], ...others] = await Promise.all(pages.map(texts));
    for (const shown of others) assertEquals(shown, first);
    for (const name of names) {
      const expected = Array.from({ length: 20 }, (_, index) => `${name} ${index + 1}`);
      assertEquals(first.filter((text) => text.startsWith(name)), expected);
    }
    assertEquals(first.length, 60);
    // A page that comes now sees what they see.
    const late = await stage.tab();
    await settled(late, 50);
    const shown = await texts(late);
    assertEquals(shown, first.slice(-shown.length));
  },
);

testInBrowser(
  "page: what others post once the server is back appears in order, once",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member();
    const expected = await post(stage, 1, 5);
    await message(ann, "post 5").waitFor();
    for (const last of [45, 60]) {
      await stage.crash();
      await offline(ann);
      await stage.restart();
      expected.push(...await post(stage, expected.length + 1, last));
      await message(ann, `post ${last}`).waitFor();
      assertEquals(await texts(ann), expected);
    }
  },
);

testInBrowser(
  "page: who was away for long gets the newest messages, and reads the others on the way up",
  async () => {
    await using stage = await Stage.open();
    const ann = await watched(stage);
    const expected = await post(stage, 1, 5);
    await message(ann, "post 5").waitFor();
    await stopTime(ann);
    await drop(ann);
    await offline(ann);
    expected.push(...await post(stage, 6, 1000));
    await ann.evaluate(`dispatchEvent(new Event("online"))`);
    await message(ann, "post 1000").waitFor();
    const shown = await texts(ann);
    assertLess(shown.length, 1000);
    assertEquals(shown, expected.slice(-shown.length));
    while ((await texts(ann))[0] !== "post 1") {
      const { length } = await texts(ann);
      await ann.evaluate(`document.getElementById("log").scrollTop = 0`);
      await until(ann, `document.querySelectorAll("#log > article").length > ${length}`);
    }
    assertEquals(await texts(ann), expected);
  },
);

testInBrowser("page: a drop that is healed within 2 s shows nothing", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  // The longest first delay that chance can bring.
  await ann.addInitScript(`${WATCH_SOCKETS} Math.random = () => 0.99;`);
  await ann.reload();
  await online(ann);
  await ann.evaluate(`
    globalThis.shown = [];
    globalThis.states = [];
    const bar = document.getElementById("connection");
    new MutationObserver(() => shown.push(bar.innerText.trim()))
      .observe(bar, { childList: true, characterData: true, attributes: true, subtree: true });
    new MutationObserver(() => states.push(document.documentElement.dataset.connection))
      .observe(document.documentElement, { attributeFilter: ["data-connection"] });
  `);
  await ann.fill("#msg", "typed on");
  for (let n = 1; n <= 2; n++) {
    await drop(ann);
    await offline(ann);
    await ann.press("#msg", "Enter");
    await ann.fill("#msg", `typed on ${n}`);
    await online(ann);
  }
  await message(ann, "typed on 1").waitFor();
  await settled(ann, 2);
  assertEquals(await ann.evaluate("states"), [
    "offline",
    "connecting",
    "online",
    "offline",
    "connecting",
    "online",
  ]);
  assertEquals(
    await ann.evaluate<string[]>("shown").then((all) => all.filter((text) => text !== "")),
    [],
  );
  assertEquals(await ann.inputValue("#msg"), "typed on 2");
});

testInBrowser(
  "page: a longer drop counts down outside of the log; typing goes on, and is sent by itself",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member();
    const ben = await stage.member({ name: "Ben" });
    await say(ann, "before");
    await message(ben, "before").waitFor();
    await stage.crash();
    await ann.locator("#status", { hasText: "Reconnecting" }).waitFor();
    await ann.getByRole("button", { name: "Retry now" }).waitFor();
    assertMatch(
      await ann.locator("#connection").innerText(),
      /^Reconnecting\s+in \d+ s ·\s+Retry now$/,
    );
    assertEquals(await ann.locator("#log #connection, #log #status, #log #retry").count(), 0);
    assertEquals(await texts(ann), ["before"]);

    assertEquals(await ann.evaluate("document.activeElement.id"), "msg");
    await say(ann, "while it was down");
    await say(ann, "and one more");
    for (const text of ["while it was down", "and one more"]) {
      await message(ann, text).locator(".state", { hasText: "Sending…" }).waitFor();
    }
    await ann.fill("#msg", "half a sentence");

    await stage.restart();
    await message(ben, "and one more").waitFor();
    await say(ben, "after");
    await message(ann, "after").waitFor();
    await settled(ann, 4);
    for (const page of [ann, ben]) {
      assertEquals(await texts(page), ["before", "while it was down", "and one more", "after"]);
      assertEquals((await page.locator("#connection").innerText()).trim(), "");
    }
    assertEquals(await ann.inputValue("#msg"), "half a sentence");
    assertEquals(await ann.evaluate("document.activeElement.id"), "msg");
  },
);

testInBrowser(
  "page: a network that is back, becoming visible, and coming back to the page retry at once; so does the button",
  async () => {
    await using stage = await Stage.open();
    const ann = await watched(stage);
    // No timer can connect again: only what is tested can.
    await stopTime(ann);
    const signs = [
      `dispatchEvent(new Event("online"))`,
      `document.dispatchEvent(new Event("visibilitychange"))`,
      `dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`,
    ];
    for (const sign of signs) {
      await drop(ann);
      await offline(ann);
      const count = await countSockets(ann);
      await ann.evaluate(sign);
      await online(ann);
      assertEquals(await countSockets(ann), count + 1, sign);
    }

    await stage.crash();
    await offline(ann);
    // Long enough for the bar, which a first delay is not.
    const retry = ann.locator("#retry");
    for (let passed = 0; passed < 5_000 && !await retry.isVisible(); passed += 500) {
      await ann.clock.runFor(500);
      await offline(ann);
    }
    await retry.waitFor();
    await stage.restart();
    assertEquals(await ann.getAttribute("html", "data-connection"), "offline");
    await retry.click();
    await online(ann);
    await ann.clock.runFor(500);
    assertEquals((await ann.locator("#connection").innerText()).trim(), "");
  },
);

testInBrowser(
  "page: a socket that is open but silent is asked for a sign of life, and replaced where none comes",
  async () => {
    await using stage = await Stage.open();
    const ann = await watched(stage);
    await stopTime(ann);
    const countPings = () =>
      ann.evaluate<number>(`sockets[0].sent.filter((data) => data.includes('"ping"')).length`);
    // What the room says of its people starts the silence anew: it is not known to the millisecond when it is over.
    const pinged = async () => {
      const before = await countPings();
      for (let passed = 0; passed < 60_000; passed += 500) {
        await ann.clock.runFor(500);
        if (await countPings() > before) return assertEquals(await countPings(), before + 1);
      }
      throw new Error("Waited in vain for a ping");
    };

    // A room where nobody speaks is not a dead one.
    await pinged();
    const pings = await countPings();
    await until(
      ann,
      `sockets[0].heard.filter((data) => data.includes('"pong"')).length === ${pings}`,
    );
    await ann.clock.runFor(11_000);
    assertEquals(await countSockets(ann), 1);
    await online(ann);

    await ann.evaluate("sockets[0].isSilent = true");
    await post(stage, 1, 3);
    await pinged();
    assertEquals(await texts(ann), []);
    await say(ann, "said into the void");
    await ann.clock.runFor(9_000);
    assertEquals(await countSockets(ann), 1);
    await online(ann);
    // It is given up within this second, and the next one opened half a second later at most.
    await ann.clock.runFor(1_000);
    await ann.clock.runFor(500);
    await until(ann, "sockets.length === 2");
    await online(ann);
    await settled(ann, 4);
    assertEquals(await countSockets(ann), 2);
    const shown = await texts(ann);
    assertEquals(shown.toSorted(), ["post 1", "post 2", "post 3", "said into the void"]);
    assertEquals(await ann.evaluate("sockets[0].readyState >= WebSocket.CLOSING"), true);
  },
);

testInBrowser("page: what is no longer kept is a line with its count", async () => {
  await using stage = await Stage.open();
  await stage.program[Symbol.asyncDispose]();
  stage.program = await startProgram({ args: ["--addr", "127.0.0.1:0", "--keep", "20"] });
  const ann = await watched(stage);
  await post(stage, 1, 3);
  await message(ann, "post 3").waitFor();
  await stopTime(ann);
  await drop(ann);
  await offline(ann);
  await post(stage, 4, 200);
  await ann.evaluate(`dispatchEvent(new Event("online"))`);
  await message(ann, "post 200").waitFor();
  const shown = await texts(ann);
  const kept = shown.length - 3;
  assert(kept >= 20 && kept < 197, `${kept} are kept`);
  assertEquals(shown.slice(0, 3), ["post 1", "post 2", "post 3"]);
  assertEquals(shown[3], `post ${201 - kept}`);
  const line = ann.locator("#log > article:has-text('post 3') + .notice");
  assertStringIncludes((await line.textContent())!, `${197 - kept} messages`);

  // Who comes for the first time is told at the top.
  const ben = await stage.tab();
  await message(ben, "post 200").waitFor();
  await ben.evaluate(`document.getElementById("log").scrollTop = 0`);
  await ben.locator("#log > .notice:first-child").waitFor();
});

testInBrowser("page: a server that is away is not taken for a blocked WebSocket", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await ann.routeWebSocket(/\/ws$/, (socket) => socket.close());
  await ann.reload({ waitUntil: "commit" });
  await ann.locator("html[data-connection]").waitFor();
  let streams = 0;
  ann.on("request", (request) => {
    if (request.headers()["accept"] === "text/event-stream") streams++;
  });
  await stage.crash();
  await ann.locator("#status", { hasText: "Connecting" }).waitFor();
  await until(
    ann,
    `performance.getEntriesByName(new URL("page/icon.svg", location).href).length > 0`,
  );
  assertEquals(await ann.locator("#status").textContent(), "Connecting");
  assertEquals(streams, 0);
});

testInBrowser("page: scrolled up while offline, it reads on upwards once it is back", async () => {
  await using stage = await Stage.open();
  await post(stage, 1, 120);
  const ann = await stage.member({ viewport: { width: 600, height: 400 } });
  await message(ann, "post 120").waitFor();
  const { length } = await texts(ann);
  await stage.crash();
  await offline(ann);
  await ann.evaluate(`document.getElementById("log").scrollTop = 0`);
  await stage.restart();
  await until(ann, `document.querySelectorAll("#log > article").length > ${length}`);
});

testInBrowser(
  "page: what was acknowledged, but is not among what comes after a long absence, does not stay at the end",
  async () => {
    await using stage = await Stage.open();
    const ann = await watched(stage);
    await say(ann, "first");
    await settled(ann, 1);
    // Of the next one only the acknowledgement gets through.
    await ann.evaluate(`(() => {
      const { onmessage } = sockets.at(-1);
      sockets.at(-1).onmessage = (event) => event.data.split("\\n").forEach((data) =>
        data.includes('"type":"entry"') || onmessage({ data }));
    })()`);
    await say(ann, "acknowledged");
    await until(
      ann,
      `document.querySelectorAll("#log > article").length === 2 &&
      !document.querySelector("#log .state")`,
    );
    await post(stage, 1, 520);
    await drop(ann);
    await message(ann, "post 520").waitFor();
    assertEquals((await texts(ann)).at(-1), "post 520");
    // It is where it was said.
    await say(ann, "last");
    await settled(ann, 501);
    assertEquals((await texts(ann)).slice(-2), ["post 520", "last"]);
  },
);

testInBrowser("page: a room whose journal is a new one is shown as it is", async () => {
  await using stage = await Stage.open();
  const args = ["--addr", "127.0.0.1:0", "--journal", "memory"];
  let program = await startProgram({ args });
  const { port } = program;
  const page = await (await stage.context()).newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  await online(page);
  await page.fill("#name", "Ann");
  await page.press("#name", "Enter");
  await say(page, "soon forgotten");
  await settled(page, 1);
  await page.reload(); // into a room that is not empty
  await message(page, "soon forgotten").waitFor();
  program.kill("SIGKILL");
  await program[Symbol.asyncDispose]();
  program = await startProgram({ args: ["--addr", `127.0.0.1:${port}`, "--journal", "memory"] });
  await using _ = program;
  await page.locator("#empty").waitFor();
  assertEquals(await texts(page), []);
  await say(page, "begun anew");
  await settled(page, 1);
  assertEquals(await texts(page), ["begun anew"]);
});

// What was said, as it is read. A headless tab never hides by itself, so a script says that it has; a laptop that sleeps
// over midnight is a clock that jumps.
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { BrowserContextOptions, Page } from "playwright-core";
import {
  copiesAsLines,
  message,
  online,
  say,
  Stage,
  testInBrowser,
  texts,
} from "../support/browser.ts";
import { JsonSocket, type Line } from "../support/json_socket.ts";
import { HIDEABLE } from "./states.ts";
import { eventually } from "../support/until.ts";

/** Somebody in the lobby without a page. */
class Peer implements AsyncDisposable {
  readonly #socket: JsonSocket;
  #count = 0;

  private constructor(socket: JsonSocket) {
    this.#socket = socket;
  }

  static async join(stage: Stage, name: string): Promise<Peer> {
    return new Peer((await JsonSocket.join(stage.program.port, { name })).socket);
  }

  /** Resolves with the `seq` when it is stored. */
  async say(text: string, fields: object = {}): Promise<number> {
    this.#socket.send({ type: "say", id: `say ${this.#count++}`, text, ...fields });
    return (await this.#socket.read("ack"))!.seq;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket[Symbol.asyncDispose]();
  }
}

/** A tab whose clock is ours, and which is told that messages were said when their texts say: an ISO time comes first. */
async function timedTab(
  stage: Stage,
  now: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const page = await stage.tab(options);
  await page.clock.install({ time: now });
  await page.routeWebSocket(/\/ws$/, (socket) => {
    socket.connectToServer().onMessage((data) => {
      const lines = String(data).split("\n").map((line) =>
        JSON.stringify(backdate(JSON.parse(line)))
      );
      socket.send(lines.join("\n"));
    });
  });
  await page.reload();
  await online(page);
  return page;
}

function backdate(line: Line): object {
  if (line.type === "page") return { ...line, entries: line.entries.map(backdate) };
  const at = Date.parse(line.text?.split(" ")[0] ?? "");
  return Number.isNaN(at) ? line : { ...line, at };
}

/** The texts with a name over them. */
function named(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll("#log > article")]
    .map((item) => [item, item.querySelector(".name"), item.querySelector(".text")])
    .filter(([item, , text]) => text.getBoundingClientRect().top - item.getBoundingClientRect().top > 10)
    .map(([, name, text]) => name.textContent + " " + text.textContent)`);
}

/** What the expression says of each such `element`. */
function each<T>(page: Page, selector: string, expression: string): Promise<T[]> {
  return page.evaluate(
    `[...document.querySelectorAll("${selector}")].map((element) => ${expression})`,
  );
}

testInBrowser(
  "page: consecutive messages of one author within two minutes share a name",
  async () => {
    await using stage = await Stage.open();
    await using ann = await Peer.join(stage, "Ann");
    await using ben = await Peer.join(stage, "Ben");
    const page = await timedTab(stage, "2026-03-04T20:00:00Z");
    await ann.say("2026-03-04T12:00:00Z first");
    await ann.say("2026-03-04T12:01:59Z goes on");
    await ann.say("2026-03-04T12:03:59Z goes on, two minutes later");
    await ann.say("2026-03-04T12:05:59.001Z later");
    await ben.say("2026-03-04T12:06:02Z another");
    await ann.say("2026-03-04T12:06:03Z no more consecutive");
    await message(page, "no more").waitFor();
    const expected = [
      "Ann 2026-03-04T12:00:00Z first",
      "Ann 2026-03-04T12:05:59.001Z later",
      "Ben 2026-03-04T12:06:02Z another",
      "Ann 2026-03-04T12:06:03Z no more consecutive",
    ];
    assertEquals(await named(page), expected);
    // The same from history.
    await page.reload();
    await message(page, "no more").waitFor();
    assertEquals(await named(page), expected);
  },
);

testInBrowser("page: what one says in a row shares the name, while it waits as well", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  for (const text of ["one", "two", "three"]) await say(ann, text);
  await eventually(async () => await ann.locator("#log .state").count() === 0);
  assertEquals([await texts(ann), await named(ann)], [["one", "two", "three"], ["Ann one"]]);
  await stage.crash();
  for (const text of ["four", "five"]) await say(ann, text);
  await message(ann, "five").waitFor();
  assertEquals(await named(ann), ["Ann one"]);
});

const clockOfLast = (page: Page) => page.locator("#log time").last().innerText();
const days = (page: Page) => page.locator("#log > .day").allTextContents();

testInBrowser(
  "page: days are parted as today, yesterday or a date, in the reader's locale",
  async () => {
    await using stage = await Stage.open();
    await using ann = await Peer.join(stage, "Ann");
    const times = [
      "2024-12-31T11:00:00.000Z",
      "2026-01-05T11:00:00.000Z",
      "2026-03-02T22:59:00.000Z", // 23:59 of the day before yesterday in Berlin
      "2026-03-02T23:01:00.000Z", // 0:01 of yesterday
      "2026-03-04T13:05:00.000Z",
    ];
    for (const time of times) await ann.say(`${time} said`);
    const german = { locale: "de-DE", timezoneId: "Europe/Berlin" };
    const page = await timedTab(stage, "2026-03-04T20:00:00Z", german);
    await message(page, times.at(-1)!).waitFor();
    assertEquals(await days(page), [
      "Dienstag, 31. Dezember 2024",
      "Montag, 5. Januar",
      "Montag, 2. März",
      "Yesterday",
      "Today",
    ]);
    // Each above the first message of its day.
    assertEquals(await page.locator("#log > .day + article .text").count(), times.length);
    assertEquals(await each(page, "#log time", "element.dateTime"), times);
    assertEquals(await clockOfLast(page), "14:05");

    const american = { locale: "en-US", timezoneId: "America/New_York" };
    const other = await timedTab(stage, "2026-03-04T20:00:00Z", american);
    await message(other, times.at(-1)!).waitFor();
    assertEquals(await days(other), [
      "Tuesday, December 31, 2024",
      "Monday, January 5",
      "Monday, March 2",
      "Today",
    ]);
    assertMatch(await clockOfLast(other), /^8:05\sAM$/);
  },
);

testInBrowser("page: a day has one name, also above what could not be sent", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  // It answers what is not there, so it fails, and stays at the end with nothing before it.
  await ann.evaluate(`localStorage.setItem("confab.outbox.lobby.lost", JSON.stringify({
    type: "say", id: "lost", text: "refused", replyTo: 9999, at: Date.now(), state: "pending",
  }))`);
  await ann.reload();
  await ann.locator(".state", { hasText: "Failed" }).waitFor();
  await ann.locator("#people-button", { hasText: "1 here" }).waitFor();
  await using ben = await Peer.join(stage, "Ben");
  await ann.locator(".comings", { hasText: /Ben \(\w+\) joined/ }).waitFor();
  await ben.say("hi");
  await message(ann, "hi").waitFor();
  assertEquals(await days(ann), ["Today"]);
});

testInBrowser("page: at midnight today becomes yesterday, also over a sleep", async () => {
  await using stage = await Stage.open();
  await using ann = await Peer.join(stage, "Ann");
  await ann.say("2026-03-03T12:00:00Z on Tuesday");
  await ann.say("2026-03-04T12:00:00Z on Wednesday");
  const options = { locale: "en-GB", timezoneId: "UTC" };
  const page = await timedTab(stage, "2026-03-04T23:59:50Z", options);
  await message(page, "Wednesday").waitFor();
  assertEquals(await days(page), ["Yesterday", "Today"]);
  await page.clock.fastForward(20_000);
  await eventually(async () => (await days(page)).at(-1) === "Yesterday");
  assertEquals(await days(page), ["Tuesday 3 March", "Yesterday"]);
  await ann.say("2026-03-05T00:00:11Z on Thursday");
  await message(page, "Thursday").waitFor();
  assertEquals(await days(page), ["Tuesday 3 March", "Yesterday", "Today"]);

  // Timers stand still while a laptop sleeps; its clock does not.
  await page.clock.setSystemTime("2026-03-06T08:00:00Z");
  await ann.say("2026-03-06T08:00:00Z on Friday");
  await message(page, "Friday").waitFor();
  assertEquals(await days(page), ["Tuesday 3 March", "Wednesday 4 March", "Yesterday", "Today"]);
});

/** What the log holds from top to bottom: texts, and lines in brackets. Days are left out. */
function outline(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll("#log > :not(.day)")].map((item) =>
    item.querySelector(".text")?.textContent ?? "[" + item.textContent + "]")`);
}

testInBrowser("page: one line marks what came while the tab was hidden", async () => {
  await using stage = await Stage.open();
  await using ben = await Peer.join(stage, "Ben");
  const ann = await stage.tab();
  await ann.addInitScript(HIDEABLE);
  await ann.reload();
  await online(ann);
  const hear = async (...said: string[]) => {
    for (const text of said) await ben.say(text);
    await message(ann, said.at(-1)!).waitFor();
  };
  await hear("seen");
  await ann.evaluate("setHidden(true)");
  assertEquals(await outline(ann), ["seen"]);
  await hear("one", "two");
  await ann.evaluate("setHidden(false)");
  await hear("three");
  assertEquals(await outline(ann), ["seen", "[New messages]", "one", "two", "three"]);

  // The next absence has the line where it begins.
  await ann.evaluate("setHidden(true)");
  await hear("four");
  await ann.evaluate("setHidden(false)");
  const expected = ["seen", "one", "two", "three", "[New messages]", "four"];
  assertEquals(await outline(ann), expected);

  // One in which nothing came leaves none where one was there to read.
  await ann.evaluate("setHidden(true)");
  await ann.evaluate("setHidden(false)");
  await hear("five");
  assertEquals(await outline(ann), [...expected, "five"]);
});

testInBrowser("page: joins and leaves fold into one muted line", async () => {
  await using stage = await Stage.open();
  const ann = await stage.tab();
  await ann.clock.install();
  await ann.reload();
  // Who is here by then is no news.
  await ann.locator("#people-button", { hasText: "1 here" }).waitFor();
  await ann.clock.runFor(500);
  const line = ann.locator("#log > .comings");
  /** Comings are told when they have settled. */
  const told = (text: string | RegExp) =>
    eventually(async () => {
      await ann.clock.runFor(500);
      return await line.filter({ hasText: text }).count() === 1;
    });
  {
    await using _ben = await Peer.join(stage, "Ben");
    await using _cat = await Peer.join(stage, "Cat");
    await told(/^(Ben \(\w+\), Cat \(\w+\)|Cat \(\w+\), Ben \(\w+\)) joined$/);
    await using _dan = await Peer.join(stage, "Dan");
    await told(/Dan \(\w+\) joined$/);
    assertEquals(await line.count(), 1);
  }
  await using eve = await Peer.join(stage, "Eve");
  await told(/^Eve \(\w+\) joined$/);
  // Quieter than what is said, and nobody's.
  const colour = (selector: string) =>
    ann.evaluate<string>(`getComputedStyle(document.querySelector("${selector}")).color`);
  assertEquals(await colour(".comings"), await colour("#foot"));
  await eve.say("hello");
  await message(ann, "hello").waitFor();
  assert(await colour(".comings") !== await colour("#log .text"));
  // What comes after something was said has a line of its own.
  await using _fay = await Peer.join(stage, "Fay");
  await told(/Fay \(\w+\) joined/);
  assertEquals((await outline(ann)).map((line) => line.replace(/ \(\w+\)/, "")), [
    "[Eve joined]",
    "hello",
    "[Fay joined]",
  ]);
});

/** Texts with the links in them: what they show and where they lead. */
const LINKS: [text: string, ...links: [text: string, href: string][]][] = [
  ["see https://example.org.", ["https://example.org", "https://example.org/"]],
  ["http://a.test/x?y=1&z=2#f, or", ["http://a.test/x?y=1&z=2#f", "http://a.test/x?y=1&z=2#f"]],
  ["(https://a.test/b)", ["https://a.test/b", "https://a.test/b"]],
  ["(https://a.test/b_(c))", ["https://a.test/b_(c)", "https://a.test/b_(c)"]],
  ["Really: https://a.test/b!?…", ["https://a.test/b", "https://a.test/b"]],
  [`"https://a.test/b", he said`, ["https://a.test/b", "https://a.test/b"]],
  ["<https://a.test/b>", ["https://a.test/b", "https://a.test/b"]],
  ["mailto:ann@example.org;", ["mailto:ann@example.org", "mailto:ann@example.org"]],
  ["HTTPS://A.TEST/B", ["HTTPS://A.TEST/B", "https://a.test/B"]],
  ["https://a.test https://b.test", ["https://a.test", "https://a.test/"], [
    "https://b.test",
    "https://b.test/",
  ]],
  ["`https://a.test` is code"],
  ["```\nhttps://a.test\n```"],
  ["javascript:alert(1) data:text/html,x ftp://a.test file:///etc/passwd www.a.test"],
  ["https:// http://"],
];

testInBrowser(
  "page: http(s) and mailto become links, without the punctuation behind them",
  async () => {
    await using stage = await Stage.open();
    const page = await stage.tab();
    await using ann = await Peer.join(stage, "Ann");
    for (const [text] of LINKS) await ann.say(text);
    await message(page, "https:// http://").waitFor();
    const found = await page.evaluate(`[...document.querySelectorAll("#log .text")].map((text) =>
    [...text.querySelectorAll("a")].map((link) => [link.textContent, link.href]))`);
    assertEquals(found, LINKS.map(([, ...links]) => links));
    const rels = await each(page, "#log .text a", "element.rel");
    assertEquals([...new Set(rels)], ["noopener noreferrer nofollow"]);
    // Nothing of the text is lost around them.
    const plain = LINKS.filter(([text]) => !text.includes("`")).map(([text]) => text);
    const shown = await texts(page);
    const unmarked = plain.map((text) => text.replace(/^<(.*)>$/, "$1"));
    assertEquals(unmarked.filter((text) => !shown.includes(text)), []);
  },
);

testInBrowser("page: code and fenced code keep their white space", async () => {
  await using stage = await Stage.open();
  const page = await stage.tab();
  await using ann = await Peer.join(stage, "Ann");
  const fenced = "if x:\n    y()\n\n\tz()   # end";
  await ann.say("run `a    b` or");
  await ann.say(`like so:\n\`\`\`py\n${fenced}\n\`\`\`\nor not`);
  await message(page, "or not").waitFor();
  // As it is drawn, not only as it is in the document.
  assertEquals(await page.locator("#log code").first().innerText(), "a    b");
  assertEquals((await page.locator("#log pre").innerText()).trimEnd(), fenced);
  const width = async (selector: string) => (await page.locator(selector).boundingBox())!.width;
  await ann.say("`ab`");
  await message(page, /ab$/).waitFor();
  assertGreater(
    await width("article:nth-of-type(1) code"),
    await width("article:nth-of-type(3) code") * 2,
  );
  const [font] = await each<string>(page, "#log pre code", "getComputedStyle(element).fontFamily");
  assertStringIncludes(font!, "monospace");
});

testInBrowser("page: nothing that is said widens the page", async () => {
  await using stage = await Stage.open();
  const path = `r/${"r".repeat(64)}`;
  const { socket } = await JsonSocket.join(stage.program.port, {
    path: `/${path}/ws`,
    name: "W".repeat(32),
  });
  await using ann = socket;
  const word = "w".repeat(500);
  const said = [
    word,
    `https://example.org/${word}`,
    `\`${word}\``,
    `\`\`\`\n${word}\n\`\`\``,
    "👍".repeat(12),
    `@${word} ${"\u00a0x".repeat(500)}`,
  ];
  said.forEach((text, id) => ann.send({ type: "say", id: `${id}`, text }));
  for (const _ of said) await ann.read("ack"); // before that there is nothing to answer
  ann.send({ type: "say", id: "reply", text: "answer", replyTo: 1 });
  for (const width of [320, 1280]) {
    const page = await stage.member({ path, viewport: { width, height: 500 } });
    await message(page, "answer").waitFor();
    await page.fill("#msg", word);
    for (const selector of ["html", "body", "#log", "#log > article", "form", "header"]) {
      const overflow = "element.scrollWidth - element.clientWidth";
      const tooWide = (await each<number>(page, selector, overflow)).filter((by) => by > 0);
      assertEquals([width, selector, ...tooWide], [width, selector]);
    }
  }
});

testInBrowser(
  "page: each message has the direction of its own text, and names do not mix in",
  async () => {
    await using stage = await Stage.open();
    const page = await stage.tab();
    await using ann = await Peer.join(stage, "Ann");
    await using noa = await Peer.join(stage, "נועה");
    const first = await noa.say("שמרו לי מקום, please");
    await ann.say("left to right");
    await ann.say("an answer", { replyTo: first });
    await message(page, "an answer").waitFor();
    const direction = "[element.dir, getComputedStyle(element).direction]";
    const directions = await each(page, "#log .text", direction);
    assertEquals(directions, [["auto", "rtl"], ["auto", "ltr"], ["auto", "ltr"]]);
    assertEquals(await each(page, "#log .name", "element.tagName"), ["BDI", "BDI", "BDI"]);
    assertEquals(await page.locator("#log .quote bdi").allTextContents(), [
      "נועה",
      "שמרו לי מקום, please",
    ]);
    await page.click("#people-button");
    await page.locator("#people-list bdi", { hasText: "נועה" }).waitFor();
  },
);

testInBrowser("page: a message of emoji alone is larger", async () => {
  await using stage = await Stage.open();
  const page = await stage.tab();
  await using ann = await Peer.join(stage, "Ann");
  const large = ["🎉", "👍🏽 ❤️", "👨‍👩‍👧", "🇩🇪", "1️⃣"];
  const small = ["hi 🎉", "123", "#", "🎉.", ":)", "é"];
  for (const text of [...large, ...small]) await ann.say(text);
  await eventually(async () => (await texts(page)).length === large.length + small.length);
  const sizes = await each<number>(
    page,
    "#log .text",
    "parseFloat(getComputedStyle(element).fontSize)",
  );
  const isLarge = sizes.map((size) => size > sizes.at(-1)! * 1.5);
  assertEquals(isLarge, [...large.map(() => true), ...small.map(() => false)]);
});

testInBrowser("page: several messages are copied as lines of name and text", async () => {
  await using stage = await Stage.open();
  const page = await stage.tab({ permissions: ["clipboard-read", "clipboard-write"] });
  await using ann = await Peer.join(stage, "Ann");
  await using ben = await Peer.join(stage, "Ben");
  await ann.say("not this one");
  await ann.say("first, and `some code`");
  await ann.say("second, in\ntwo lines");
  await ben.say("third");
  await message(page, "third").waitFor();
  const copy = async () => {
    await page.keyboard.press("Control+c");
    const text = await page.evaluate<string>("navigator.clipboard.readText()");
    return text.replaceAll(/ \(\w{6}\):/g, ":");
  };
  /** Selects as a mouse does, from left of one text to the end of another. */
  const drag = async (from: string, to: string) => {
    const [start, end] = [message(page, from).locator(".text"), message(page, to).locator(".text")];
    await page.click("h1"); // what is selected would be dragged itself
    const [a, b] = [(await start.boundingBox())!, (await end.boundingBox())!];
    await page.mouse.move(a.x + 1, a.y + 5);
    await page.mouse.down();
    await page.mouse.move(b.x + b.width - 5, b.y + b.height - 5, { steps: 5 });
    await page.mouse.up();
  };
  await drag("first", "third");
  await copiesAsLines(page);
  assertEquals(await copy(), "Ann: first, and some code\nAnn: second, in\n  two lines\nBen: third");
  // Of the first and the last no more than what is selected.
  await page.evaluate(`getSelection().setBaseAndExtent(
    ...[["first", 7], ["third", 3]].flatMap(([text, at]) =>
      [[...document.querySelectorAll("#log .text")]
        .find(({ textContent }) => textContent.startsWith(text)).firstChild, at]))`);
  assertEquals(await copy(), "Ann: and some code\nAnn: second, in\n  two lines\nBen: thi");
  // One message is copied as it is, also by three clicks, which select up to the next.
  await drag("third", "third");
  assertEquals(await copy(), "third");
  await message(page, "not this").locator(".text").click({ clickCount: 3 });
  assertEquals((await copy()).trim(), "not this one");
  // Everything, by keyboard.
  await page.focus("#log");
  await page.keyboard.press("Control+a");
  assertEquals(
    await copy(),
    "Ann: not this one\nAnn: first, and some code\nAnn: second, in\n  two lines\nBen: third",
  );
});

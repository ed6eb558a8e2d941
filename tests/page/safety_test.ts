// Whatever people call themselves, say or put into an address is shown as text: nothing of it runs, loads or leaves its
// place. And the policy that would stop it has nothing to stop, in hostile use as in everyday use.
import { ASSETS } from "../../page/assets.ts";
import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { message, online, say, Stage, testInBrowser, texts } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { until } from "../support/until.ts";

/** A room has other representations, for those who do not ask as browsers do. */
const AS_PAGE: RequestInit = { headers: { accept: "text/html" } };

/** Texts without a backtick, which would make code of them. `owned` tells when it is called. */
const TEXTS: readonly string[] = [
  // HTML
  `<script>owned()</script>`,
  `<SCRIPT SRC=data:text/javascript,owned()></SCRIPT>`,
  `<img src=x onerror=owned()>`,
  `<svg/onload=owned()>`,
  `<svg><animate onbegin=owned() attributeName=x dur=1s>`,
  `<iframe srcdoc="<script>parent.owned()</script>"></iframe>`,
  `<iframe src="javascript:parent.owned()"></iframe>`,
  `<object data="javascript:owned()"></object><embed src="javascript:owned()">`,
  `<details open ontoggle=owned()>x</details>`,
  `<math><mtext><table><mglyph><style><img src=x onerror=owned()>`,
  `<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=javascript:owned()">`,
  `<form id=form action=javascript:owned()><input id=msg name=attributes><button id=send>`,
  `<a id=log name=log href=javascript:owned()>log</a>`,
  `<link rel=stylesheet href=data:text/css,*{display:none}><style>*{display:none}</style>`,
  `<template><script>owned()</script></template><noscript><p title="</noscript><img src=x onerror=owned()>">`,
  `</title></textarea></style></script><script>owned()</script>`,
  `<!--<img src="--><img src=x onerror=owned()>">`,
  `]]><![CDATA[<script>owned()</script>]]>`,
  `&lt;img src=x onerror=owned()&gt; &#60;script&#62; &amp;amp; &nbsp;`,
  // Out of an attribute
  `" onmouseover="owned()" x="`,
  `' autofocus onfocus='owned()' x='`,
  `"><img src=x onerror=owned()>`,
  `http://x.example/"onmouseover="owned()"`,
  `https://x.example/'><img/src=x/onerror=owned()>`,
  `x; background: url(javascript:owned()); --hue: 1`,
  // Links
  `javascript:owned()`,
  `JaVaScRiPt:owned()//http://x.example/`,
  `java\tscript:owned() java\nscript:owned()`,
  `\u0001javascript:owned()`,
  `data:text/html,<script>owned()</script>`,
  `data:text/html;base64,PHNjcmlwdD5vd25lZCgpPC9zY3JpcHQ+`,
  `vbscript:owned() livescript:owned() blob:owned() file:///etc/passwd`,
  `[click](javascript:owned()) ![x](data:image/svg+xml,owned()) <javascript:owned()>`,
  `http://javascript:owned()@x.example:80/ https://user:pass@x.example`,
  `http:// http://. http://[ https://%zz http://[::1 http://a..b mailto: mailto:a@b?subject=<b>`,
  `view-source:http://x.example/ feed:javascript:owned() ws://x.example ftp://x.example`,
  `https://x.example/\u202egpj.exe https://x\u200b.example/ http://xn--80ak6aa92e.example`,
  // Characters that change what stands around them, or cannot be seen
  `\u202e\u202d\u2066\u2067\u2068abc\u2069\u202c`,
  `left \u200f right \u061c \u200e`,
  `zero\u200bwidth\u200c\u200d\ufeff\u2060\u00ad`,
  `nul \0 and \x07 \x1b[31m \x7f \x9b`,
  `\ud800 lone \udc00 halves \udfff\ud83d`,
  `a${"\u0301".repeat(2_000)} z\u0336\u0489`,
  `\u2028 lines \u2029 of \u0085 other \v kinds \f`,
  `${"\n".repeat(500)}far down`,
  `ﷺ 𒐫 ꧅ ‱ 𝕳𝖊𝖑𝖑𝖔 \u{10ffff} \ufffe`,
  // What code could take for its own
  `__proto__`,
  `constructor`,
  `toString valueOf hasOwnProperty`,
  `@__proto__ @constructor @toString @ann @`,
  `{{constructor.constructor("owned()")()}} \${owned()} <%= owned() %> #{owned()}`,
  `{"type":"entry","seq":1,"text":"owned"}\n{"type":"bye"}`,
  `#log > article, #log{display:none} *:not(x)`,
  `"] , #log [id="m1"`,
  `'; DROP TABLE entries; -- %s %n %d \\u003cscript\\u003e`,
  `$& $1 $\` \\0 \\`.replace("`", "'"),
  `../../etc/passwd %2e%2e%2f %00 %3Cscript%3E`,
  // Too much of a thing
  "👍".repeat(4_096),
  "👨‍👩‍👧‍👦".repeat(600),
  "w".repeat(16_384),
  "\u202e" + "é".repeat(8_000),
  "🏴󠁧󠁢󠁥󠁮󠁧󠁿".repeat(500) + "!",
  "👍 ".repeat(3_000) + "x",
  "http://".repeat(2_340),
  "http://x.example/" + "(".repeat(16_300),
  "http://x.example/" + ")".repeat(16_300),
  "http://x.example/" + ".,!?".repeat(4_000),
  "http://x.example/" + "%".repeat(16_000),
  "https://" + "a.".repeat(8_000),
  "mailto:" + "@".repeat(16_000),
  "@".repeat(16_384),
  "@ann".repeat(4_096),
  "a@".repeat(8_192),
  "x" + " ".repeat(16_000) + "x",
  "\t\n ".repeat(5_000) + "x",
  "#*1".repeat(5_000),
];

/** Texts with code in them, and what is left of them. */
const CODE: readonly (readonly [string, string])[] = [
  ["`<img src=x onerror=owned()>`", "<img src=x onerror=owned()>"],
  ["```html\n<script>owned()</script>\n```", "<script>owned()</script>"],
  ['```\njavascript:owned()\n```"onload="owned()', 'javascript:owned()\n"onload="owned()'],
  ['```"onload=owned()\n<b>\n```', '"onload=owned()\n<b>'],
  ["`".repeat(16_384), "`".repeat(16_384)],
  ["`a".repeat(8_191), "a".repeat(8_190) + "a"],
  ["```\n".repeat(4_001) + "x", ""],
  ["```a\n".repeat(3_000), ""],
  ["```\n" + "`\n".repeat(8_000), ""],
];

/** Names that the server takes: up to 32 characters that can be seen. */
const NAMES: readonly string[] = [
  "<script>owned()</script>",
  "<img src=x onerror=owned()>",
  `"><svg/onload=owned()>`,
  `' onfocus='owned()' x='`,
  "</b><i>&lt;&amp;",
  "javascript:owned()",
  "https://evil.example/x",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "then",
  "undefined",
  "null",
  "(a+)+$",
  "[^]*(?<x>.)\\k<x>|",
  "a|b|",
  "$&$1$'",
  "`code`",
  "#log > article",
  '"] , #log',
  "{{7*7}}${owned()}",
  "שלום",
  "مرحبا: hi",
  `a${"\u0323".repeat(30)}`,
  "👩‍❤️‍💋‍👨".replaceAll("\u200d", ""),
  "😀".repeat(32),
  "Ann: said this",
  "@Ann @@",
  "New messages",
];

/** Up to 40 units without white space, and no emoji: refused. */
const NO_EMOJI: readonly string[] = [
  "<img/src=x/onerror=owned()>",
  `"onclick="owned()"`,
  "__proto__",
  "constructor",
  "toString",
  "javascript:owned()",
  "\u202eabc",
  "a\u0301\u0301\u0301",
];

/** Notes what runs and what the policy stops. */
const WATCH = `
  globalThis.seen = [];
  globalThis.owned = () => seen.push("ran");
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
    seen.push([violatedDirective, blockedURI, sample].join(" "));
  }, true);
  globalThis.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  }).observe({ type: "longtask" });
`;

/** Longest that one text may keep the page busy, in milliseconds. An expression that backtracks takes minutes. */
const MAX_BUSY_MS = 5_000;

/** A tab that notes what it should never see. */
async function watched(stage: Stage, name: string, path = ""): Promise<Page> {
  const page = await stage.member({ name, path });
  page.on("dialog", async (dialog) => {
    stage.complaints.push(`a dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("popup", (popup) => stage.complaints.push(`opened ${popup.url()}`));
  page.on("framenavigated", (frame) => {
    if (!frame.url().startsWith(stage.url)) stage.complaints.push(`went to ${frame.url()}`);
  });
  await page.addInitScript(WATCH);
  await page.reload();
  await online(page);
  return page;
}

/** What the server makes of a text: NUL and halves of pairs are replaced. */
function clean(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

/** Nothing has run, and the document is made of what the page makes, with links to http, https and mailto only. */
async function assertHarmless(page: Page): Promise<void> {
  assertEquals(await page.evaluate("seen"), []);
  assertEquals(
    await page.evaluate(`(() => {
      const KNOWN = new Set(("HTML HEAD BODY META TITLE LINK SCRIPT HEADER H1 BUTTON SECTION UL LI P LABEL INPUT SELECT " +
        "OPTION DIV SPAN MAIN ARTICLE FORM TEXTAREA NOSCRIPT A B BDI CODE PRE TIME").split(" "));
      const wrong = [];
      for (const element of document.querySelectorAll("*")) {
        if (!KNOWN.has(element.tagName)) wrong.push(element.tagName);
        for (const { name } of element.attributes) if (name.startsWith("on")) wrong.push(name);
      }
      for (const { protocol, href, rel } of document.querySelectorAll("#log a:not(.quote)")) {
        if (!/^(https?|mailto):$/.test(protocol)) wrong.push(href);
        if (rel !== "noopener noreferrer nofollow") wrong.push(rel);
      }
      for (const tag of ["script", "link", "form", "textarea", "header"]) {
        const count = document.querySelectorAll(tag).length;
        if (count !== ({ script: 2, link: ${LINKS} })[tag] && count !== 1) wrong.push(count + " " + tag);
      }
      for (const inside of document.querySelectorAll("#log .text *")) {
        if (!/^(A|B|CODE|PRE|STRONG|EM|S|BLOCKQUOTE|UL|OL|LI|SPAN)$/.test(inside.tagName) && inside.className !== "edited") wrong.push(inside.outerHTML);
      }
      return wrong;
    })()`),
    [],
  );
}

/** Elements of that name in the document as it is served. */
const LINKS = await countLinks();

async function countLinks(): Promise<number> {
  const identity = (await ASSETS.get("/")!.represent()).at(-1)!;
  return new TextDecoder().decode(identity.body).match(/<link\b/g)!.length;
}

/** Waits until there are so many messages. */
function count(page: Page, messages: number): Promise<void> {
  return until(page, `document.querySelectorAll("#log > article").length === ${messages}`);
}

testInBrowser(
  "page: hostile texts show as text: said, edited, answered, reacted with, and read again",
  async () => {
    await using stage = await Stage.open();
    const ann = await watched(stage, "Ann");
    const { socket: mallory } = await JsonSocket.join(stage.program.port, { name: NAMES[2]! });
    await using _ = mallory;
    const acks = async (lines: object[]) => {
      for (const line of lines) mallory.send(line);
      for (const _ of lines) {
        const answer = await mallory.read("ack", "error");
        assertEquals([answer?.type, answer?.message], ["ack", undefined]);
      }
    };
    // An id is chosen by whoever says it, and is no safer than the text.
    const idOf = (text: string, index: number) => clean(`${index} ${text}`.slice(0, 40));

    await acks(TEXTS.map((text, n) => ({ type: "say", id: idOf(text, n), text })));
    await count(ann, TEXTS.length);
    assertEquals(await texts(ann), TEXTS.map(clean));
    await assertHarmless(ann);

    await acks(TEXTS.map((text, n) => ({
      type: "edit",
      id: idOf(text, 1000 + n),
      ref: n + 1,
      text: TEXTS.at(n - 1),
    })));
    const edited = TEXTS.map((_, n) => `${clean(TEXTS.at(n - 1)!)} (edited)`);
    await until(ann, `document.querySelectorAll("#log .edited").length === ${TEXTS.length}`);
    assertEquals(await texts(ann), edited);

    for (const [n, emoji] of NO_EMOJI.entries()) {
      mallory.send({ type: "react", id: `no emoji ${n}`, ref: 1, emoji });
      assertEquals((await mallory.read("ack", "error"))?.code, "bad_field");
    }
    await acks([{ type: "react", id: "react", ref: 1, emoji: "👩‍💻" }]);
    const buttons = ann.locator("#m1 .reactions button");
    await until(ann, `document.querySelectorAll("#m1 .reactions button").length === 1`);
    assertEquals(await buttons.allTextContents(), ["👩‍💻 1"]);
    await buttons.first().click();
    await until(ann, `document.querySelector("#m1 .reactions button").textContent.endsWith(" 2")`);

    await acks(TEXTS.map((_, n) => ({
      type: "say",
      id: `reply ${n}`,
      text: `answer ${n}`,
      replyTo: n + 1,
    })));
    await count(ann, TEXTS.length * 2);
    assertEquals(
      await ann.locator("#log .quote bdi:last-child").allTextContents(),
      TEXTS.map((_, n) => clean(TEXTS.at(n - 1)!).slice(0, 200).toWellFormed()),
    );
    await assertHarmless(ann);

    // History draws them on another way.
    await ann.reload();
    await online(ann);
    await until(ann, `document.querySelectorAll("#log > article").length >= 50`);
    for (let shown = 50; shown < TEXTS.length * 2; shown = (await texts(ann)).length) {
      await ann.evaluate(`document.getElementById("log").scrollTop = 0`);
      await until(ann, `document.querySelectorAll("#log > article").length > ${shown}`);
    }
    await count(ann, TEXTS.length * 2);
    assertEquals((await texts(ann)).slice(0, TEXTS.length), edited);
    await assertHarmless(ann);
    assertLess(await ann.evaluate<number>("longest"), MAX_BUSY_MS);
  },
);

testInBrowser("page: hostile code shows as text", async () => {
  await using stage = await Stage.open();
  const ann = await watched(stage, "Ann");
  const { socket: mallory } = await JsonSocket.join(stage.program.port, { name: "Mallory" });
  await using _ = mallory;
  for (const [n, [text]] of CODE.entries()) mallory.send({ type: "say", id: `${n}`, text });
  await count(ann, CODE.length);
  for (const [n, shown] of (await texts(ann)).entries()) {
    const [text, expected] = CODE[n]!;
    if (text.length < 100) assertEquals(shown, expected);
    // Where fences follow each other closely it is a matter of taste which is which; nothing else may go or come.
    else assertEquals(shown.replace(/[`\na]/g, ""), text.replace(/[`\na]/g, ""));
  }
  await assertHarmless(ann);
  assertLess(await ann.evaluate<number>("longest"), MAX_BUSY_MS);
});

testInBrowser(
  "page: what one writes oneself is text as well: the draft, what waits, what is sent and exported",
  async () => {
    await using stage = await Stage.open();
    const ann = await watched(stage, NAMES[1]!);
    const draft = TEXTS.join(" ");
    const write = (text: string) =>
      ann.evaluate(`(() => {
      const msg = document.getElementById("msg");
      msg.value = ${JSON.stringify(text)};
      msg.dispatchEvent(new Event("input", { bubbles: true }));
    })()`);
    await write(draft);
    await ann.reload();
    await online(ann);
    // A lone half cannot leave the browser; it is compared inside.
    assert(await ann.evaluate(`document.getElementById("msg").value === ${JSON.stringify(draft)}`));

    for (const text of TEXTS) {
      await write(text);
      await ann.evaluate(`document.getElementById("form").requestSubmit()`);
    }
    await count(ann, TEXTS.length);
    // An acknowledged message is drawn from what the server made of it once its entry has come.
    await until(ann, `!document.querySelector("#log > article:not([data-seq])")`);
    assertEquals(await texts(ann), TEXTS.map(clean));
    await assertHarmless(ann);

    const save = async (id: string) => {
      await ann.click("#menu-button");
      const [download] = await Promise.all([ann.waitForEvent("download"), ann.click(id)]);
      assertMatch(download.suggestedFilename(), /^lobby\.(txt|json)$/);
      return await Deno.readTextFile(await download.path());
    };
    const [text, json] = [await save("#export-text"), await save("#export-json")];
    for (const said of TEXTS.map(clean)) {
      assertStringIncludes(text, said.replace(/\r\n|[\n-\r\x85\u2028\u2029]/g, "\n  "));
    }
    assertEquals(JSON.parse(json).map((entry: { text: string }) => entry.text), TEXTS.map(clean));

    // What waits, where there is nobody to send it to.
    await stage.crash();
    await ann.locator('html[data-connection="offline"]').waitFor();
    await say(ann, TEXTS[2]!);
    await message(ann, "Sending…").waitFor();
    assertEquals((await texts(ann)).at(-1), TEXTS[2]);
    assertEquals(await ann.evaluate("seen"), []);
    await stage.restart();
    await online(ann);
  },
);

testInBrowser(
  "page: hostile names show as text: at a message, in the list, typing, coming, going, answered",
  async () => {
    await using stage = await Stage.open();
    const ann = await watched(stage, "Ann");
    const port = stage.program.port;
    await ann.locator("#people-button", { hasText: "1 here" }).waitFor();
    await ann.click("#people-button");
    const sockets: JsonSocket[] = [];
    for (const [n, name] of NAMES.entries()) {
      const { socket, welcome } = await JsonSocket.join(port, {
        name,
        key: `secret ${n}`.padEnd(16),
      });
      assertEquals(welcome["you"], { ...welcome["you"] as object, name: name.normalize("NFC") });
      socket.send({ type: "say", id: "hi", text: `this is @${name.normalize("NFC")}` });
      await socket.read("ack");
      sockets.push(socket);
    }
    const names = NAMES.map((name) => name.normalize("NFC"));
    await count(ann, names.length);
    assertEquals(await ann.locator("#log .name").allTextContents(), names);
    assertEquals(await texts(ann), names.map((name) => `this is @${name}`));
    // A name is one mention, whatever is in it.
    assertEquals(
      await ann.locator("#log .mention").allTextContents(),
      names.map((name) => `@${name}`),
    );
    await until(ann, `document.querySelectorAll("#people-list li").length === ${names.length + 1}`);
    const listed = await ann.locator("#people-list bdi").allTextContents();
    assertEquals(listed.toSorted(), [...names, "Ann"].toSorted());

    for (const [n, socket] of sockets.entries()) {
      socket.send({ type: "typing" });
      await ann.locator("#typing", { hasText: names[n]! }).waitFor();
      socket.send({ type: "say", id: "done", text: `done ${n}` });
      await message(ann, RegExp(`done ${n}$`)).waitFor();
    }

    // One by one from the list into the composer, and from a message into an answer.
    for (const name of names) {
      if (!await ann.locator("#people").isVisible()) await ann.click("#people-button");
      await ann.locator("#people-list button").nth(listed.indexOf(name)).click();
      assertEquals(await ann.inputValue("#msg"), `@${name} `);
      await ann.fill("#msg", "");
    }
    const item = message(ann, "done 0");
    await item.hover();
    await item.getByRole("button", { name: "Reply" }).click();
    assertStringIncludes((await ann.locator("#mode-text").textContent())!, names[0]!);

    // Going, and in a line for all.
    for (const socket of sockets) await socket[Symbol.asyncDispose]();
    await until(
      ann,
      `[...document.querySelectorAll("#log > .comings")].at(-1)?.textContent.includes("left")`,
    );
    await assertHarmless(ann);
  },
);

testInBrowser("page: a hostile title, notification and address are text", async () => {
  await using stage = await Stage.open();
  const ann = await watched(stage, "Ann", "r/constructor");
  await ann.addInitScript(`
    globalThis.raised = [];
    globalThis.Notification = class {
      static permission = "granted";
      static requestPermission = () => Promise.resolve("granted");
      constructor(title, { body }) {
        raised.push({ title, body });
      }
    };
    Object.defineProperty(document, "hidden", { get: () => globalThis.isAway === true });
  `);
  await ann.reload();
  await online(ann);
  await ann.click("#menu-button");
  await ann.check("#notify");
  await ann.keyboard.press("Escape");
  await ann.evaluate(`isAway = true; document.dispatchEvent(new Event("visibilitychange"))`);
  const { socket, welcome } = await JsonSocket.join(stage.program.port, {
    name: NAMES[1]!,
    path: "/r/constructor/ws",
  });
  await using _ = socket;
  socket.send({ type: "say", id: "1", text: TEXTS[0]! }, { type: "say", id: "2", text: TEXTS[2]! });
  await message(ann, TEXTS[2]!).last().waitFor();
  assertEquals(await ann.title(), "(2) constructor · Confab");
  const person = `${NAMES[1]} (${(welcome["you"] as unknown as { tag: string }).tag})`;
  await until(ann, "raised.length === 2");
  assertEquals(await ann.evaluate("raised"), [
    { title: "constructor", body: `${person}: ${TEXTS[0]}` },
    { title: "constructor", body: `${person}: ${TEXTS[2]}` },
  ]);
  for (const text of TEXTS.slice(0, 60)) {
    await ann.evaluate(`location.hash = ${JSON.stringify(text)}`);
  }
  // Once more as the address that the page is opened with; a query is none of its business.
  await ann.goto(
    `${stage.url}r/constructor?q=<script>owned()</script>#<img src=x onerror=owned()>`,
  );
  await online(ann);
  await message(ann, TEXTS[2]!).last().waitFor();
  await assertHarmless(ann);
});

testInBrowser("page: rooms with names that mean something to code are rooms", async () => {
  await using stage = await Stage.open();
  const rooms = [
    "__proto__",
    "constructor",
    "_-_",
    "null",
    "küche",
    "שלום",
    "𠮷野家",
    "x".repeat(64),
  ];
  const ann = await watched(stage, "Ann");
  await ann.fill("#msg", "a draft for the lobby");
  for (const room of rooms) {
    await ann.goto(`${stage.url}r/${encodeURIComponent(room)}`);
    await online(ann);
    assertEquals(await ann.locator("#room").textContent(), room);
    assertEquals(await ann.title(), `${room} · Confab`);
    assertEquals([await texts(ann), await ann.inputValue("#msg")], [[], ""]);
    await say(ann, `in ${room}`);
    await until(ann, `document.querySelector(".mine") && !document.querySelector(".state")`);
    await ann.fill("#msg", `a draft for ${room}`);
    await ann.reload();
    await message(ann, `in ${room}`).waitFor();
    assertEquals(await texts(ann), [`in ${room}`]);
    assertEquals(await ann.inputValue("#msg"), `a draft for ${room}`);
    await assertHarmless(ann);
  }
});

testInBrowser("page: a room's name that the server refuses is a plain 404", async () => {
  await using stage = await Stage.open();
  const refused = [
    "<script>owned()</script>",
    `"><img src=x onerror=owned()>`,
    "' onload='owned()",
    "javascript:owned()",
    "two words",
    "Upper",
    "toString",
    "e\u0301",
    "\u0301",
    "ﬁ.txt",
    "a.b",
    "a/b",
    "a\\b",
    "\0",
    "a\u202eb",
    "a\u200bb",
    "\ufeff",
    "\ud800",
    "👍",
    "x".repeat(65),
    "x".repeat(5_000),
    "%",
    "{{7*7}}",
    "lobby\n",
    "#log",
  ].map((room) => encodeURIComponent(room.toWellFormed()));
  for (const segment of [...refused, "%", "%ff", "%c0%af", "%ed%a0%80", "%00", ""]) {
    const response = await fetch(`${stage.url}r/${segment}`, AS_PAGE);
    const body = await response.text();
    assertEquals([response.status, body], [404, "Not found\n"], segment);
    assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
  }
  // No client of good manners sends these.
  for (
    const path of [`/r/<script>owned()</script>`, `/r/"onload="owned()`, `/r/a\x01b`]
  ) {
    const head = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
    using socket = await RawSocket.connect(stage.program.port, head);
    assertMatch(await socket.readHead(), /^HTTP\/1\.1 40[04] /);
  }
  // A page of it neither.
  const page = await (await stage.context()).newPage();
  await page.addInitScript(WATCH);
  const response = await page.goto(`${stage.url}r/<img src=x onerror=owned()>`);
  assertEquals(response?.status(), 404);
  assertEquals(await page.evaluate("[document.body.innerText.trim(), seen]"), ["Not found", []]);
});

testInBrowser(
  "page: is served with a policy that lets nothing in, no referrer for other sites, and no guessing of types",
  async () => {
    await using stage = await Stage.open();
    const { host } = new URL(stage.url);
    for (const path of ["", "r/kitchen", "page/chat.js", "page/style.css", "page/icon.svg"]) {
      const response = await fetch(stage.url + path, AS_PAGE);
      await response.body?.cancel();
      assertEquals(response.status, 200, path);
      const isDocument = !/\.(js|css)$/.test(path);
      assertEquals(
        response.headers.get("referrer-policy"),
        isDocument ? "same-origin" : "no-referrer",
      );
      assertEquals(response.headers.get("x-content-type-options"), "nosniff");
      // Browsers ignore it with a file that they make no document of.
      if (!isDocument) continue;
      const policy = response.headers.get("content-security-policy") ?? "";
      const directives = new Map(
        policy.split(";").map((directive) => directive.trim().split(/\s+/))
          .map(([name = "", ...sources]) => [name, sources.join(" ")]),
      );
      const expected = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": `'self' ws://${host} wss://${host}`,
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "require-trusted-types-for": "'script'",
      };
      for (const [name, value] of Object.entries(expected)) {
        assertEquals(directives.get(name), value, `${path} ${name}`);
      }
      assert(!/unsafe|\*|https?:/.test(policy), policy);
    }
    // The browser does as it is told.
    const ann = await stage.tab();
    const outcome = await ann.evaluate<string[]>(`(async () => {
    const outcome = [];
    try { document.createElement("div").innerHTML = "<b>x</b>"; } catch ({ name }) { outcome.push(name); }
    await fetch("https://evil.example/").catch(({ name }) => outcome.push(name));
    return outcome;
  })()`);
    assertEquals(outcome, ["TypeError", "TypeError"]);
    // It said so, too, as it should.
    const reports = stage.complaints.splice(0);
    assert(
      reports.length > 0 &&
        reports.every((report) => /Security Policy|TrustedHTML|Refused|Fetch API/i.test(report)),
      reports.join("\n"),
    );
  },
);

testInBrowser("page: everyday use of all that it offers breaks no rule of its policy", async () => {
  await using stage = await Stage.open();
  const ann = await watched(stage, "Ann");
  await ann.context().grantPermissions(["notifications"]);
  const ben = await watched(stage, "Ben");
  await ann.click("#copy-address");
  await say(ben, "hello @Ann, see https://x.example/ and `code`");
  await message(ann, "hello @Ann").waitFor();

  // Not the one that quotes it.
  const said = (text: string) =>
    ann.locator("#log > article", { has: ann.locator(".text", { hasText: text }) });
  const tool = async (text: string, name: string) => {
    await said(text).hover();
    await said(text).getByRole("button", { name, exact: true }).click();
  };
  await tool("hello @Ann", "Reply");
  await say(ann, "an answer\n```\nof code\n```");
  await ann.locator("#log .quote").waitFor();
  await tool("hello @Ann", "React");
  await said("hello @Ann").locator(".tools button").nth(1).click();
  await ann.locator("#log .reactions button").click();
  await ann.locator("#log .reactions button").waitFor({ state: "detached" });
  await tool("hello @Ann", "Copy link");
  await said("hello @Ann").getByRole("button", { name: "Copied" }).waitFor();
  await tool("an answer", "Edit");
  await say(ann, "a better answer");
  await message(ann, "a better answer").locator(".edited").waitFor();
  await ann.click("#log .quote");
  await ann.locator("#log .target").waitFor();
  await say(ann, "to be deleted");
  await until(ann, `!document.querySelector("#log .state")`);
  await tool("to be deleted", "Delete");
  await tool("to be deleted", "Really delete?");
  await ann.locator("#log .deleted").waitFor();

  const menu = async (id: string) => {
    await ann.click("#menu-button");
    await ann.click(id);
  };
  await menu("#copy-room");
  for (const id of ["#export-text", "#export-json"]) {
    if (await ann.locator("#menu").isVisible()) await ann.keyboard.press("Escape");
    await Promise.all([ann.waitForEvent("download"), menu(id)]);
  }
  await ann.click("#menu-button");
  for (const theme of ["dark", "light", "auto"]) await ann.selectOption("#theme", theme);
  for (const box of ["#notify", "#sound", "#mute"]) await ann.check(box);
  await ann.uncheck("#mute");
  await ann.fill("#day", "2020-01-01");
  await ann.click("#people-button");
  await ann.locator("#people-list button").first().click();
  await ann.fill("#msg", "one\ntwo\nthree");
  await menu("#rename");
  await ann.fill("#name", "Anna");
  await ann.press("#name", "Enter");

  await ann.evaluate(`
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
  await say(ben, "are you there, @Anna?");
  await until(ann, `document.title.startsWith("(1) ")`);
  await ann.evaluate(`
    Object.defineProperty(document, "hidden", { value: false, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
  await ann.evaluate(`getSelection().selectAllChildren(document.getElementById("log"))`);
  await ann.keyboard.press("Control+c");

  await stage.crash();
  await ann.locator("#status", { hasText: "Reconnecting" }).waitFor();
  await stage.restart();
  // It may have come back by itself before the click.
  await ann.click("#retry", { timeout: 2_000 }).catch(() => {});
  await online(ann);
  for (const page of [ann, ben]) await assertHarmless(page);
});

// Text as people write it: Markdown, directions, copying, what is too long or not there at all.
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import {
  copiesAsLines,
  message,
  online,
  say,
  Stage,
  testInBrowser,
  texts,
} from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { until } from "../support/until.ts";

/** Somebody who says these texts. */
async function tell(stage: Stage, ...said: string[]): Promise<JsonSocket> {
  const { socket } = await JsonSocket.join(stage.program.port, { name: "Bob" });
  said.forEach((text, id) => socket.send({ type: "say", id: `${id}`, text }));
  for (const _ of said) await socket.read("ack");
  return socket;
}

const style = (page: Page, selector: string, property: string) =>
  page.locator(selector).first().evaluate(
    (element, name) =>
      (globalThis as unknown as { getComputedStyle(e: unknown): Record<string, string> })
        .getComputedStyle(element)[name],
    property,
  );

testInBrowser("page: Markdown is drawn as elements, and its text can be copied", async () => {
  await using stage = await Stage.open();
  await using _ = await tell(
    stage,
    "**bold** *it* ~~gone~~ [docs](https://x.example/a) <https://y.example/>\n> quoted\n> twice\nafter",
    "- one\n- two\n  - three\n- four\n7. seven\nend",
    "last",
  );
  const page = await stage.member();
  await message(page, "last").waitFor();
  const tags = await page.locator("#log article").first().locator(".text *").evaluateAll(
    (all) => all.map((one) => (one as unknown as { tagName: string }).tagName),
  );
  assertEquals(tags, ["STRONG", "EM", "S", "SPAN", "A", "A", "BLOCKQUOTE"]);
  const [first, second] = await texts(page);
  assertEquals(first, "bold it gone docs (x.example) https://y.example/\nquoted\ntwice\nafter");
  assertEquals(second, "one\ntwo\nthree\nfour\nseven\nend");
  // Line breaks at the ends of blocks take no line of their own.
  const heights = await page.locator("#log article .text").evaluateAll((all) =>
    all.map((one) => (one as unknown as { offsetHeight: number }).offsetHeight)
  );
  const line = heights[2]!;
  assert(Math.abs(heights[1]! - 6 * line) < line / 2, `${heights}`);
  assertEquals(await page.locator("#log ol").getAttribute("start"), "7");
});

testInBrowser("page: copied messages keep the line breaks that are drawn as blocks", async () => {
  await using stage = await Stage.open();
  await using _ = await tell(stage, "```\ncode\n```\nafter", "> quoted\nanswer", "last");
  const page = await stage.member({ permissions: ["clipboard-read", "clipboard-write"] });
  await message(page, "last").waitFor();
  await page.evaluate(`getSelection().selectAllChildren(document.getElementById("log"))`);
  await copiesAsLines(page);
  await page.keyboard.press("Control+c");
  const copied = await page.evaluate<string>("navigator.clipboard.readText()");
  assertEquals(
    copied.replaceAll(/ \(\w+\)/g, ""),
    "Bob: code\n  after\nBob: quoted\n  answer\nBob: last",
  );
  // A field's own selection is copied from the field, whatever is selected in the document.
  await page.click("#menu-button");
  await page.click("#rename");
  await page.keyboard.press("Control+a");
  await page.evaluate(`getSelection().rangeCount`);
  await page.keyboard.press("Control+c");
  assertEquals(await page.evaluate("navigator.clipboard.readText()"), "Ann");
});

testInBrowser("page: each line, code, link and field has a direction of its own", async () => {
  await using stage = await Stage.open();
  await using _ = await tell(stage, "שלום\n```\nfoo(bar);\n```\nhttps://a.b/c/ `x.y()`\nEnglish");
  const page = await stage.member();
  await message(page, "English").waitFor();
  for (const part of ["pre", ".text code", ".text a"]) {
    assertEquals([part, await style(page, part, "direction")], [part, "ltr"]);
    assertEquals(await style(page, part, "unicodeBidi"), "isolate");
  }
  assertEquals(await style(page, ".text", "unicodeBidi"), "plaintext");
  for (const [text, direction] of [["שלום!", "rtl"], ["hello!", "ltr"]] as const) {
    await page.fill("#msg", text);
    assertEquals(await style(page, "#msg", "direction"), direction);
  }
  await page.click("#menu-button");
  await page.click("#rename");
  await page.fill("#name", "נועה");
  assertEquals(await style(page, "#name", "direction"), "rtl");
});

testInBrowser("page: a message of invisible characters is not sent", async () => {
  await using stage = await Stage.open();
  const page = await stage.member();
  for (const text of ["\u200b", "\u2060", "\u2800", "\u3164", "\u00ad", "\u{e0020}", " \u200b\n"]) {
    await say(page, text);
  }
  await say(page, "one that shows");
  await message(page, "one that shows").waitFor();
  assertEquals(await texts(page), ["one that shows"]);
});

testInBrowser("page: a wall of lines is folded until the reader wants it all", async () => {
  await using stage = await Stage.open();
  await using bob = await tell(stage, "x" + "\n".repeat(8_000) + "y", "short\n".repeat(30));
  const page = await stage.member();
  await message(page, "short").waitFor();
  const height = () =>
    page.locator("#m1").evaluate((item) =>
      (item as unknown as { offsetHeight: number }).offsetHeight
    );
  assertLess(await height(), 450);
  assertEquals(await page.getByRole("button", { name: "Show all" }).count(), 1);
  await page.getByRole("button", { name: "Show all" }).click();
  await until(page, `document.getElementById("m1").offsetHeight > 10_000`);
  assertEquals(await page.evaluate("document.activeElement.id"), "m1");
  // A message that is drawn again stays as the reader wanted it.
  bob.send({ type: "react", id: "r", ref: 1, emoji: "👍" });
  await page.locator("#m1 .reactions button").waitFor();
  assertEquals(await page.getByRole("button", { name: "Show all" }).count(), 0);
});

testInBrowser("page: a reply and an edit survive a reload", async () => {
  await using stage = await Stage.open();
  await using _ = await tell(stage, "a question");
  const page = await stage.member();
  await say(page, "mine");
  await message(page, "mine").waitFor();
  const tool = async (text: string, name: string) => {
    await message(page, text).hover();
    await message(page, text).getByRole("button", { name, exact: true }).click();
  };
  await page.fill("#msg", "draft");
  await tool("mine", "Edit");
  await page.fill("#msg", "changed");
  await page.reload();
  await online(page);
  assertEquals(await page.inputValue("#msg"), "changed");
  assertEquals(await page.textContent("#mode-text"), "Editing your message: mine");
  assertEquals(await page.textContent("#send"), "Save");
  await page.press("#msg", "Enter");
  await message(page, "changed").locator(".edited").waitFor();
  assertEquals([await page.inputValue("#msg"), await page.textContent("#send")], ["draft", "Send"]);

  await tool("a question", "Reply");
  await page.reload();
  await online(page);
  assertMatch((await page.textContent("#mode-text"))!, /^Replying to Bob \(\w+\): a question$/);
  await page.press("#msg", "Enter");
  await message(page, "draft").locator(".quote", { hasText: /Bob .*: a question/ }).waitFor();
  await page.reload();
  await online(page);
  assert(await page.locator("#mode").isHidden());
});

testInBrowser("page: drafts of two tabs do not erase each other", async () => {
  await using stage = await Stage.open();
  const page = await stage.member();
  const other = await page.context().newPage();
  await other.goto(stage.url);
  await online(other);
  await page.fill("#msg", "of the first tab");
  await say(other, "of the second tab");
  await message(page, "of the second tab").waitFor();
  await page.reload();
  assertEquals(await page.inputValue("#msg"), "of the first tab");
  await other.reload();
  assertEquals(await other.inputValue("#msg"), "");
});

testInBrowser("page: pictures are refused with a word", async () => {
  await using stage = await Stage.open();
  const page = await stage.member();
  for (const [type, target] of [["paste", "#msg"], ["drop", "#log"]] as const) {
    await page.fill("#msg", "");
    const wasDefault = await page.evaluate(`(() => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "x.png", { type: "image/png" }));
      const init = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
      const event = "${type}" === "paste" ? new ClipboardEvent("paste", init) : new DragEvent("drop", init);
      return document.querySelector("${target}").dispatchEvent(event);
    })()`);
    await page.locator("#note", { hasText: "cannot be sent here" }).waitFor();
    // Otherwise the browser would open it in place of the page.
    if (type === "drop") assertEquals(wasDefault, false);
  }
});

testInBrowser("page: forced colours show what is marked", async () => {
  await using stage = await Stage.open();
  await using bob = await tell(stage, "one");
  const page = await stage.member({ forcedColors: "active" });
  bob.send({ type: "say", id: "2", text: "two" }, { type: "say", id: "3", text: "@Ann, look" });
  await message(page, "@Ann, look").waitFor();
  bob.send({ type: "react", id: "r", ref: 2, emoji: "👍" });
  await page.locator("#m2 .reactions button").click();
  await page.locator('#m2 [aria-pressed="true"]').waitFor();
  await page.mouse.move(0, 0);
  for (const marked of [".calls-me", '[aria-pressed="true"]']) {
    assertEquals([marked, await style(page, marked, "outlineStyle")], [marked, "solid"]);
  }
  assertEquals(await style(page, "#m2", "outlineStyle"), "none");
});

testInBrowser(
  "page: what this browser has no room for is said, before the tab is closed",
  async () => {
    await using stage = await Stage.open();
    const page = await stage.member();
    await page.evaluate(
      `Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError") }`,
    );
    await stage.crash();
    await say(page, "said while the server is down");
    await page.locator(".state", { hasText: "leave this tab open" }).waitFor();
    const asked: string[] = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await page.close({ runBeforeUnload: true });
    await until(page, "true");
    await page.waitForTimeout(500);
    assertEquals(asked, ["beforeunload"]);
    await stage.restart();
    await message(page, "said while the server is down").locator("time").waitFor();
    await page.locator(".state", { hasText: "leave this tab open" }).waitFor({ state: "detached" });
  },
);

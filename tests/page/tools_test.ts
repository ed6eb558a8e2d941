// What one can do with a message, with the people and with the room.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { message, online, say, Stage, testInBrowser, texts } from "../support/browser.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { preparedTab, tool } from "./states.ts";
import { settled, until } from "../support/until.ts";

/** Says it, and waits until it is an entry. */
async function tell(page: Page, text: string): Promise<void> {
  await say(page, text);
  await message(page, text).last().waitFor();
  await settled(page);
}

/** Somebody who has said so many messages, "old 1" and so on, in a room. */
async function talker(stage: Stage, count: number, path = "/ws"): Promise<JsonSocket> {
  const { socket } = await JsonSocket.join(stage.program.port, { name: "Ben", path });
  for (let n = 1; n <= count; n++) socket.send({ type: "say", id: `old ${n}`, text: `old ${n}` });
  for (let n = 1; n <= count; n++) await socket.read("ack");
  return socket;
}

/** Whether an element is wholly within the log's window. */
const isInView = (selector: string) =>
  `(() => {
  const [box, log] = [${JSON.stringify(selector)}, "#log"].map((one) =>
    document.querySelector(one)?.getBoundingClientRect());
  return !!box && box.top >= log.top - 1 && box.bottom <= log.bottom + 1;
})()`;

testInBrowser(
  "page: a reply has a quote, which leads to the original however far back",
  async () => {
    await using stage = await Stage.open();
    await using ben = await talker(stage, 700);
    ben.send({ type: "say", id: "far", text: "about the third", replyTo: 3 });
    const ann = await stage.member();
    const quote = message(ann, "about the third").locator(".quote");
    await quote.waitFor();
    assertEquals(await ann.locator("#m3").count(), 0);
    await quote.click();
    await ann.locator("#m3.target", { hasText: "old 3" }).waitFor();
    await until(ann, isInView("#m3"));
    assertEquals(await ann.evaluate("document.activeElement.id"), "m3");
    assertMatch((await quote.textContent())!, /Ben \w+: old 3$/);

    await (await tool(ann, "old 690", "Reply")).click();
    await ann.locator("#mode", { hasText: "Ben" }).waitFor();
    await say(ann, "about it");
    const reply = ann.locator("article", { has: ann.locator(".text", { hasText: /^about it$/ }) });
    await reply.locator(".quote", { hasText: /Ben \w+: old 690/ }).waitFor();
    assert(await ann.locator("#mode").isHidden());
    // The quote goes with what it quotes.
    ben.send({ type: "edit", id: "edit", ref: 690, text: "new 690" });
    await reply.locator(".quote", { hasText: /Ben \w+: new 690/ }).waitFor();
    ben.send({ type: "delete", id: "delete", ref: 690 });
    await reply.locator(".quote", { hasText: /Ben \w+: Message deleted/ }).waitFor();
  },
);

testInBrowser("page: a reply that is called off is none, and what was typed stays", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await tell(ann, "first");
  for (const callOff of ["Escape", "Cancel"]) {
    await ann.fill("#msg", "typed");
    await (await tool(ann, "first", "Reply")).click();
    assertEquals(await ann.inputValue("#msg"), "typed");
    if (callOff === "Escape") await ann.press("#msg", "Escape");
    else await ann.getByRole("button", { name: "Cancel" }).click();
    assertEquals([await ann.locator("#mode").isHidden(), await ann.inputValue("#msg")], [
      true,
      "typed",
    ]);
  }
  await tell(ann, "no reply");
  assertEquals(await ann.locator(".quote").count(), 0);
});

testInBrowser(
  "page: one's own message can be edited, by its button or ArrowUp; Escape brings the draft back",
  async () => {
    await using stage = await Stage.open();
    const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
    await tell(ben, "from Ben");
    await tell(ann, "frist");
    await tell(ann, "secnod");
    await ann.press("#msg", "ArrowUp");
    assertEquals(await ann.inputValue("#msg"), "secnod");
    await tell(ann, "second");
    await ann.fill("#msg", "a draft");
    await ann.press("#msg", "ArrowUp"); // moves in the text, for there is one
    assert(await ann.locator("#mode").isHidden());
    await (await tool(ann, "frist", "Edit")).click();
    assertEquals(await ann.inputValue("#msg"), "frist");
    await ann.press("#msg", "Escape");
    assertEquals([await ann.inputValue("#msg"), await ann.locator("#mode").isHidden()], [
      "a draft",
      true,
    ]);
    await (await tool(ann, "frist", "Edit")).click();
    await tell(ann, "first");
    assertEquals(await ann.inputValue("#msg"), "a draft");
    for (const page of [ann, ben]) {
      await message(page, "second (edited)").waitFor();
      await message(page, "first (edited)").waitFor();
      assertEquals(await texts(page), ["from Ben", "first (edited)", "second (edited)"]);
    }
    assertEquals(await (await tool(ann, "from Ben", "Edit")).count(), 0);
    assertEquals(await (await tool(ann, "from Ben", "Delete")).count(), 0);
  },
);

testInBrowser("page: one's own message is deleted by a second click", async () => {
  await using stage = await Stage.open();
  const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
  await tell(ann, "stays");
  await tell(ann, "goes");
  const remove = await tool(ann, "goes", "Delete");
  await remove.click();
  await message(ann, "goes").getByRole("button", { name: "Really delete?" }).waitFor();
  // Whoever goes away and comes back is asked anew.
  await remove.waitFor({ state: "detached" });
  await ann.locator("#msg").focus();
  const again = await tool(ann, "goes", "Delete");
  await again.click();
  await message(ann, "goes").getByRole("button", { name: "Really delete?" }).click();
  for (const page of [ann, ben]) {
    await message(page, "Message deleted").waitFor();
    assertEquals(await texts(page), ["stays", "Message deleted"]);
    await page.locator("#log > .deleted").hover();
    assertEquals(await page.locator(".deleted .tools").count(), 0);
  }
});

testInBrowser("page: the choice of emoji is left by Escape", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await tell(ann, "hello");
  await (await tool(ann, "hello", "React")).click();
  await ann.locator(".tools button", { hasText: "🎉" }).waitFor();
  await ann.keyboard.press("Escape");
  await message(ann, "hello").getByRole("button", { name: "Reply" }).waitFor();
  assertEquals(await ann.locator(".reactions button").count(), 0);
});

testInBrowser("page: reactions are counted, and pressed again are taken back", async () => {
  await using stage = await Stage.open();
  const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
  await tell(ann, "hello");
  await (await tool(ann, "hello", "React")).click();
  await ann.locator(".tools button", { hasText: "🎉" }).click();
  const button = (page: Page, count: number, isMine: boolean) =>
    page.getByRole("button", { name: `🎉 ${count}`, pressed: isMine }).waitFor();
  await button(ann, 1, true);
  await button(ben, 1, false);
  await ben.getByRole("button", { name: "🎉 1" }).click();
  await button(ann, 2, true);
  await button(ben, 2, true);
  const title = await ann.getByRole("button", { name: "🎉 2" }).getAttribute("title");
  assertMatch(title!, /^Ann \(\w+\), Ben \(\w+\)$/);
  await ann.getByRole("button", { name: "🎉 2" }).click();
  await button(ann, 1, false);
  await button(ben, 1, true);
  await ben.reload();
  await button(ben, 1, true);
  await ben.getByRole("button", { name: "🎉 1" }).click();
  for (const page of [ann, ben]) {
    await page.locator(".reactions button").waitFor({ state: "detached" });
  }
  // The same emoji from the row takes it back as well.
  for (const count of [1, 0]) {
    await (await tool(ann, "hello", "React")).click();
    await ann.locator(".tools button", { hasText: "👀" }).click();
    await until(ann, `document.querySelectorAll(".reactions button").length === ${count}`);
  }
});

testInBrowser("page: lists who is here, with tags, and tells which one is oneself", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  const { socket, welcome } = await JsonSocket.join(stage.program.port, { name: "Ben" });
  await using _ = socket;
  const guest = await stage.tab();
  await online(guest);
  await ann.getByRole("button", { name: "3 here" }).click();
  const people = ann.locator("#people-list li");
  await until(ann, `document.querySelectorAll("#people-list li").length === 2`);
  const { tag } = welcome["you"] as unknown as { tag: string };
  assertEquals(await people.filter({ hasText: "Ben" }).innerText(), `Ben ${tag}`);
  assertMatch(await people.filter({ hasText: "Ann" }).innerText(), /^Ann \S+ \(you\)$/);
  assertEquals(await ann.locator("#people-rest").textContent(), "and 1 more");
  await people.filter({ hasText: "Ben" }).getByRole("button").click();
  assertEquals([await ann.inputValue("#msg"), await ann.locator("#people").isHidden()], [
    "@Ben ",
    true,
  ]);
});

testInBrowser("page: tells who is typing, until it has come or they stop", async () => {
  await using stage = await Stage.open();
  const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
  const typing = ann.locator("#typing", { hasText: /Ben.* typing…/ });
  await ben.locator("#msg").pressSequentially("hel");
  await typing.waitFor();
  await tell(ben, "hello");
  await message(ann, "hello").waitFor();
  assertEquals(await ann.locator("#typing").textContent(), "");
  const { socket: cat } = await JsonSocket.join(stage.program.port, { name: "Cat" });
  await using _ = cat;
  cat.send({ type: "typing" });
  await ann.locator("#typing", { hasText: /Cat.* typing…/ }).waitFor();
  await until(ann, `document.getElementById("typing").textContent === ""`);
  assertEquals(await ben.locator("#typing", { hasText: "Ben" }).count(), 0);
});

testInBrowser(
  "page: the name is changed without a reload, for what is said from then on",
  async () => {
    await using stage = await Stage.open();
    const [ann, ben] = [await stage.member(), await stage.member({ name: "Ben" })];
    await tell(ann, "as Ann");
    await ann.evaluate("globalThis.isSamePage = true");
    const rename = async (name: string, key: string) => {
      await ann.getByRole("button", { name: "Menu" }).click();
      await ann.getByRole("button", { name: "Change your name" }).click();
      await ann.keyboard.type(name);
      await ann.keyboard.press(key);
    };
    await rename("Nobody", "Escape");
    assert(await ann.locator("#who").isHidden());
    await rename("Anna", "Enter");
    await tell(ann, "as Anna");
    assert(await ann.evaluate("isSamePage"));
    await ben.locator(".comings", { hasText: /Ann \(\w+\) is now Anna \(\w+\)/ }).waitFor();
    await message(ben, "as Anna").waitFor();
    assertEquals(await ben.locator("#log .name").allTextContents(), ["Ann", "Anna"]);
    // What was said before is still one's own.
    assertEquals(await (await tool(ann, "as Ann", "Edit")).count(), 1);
    await rename("bad\u202ename", "Enter");
    await ann.locator("#note", { hasText: "1 to 32 characters" }).waitFor();
    await ann.reload();
    await online(ann);
    assertEquals(await ann.inputValue("#name"), "Anna");
  },
);

testInBrowser("page: a mention stands out, a name without its sign does not", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await using ben = await talker(stage, 0);
  const mine = ["@Ann, look"];
  const others = ["what does ann think?", "@Annabel, look", "Joann", "`@Ann` in code"];
  ben.send(...[...mine, ...others, "@Ben is me"].map((text) => ({ type: "say", id: text, text })));
  await message(ann, "@Ben is me").waitFor();
  assertEquals(await ann.locator(".calls-me > .text").allTextContents(), mine);
  assertEquals(await ann.locator(".mention").allTextContents(), ["@Ann", "@Ben"]);
  const paper = (selector: string) =>
    ann.evaluate(`getComputedStyle(document.querySelector("${selector}")).backgroundColor`);
  assert(await paper(".calls-me") !== await paper(".message:not(.calls-me)"));
});

testInBrowser("page: two people of one name are told apart by their tags", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member();
  await using one = await talker(stage, 1);
  await message(ann, "old 1").waitFor();
  assertEquals(await ann.locator(".head .tag").first().isVisible(), true);
  const { socket: other } = await JsonSocket.join(stage.program.port, {
    name: "Ben",
    key: "the secret of another Ben",
  });
  await using _ = other;
  other.send({ type: "say", id: "1", text: "from the other" });
  await message(ann, "from the other").waitFor();
  one.send({ type: "say", id: "2", text: "from the one" });
  await message(ann, "from the one").waitFor();
  const tags = await ann.locator(".head .tag").allInnerTexts();
  assertEquals([tags.length, new Set(tags).size, tags.includes("")], [3, 2, false]);
  assertEquals(await ann.locator("article.grouped").count(), 0);
});

testInBrowser("page: goes to a day, however far back", async () => {
  await using stage = await Stage.open();
  await using _ = await talker(stage, 620);
  // The server's clock cannot be set: as this page reads them, messages are a day apart at 11 and at 601.
  const ann = await preparedTab(
    stage,
    `const parse = JSON.parse;
    JSON.parse = (text) => parse(text, function (key, value) {
      if (key !== "at" || !("seq" in this)) return value;
      return value - 86_400_000 * (this.seq <= 10 ? 4 : this.seq <= 600 ? 2 : 0);
    });`,
  );
  await message(ann, "old 620").waitFor();
  const daysAgo = (days: number) =>
    ann.evaluate<string>(`(() => {
      const day = new Date(Date.now() - ${days} * 86_400_000);
      return [day.getFullYear(), day.getMonth() + 1, day.getDate()]
        .map((part) => String(part).padStart(2, "0")).join("-");
    })()`);
  const goTo = async (days: number, id: string) => {
    await ann.getByRole("button", { name: "Menu" }).click();
    await ann.getByLabel("Go to a day").fill(await daysAgo(days));
    await ann.getByRole("button", { name: "Go", exact: true }).click();
    await ann.locator(`#${id}.target`).waitFor();
    await until(ann, isInView(`#${id}`));
  };
  await goTo(2, "m11");
  await goTo(4, "m1");
  await goTo(3, "m11"); // nothing was said on that day: what came next
  await goTo(0, "m601");
});

testInBrowser("page: a day to go to can be typed, and typed again", async () => {
  await using stage = await Stage.open();
  const ann = await stage.member({ locale: "en-US" });
  await tell(ann, "today");
  const [year, month, day] = await ann.evaluate<string[]>(`(() => {
    const now = new Date();
    return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0"));
  })()`);
  for (let time = 1; time <= 2; time++) {
    await ann.getByRole("button", { name: "Menu" }).click();
    await ann.focus("#day");
    for (const digit of `${month}${day}${year}`) await ann.keyboard.press(digit);
    // The first digit completes a date if the field had one. Nothing happens until the reader has finished.
    await ann.keyboard.press("ArrowUp");
    await ann.keyboard.press("ArrowDown");
    assertEquals(await ann.evaluate("document.activeElement.id"), "day");
    await ann.keyboard.press("Enter");
    await ann.locator("#m1.target").waitFor();
    assertEquals(await ann.evaluate("document.activeElement.id"), "m1");
    assertEquals(await ann.inputValue("#msg"), "");
    await ann.focus("#msg");
  }
});

testInBrowser("page: who types costs the others no more the longer it goes on", async () => {
  await using stage = await Stage.open();
  await using ben = await talker(stage, 1);
  const ann = await stage.member();
  await ann.evaluate(`
    globalThis.runs = 0;
    new MutationObserver(() => runs++).observe(document.getElementById("typing"), { childList: true });
  `);
  for (let n = 0; n < 5; n++) {
    ben.send({ type: "typing" });
    await new Promise((resolve) => setTimeout(resolve, 1_050)); // the server passes on one in a second
  }
  const before = await ann.evaluate<number>("runs");
  await ann.locator("#typing", { hasText: /^$/ }).waitFor({ state: "attached" });
  // Each line that told of it sets one timer, and no timer sets another.
  assert(before >= 4 && before <= 10, String(before));
  assert(await ann.evaluate<number>("runs") - before <= 5);
});

testInBrowser(
  "page: a message has a link, which opens the room there, however far back",
  async () => {
    await using stage = await Stage.open();
    await using _ = await talker(stage, 700, "/r/x/ws");
    const options = { permissions: ["clipboard-read", "clipboard-write"], path: "r/x" };
    const ann = await stage.member(options);
    await message(ann, "old 700").waitFor();
    await (await tool(ann, "old 700", "Copy link")).click();
    await ann.locator(".tools button", { hasText: "Copied" }).waitFor();
    assertEquals(await ann.evaluate("navigator.clipboard.readText()"), `${stage.url}r/x#700`);
    for (const seq of [42, 690]) {
      const guest = await stage.tab({}, `r/x#${seq}`);
      await guest.locator(`#m${seq}.target`, { hasText: `old ${seq}` }).waitFor();
      await until(guest, isInView(`#m${seq}`));
      assertEquals(await guest.evaluate("document.activeElement.id"), `m${seq}`);
    }
    // Also where the page is open already, and where there is no such message.
    await ann.evaluate("location.hash = '#7'");
    await ann.locator("#m7.target").waitFor();
    await until(ann, isInView("#m7"));
    await ann.evaluate("location.hash = '#9999'");
    await ann.locator(".notice", { hasText: "9999" }).waitFor();
  },
);

testInBrowser("page: saves all of the room, as text and as JSON", async () => {
  await using stage = await Stage.open();
  await using ben = await talker(stage, 600);
  ben.send(
    { type: "edit", id: "e", ref: 1, text: "mended 1" },
    { type: "delete", id: "d", ref: 2 },
    { type: "say", id: "s", text: "two\nlines" },
  );
  const ann = await stage.member();
  await message(ann, "two").waitFor();
  const save = async (format: string) => {
    await ann.getByRole("button", { name: "Menu" }).click();
    const [download] = await Promise.all([
      ann.waitForEvent("download"),
      ann.getByRole("button", { name: `Save the room as ${format}` }).click(),
    ]);
    const text = await Deno.readTextFile(await download.path());
    return { name: download.suggestedFilename(), text };
  };
  const plain = await save("text");
  assertMatch(plain.name, /^lobby\.te?xt$/);
  const said = plain.text.split(/\n(?=\d{4}-\d\d-\d\d )/).map((line) =>
    line.replace(/^.*? Ben \(\w+\): /, "")
  );
  assertEquals(said.slice(0, 3), ["mended 1", "(deleted)", "old 3"]);
  assertEquals([said.length, said.at(-1)], [601, "two\n  lines\n"]);
  const json = await save("JSON");
  assertEquals(json.name, "lobby.json");
  const entries: { seq: number; kind: string; text?: string; ref?: number }[] = JSON.parse(
    json.text,
  );
  assertEquals(entries.map(({ seq }) => seq), Array.from({ length: 603 }, (_, n) => n + 1));
  assertEquals(entries.slice(600).map(({ kind, ref }) => [kind, ref]), [
    ["edit", 1],
    ["delete", 2],
    ["say", undefined],
  ]);
  assertEquals(entries[602]!.text, "two\nlines");
});

testInBrowser(
  "page: can be installed: its manifest is read by the browser, with icons",
  async () => {
    await using stage = await Stage.open();
    for (const path of ["", "r/kitchen"]) {
      const page = await stage.tab({}, path);
      const debug = await page.context().newCDPSession(page);
      const { url, errors, data } = await debug.send("Page.getAppManifest");
      assertEquals([new URL(url).pathname.endsWith("/page/manifest.webmanifest"), errors], [
        true,
        [],
      ]);
      const { name, icons } = JSON.parse(data!) as {
        name: string;
        icons: { src: string; sizes: string }[];
      };
      assertEquals(name, "Confab");
      for (const { src, sizes } of icons) {
        const size = await page.evaluate<string>(`(async () => {
        const image = new Image();
        image.src = ${JSON.stringify(new URL(src, url).href)};
        await image.decode();
        return image.naturalWidth + "x" + image.naturalHeight;
      })()`);
        assert(sizes === "any" || sizes === size, `${src} is ${size}`);
      }
    }
  },
);

// Nobody is taken for somebody else on the page, and reactions do not bury a message. The folder is filled beforehand, with
// authors and reactions that the server would not accept from the network.
import { assert, assertEquals } from "@std/assert";
import { openSqliteJournal } from "../../journal/sqlite/sqlite_journal.ts";
import { hashKey } from "../../protocol/names.ts";
import { message, online, say, Stage, testInBrowser, texts } from "../support/browser.ts";
import { until } from "../support/until.ts";
import { preparedTab } from "./states.ts";

testInBrowser(
  "page: of ten thousand keys that were ground for a tag, none is shown as its owner",
  async () => {
    const key = "0123456789abcdef".repeat(4);
    const author = hashKey(key);
    const tag = author.slice(0, 6);
    await using stage = await Stage.open({}, async (data) => {
      using journal = openSqliteJournal(data);
      const draft = { room: "lobby", at: Date.now(), kind: "say", ref: 0, on: true } as const;
      assertEquals(journal.claimTag("lobby", author, "Ann"), tag);
      const others = Array.from({ length: 10_000 }, (_, n) => {
        const known = author.slice(0, 6 + n % 12);
        const ground = known + `${n}`.padStart(26 - known.length, "0");
        return { author: ground, name: "Ann", tag: journal.claimTag("lobby", ground, "Ann") };
      });
      const own = { author, name: "Ann", tag };
      const last = others.slice(-480);
      await journal.append([
        ...last.slice(0, 240).map((from, n) => ({
          ...draft,
          ...from,
          id: `a${n}`,
          text: `by ${n}`,
        })),
        { ...draft, ...own, id: "own", text: "by Ann herself" },
        { ...draft, ...own, kind: "react", id: "react", text: "👍", ref: 241 },
        ...last.map((from, n) => ({
          ...draft,
          ...{ ...from, kind: "react", id: `b${n}`, text: "👍", ref: 241, on: false } as const,
        })),
        ...last.slice(240).map((from, n) => ({ ...draft, ...from, id: `c${n}`, text: `by ${n}` })),
      ]);
    });
    const ann = await preparedTab(
      stage,
      `localStorage.setItem("confab.key", ${JSON.stringify(key)})`,
    );
    await online(ann);
    await ann.evaluate(`location.hash = "1"`);
    await ann.locator("#m1").waitFor();
    assertEquals(await texts(ann).then(({ length }) => length), 481);
    assertEquals(await ann.locator(".mine > .text").allTextContents(), ["by Ann herself"]);
    const tags = await ann.locator("article .tag").allTextContents();
    assertEquals([new Set(tags).size, tags.filter((text) => text === tag).length], [481, 1]);
    assertEquals(await ann.locator(".reactions button").allTextContents(), ["👍 1"]);
    assertEquals(await ann.locator(".reactions button").getAttribute("aria-pressed"), "true");
    assert(await ann.locator("#m1 .tag").isVisible());
  },
);

testInBrowser(
  "page: a tag is always shown, and marked once somebody else has a name that looks alike",
  async () => {
    await using stage = await Stage.open();
    const ann = await stage.member();
    await say(ann, "by Ann");
    await message(ann, "by Ann").waitFor();
    assert(await ann.locator("article .tag").isVisible());
    assertEquals(await ann.locator(".shared").count(), 0);
    const eve = await stage.member({ name: "\u0410nn" });
    await say(eve, "by Eve");
    await message(ann, "by Eve").waitFor();
    // Both, in the messages and in the list of the people.
    for (const page of [ann, eve]) {
      await until(page, `document.querySelectorAll("article .shared").length === 2`);
    }
    await until(ann, `document.querySelectorAll("#people-list .shared").length === 2`);
    assert(await ann.locator("article .shared").first().getAttribute("title"));
  },
);

testInBrowser(
  "page: draws twenty reactions of a message, and the number of the others",
  async () => {
    await using stage = await Stage.open({}, async (data) => {
      using journal = openSqliteJournal(data);
      const from = { author: "anybody", name: "Ben" };
      const tag = journal.claimTag("lobby", from.author, from.name);
      const draft = { ...from, tag, room: "lobby", at: Date.now(), on: true };
      await journal.append([
        { ...draft, kind: "say", id: "say", text: "liked", ref: 0 },
        // From a version without a limit.
        ...Array.from(
          { length: 3_000 },
          (_, n) => ({ ...draft, kind: "react", id: `${n}`, text: `e${n}`, ref: 1 }) as const,
        ),
      ]);
    });
    const ann = await stage.tab();
    await online(ann);
    await ann.evaluate(`location.hash = "1"`);
    await message(ann, "liked").waitFor();
    await until(ann, `document.querySelector(".reactions").textContent.endsWith("+2980")`);
    assertEquals(await ann.locator(".reactions button").count(), 20);
  },
);

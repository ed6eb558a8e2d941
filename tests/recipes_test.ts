// The programs in docs/recipes.md do what it says of them.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { findBrowser, openBrowser, testInBrowser } from "./support/browser.ts";
import { eventually } from "./support/until.ts";
import { startProgram } from "./support/program.ts";

const recipes = await Deno.readTextFile(new URL("../docs/recipes.md", import.meta.url));

function findBlock(language: string): string {
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "ms").exec(recipes)?.[1];
  assert(block, `a block of ${language}`);
  return block;
}

async function say(url: string, text: string): Promise<void> {
  const response = await fetch(url, { method: "POST", body: text });
  assertEquals(response.status, 201, await response.text());
}

Deno.test("recipes: the bot has 15 lines, and answers once although it runs twice", async () => {
  const bot = findBlock("js");
  assert(bot.trimEnd().split("\n").length <= 15);
  const file = await Deno.makeTempFile({ prefix: "confab-bot-", suffix: ".js" });
  await Deno.writeTextFile(file, bot);
  await using program = await startProgram();
  const url = `http://127.0.0.1:${program.port}/r/ops`;
  const args = ["run", "--no-config", "--allow-net", file, url];
  const bots = ["one", "other"].map(() =>
    new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).spawn()
  );
  const read = async () => (await (await fetch(url)).text()).trimEnd().split("\n");
  const answers = async () => (await read()).filter((line) => line.includes(" clock#"));
  try {
    // Asked again until both are there; each question has an answer of its own.
    let questions = 0;
    await eventually(async () => {
      await say(`${url}?name=Ann`, "!time");
      return (await answers()).length >= Math.min(++questions, 3);
    });
    await eventually(async () => {
      const page = await fetch(url, { headers: { accept: "application/json" } });
      const { entries } = await page.json();
      const ids = entries.map(({ id }: { id: string }) => id);
      return ids.filter((id: string) => id.startsWith("answer-")).length >= 3;
    });
    for (const line of await answers()) assertMatch(line, /clock#\w+: Ann: it is .* GMT$/);
    const page = await fetch(url, { headers: { accept: "application/json" } });
    const ids = (await page.json()).entries.map(({ id }: { id: string }) => id);
    assertEquals(new Set(ids).size, ids.length);
  } finally {
    for (const child of bots) {
      child.kill("SIGKILL");
      await child.status;
    }
    await Deno.remove(file);
  }
});

testInBrowser("recipes: the status board shows what each service said last", async () => {
  const board = findBlock("html");
  await using site = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(board, { headers: { "content-type": "text/html" } }),
  );
  const origin = `http://127.0.0.1:${site.addr.port}`;
  const args = ["--addr", "127.0.0.1:0", "--allow-origin", origin];
  await using program = await startProgram({ args });
  const room = `http://127.0.0.1:${program.port}/r/status`;
  await say(`${room}?name=database`, "up");
  await say(`${room}?name=mail`, "up");
  const browser = await openBrowser(findBrowser()!);
  try {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${origin}/?room=${room}`);
    await page.locator("dd", { hasText: "up" }).nth(1).waitFor();
    await say(`${room}?name=database`, "down <b>");
    await page.locator("dt:text-is('database') + dd:text-is('down <b>')").waitFor();
    assertEquals(await page.locator("dt").allTextContents(), ["database", "mail"]);
  } finally {
    await browser.close();
  }
});

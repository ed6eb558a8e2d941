// A page that knows nothing but the seed, talking to Confab.
import { assertEquals } from "@std/assert";
import { Stage, testInBrowser } from "./support/browser.ts";
import { RawSocket } from "./support/raw_socket.ts";

const SEED_PAGE = new URL("seed_page.html", import.meta.url);

testInBrowser(
  "seed: its own page chats with Confab, scrolls as it did, and hears the end",
  async () => {
    await using stage = await Stage.open();
    // The seed's page stands in a document of Confab's own address; its script is inline, as the seed's was.
    const page = await (await stage.context({ bypassCSP: true })).newPage();
    await page.goto(`${stage.url}nope`);
    await page.setContent(await Deno.readTextFile(SEED_PAGE));
    await page.waitForFunction("conn.readyState === WebSocket.OPEN");
    using raw = await RawSocket.open(stage.program.port);

    await page.fill("#msg", "  from the seed  ");
    await page.press("#msg", "Enter");
    assertEquals(await raw.readText(), "from the seed");
    await page.locator("#log > div", { hasText: "from the seed" }).waitFor();

    for (let n = 0; n < 40; n++) await raw.send(`line ${n}`);
    await page.locator("#log > div", { hasText: "line 39" }).waitFor();
    const fromBottom = "log.scrollHeight - log.clientHeight - log.scrollTop";
    assertEquals(await page.evaluate(fromBottom), 0);
    await page.evaluate("log.scrollTop = 50");
    await raw.send("<b>unseen</b>");
    await page.locator("#log > div", { hasText: "<b>unseen</b>" }).waitFor({ state: "attached" });
    assertEquals(await page.evaluate("log.scrollTop"), 50);

    stage.program.kill("SIGTERM");
    await page.locator("#log > div", { hasText: "Connection closed." })
      .waitFor({ state: "attached" });
    assertEquals(
      await page.locator("#log > div").allTextContents(),
      [
        "from the seed",
        ...Array.from({ length: 40 }, (_, n) => `line ${n}`),
        "<b>unseen</b>",
        "Connection closed.",
      ],
    );
  },
);

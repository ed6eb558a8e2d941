// Signing in with a browser: the password, an invite's link, links from other sites, signing out.
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { message, online, say, Stage, testInBrowser } from "../support/browser.ts";
import { makeCertificate } from "../support/certificate.ts";
import { startProgram } from "../support/program.ts";

const PASSWORD = "open sesame";

/** A page of another site with a link, as a mail has one. Disposing it ends it. */
function serveLink(href: string) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(`<a href="${href}">come</a>`, { headers: { "content-type": "text/html" } }),
  );
  return {
    // To a browser another site than 127.0.0.1.
    url: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A proxy before the server that keeps all referrers, as hardened ones do. It forwards no socket. */
function serveWithoutReferrer(target: string) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      const body = method === "POST" ? await request.text() : null;
      const url = new URL(pathname + search, target);
      const response = await fetch(url, { method, headers, body, redirect: "manual" });
      const changed = new Headers(response.headers);
      changed.set("referrer-policy", "no-referrer");
      changed.delete("content-encoding");
      changed.delete("content-length");
      return new Response(response.body, { status: response.status, headers: changed });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A tab that may be told 401, but has no error of a script's own. */
async function openTab(stage: Stage, context: BrowserContext, path = ""): Promise<Page> {
  const page = await context.newPage();
  page.on("pageerror", (error) => stage.complaints.push(String(error)));
  page.on("console", (message) => {
    const isExpected = /status of 40[13]|WebSocket connection to/.test(message.text());
    if (message.type() === "error" && !isExpected) stage.complaints.push(message.text());
  });
  await page.goto(stage.url + path);
  return page;
}

/** Somebody's browser who comes to a room for the first time and signs in. */
async function signIn(stage: Stage, path: string, options: BrowserContextOptions = {}) {
  const context = await stage.context(options);
  const page = await openTab(stage, context, path);
  await page.fill("#password", PASSWORD);
  await page.press("#password", "Enter");
  return { context, page };
}

testInBrowser(
  "sign-in: asks for the password, says when it is wrong, and goes on to where one was going",
  async () => {
    await using stage = await Stage.open({ CONFAB_PASSWORD: PASSWORD });
    const context = await stage.context({ viewport: { width: 320, height: 480 } });
    const ann = await openTab(stage, context, "r/kitchen?x=1#m7");
    assertEquals(await ann.title(), "Sign in · Confab");
    assertEquals(await ann.evaluate("document.activeElement.id"), "password");
    assertEquals(await ann.evaluate("document.documentElement.scrollWidth <= 320"), true);
    await ann.keyboard.type("open says me");
    await ann.keyboard.press("Enter");
    await ann.locator("#why", { hasText: "Wrong password." }).waitFor();
    await ann.keyboard.type(PASSWORD);
    await ann.keyboard.press("Enter");
    await online(ann);
    assertEquals(ann.url(), `${stage.url}r/kitchen?x=1#m7`);

    // Without a script as well.
    const { page } = await signIn(stage, "r/kitchen", { javaScriptEnabled: false });
    await page.locator("noscript").waitFor();
    assertEquals(page.url(), `${stage.url}r/kitchen`);
  },
);

testInBrowser("sign-in: who is signed in follows a link from another site", async () => {
  await using stage = await Stage.open({ CONFAB_PASSWORD: PASSWORD });
  const { context, page } = await signIn(stage, "");
  await online(page);
  for (const path of ["r/kitchen?x=1#m7", "r/kitchen"]) {
    await using mail = serveLink(stage.url + path);
    await page.goto(mail.url);
    const answer = page.waitForResponse((response) => response.url().startsWith(stage.url));
    await page.click("a");
    assertEquals((await answer).status(), 401, "the link is of another site");
    await online(page);
    assertEquals(page.url(), stage.url + path);
  }
  assertEquals((await context.cookies())[0]!.sameSite, "Strict");
});

testInBrowser(
  "sign-in: an invite's link leads into its room, from another site as well",
  async () => {
    await using stage = await Stage.open({ CONFAB_PASSWORD: PASSWORD });
    const response = await fetch(`${stage.url}invites`, {
      method: "POST",
      headers: { authorization: `Bearer ${PASSWORD}` },
      body: '{"room":"kitchen"}',
    });
    const { token } = await response.json();
    await using mail = serveLink(`${stage.url}invite/${token}`);
    for (const javaScriptEnabled of [true, false]) {
      const context = await stage.context({ javaScriptEnabled });
      const page = await openTab(stage, context);
      await page.goto(mail.url);
      await page.click("a");
      await page.getByRole("button", { name: "Join" }).waitFor();
      assertEquals(await context.cookies(), [], "another site sets no session");
      await page.getByRole("button", { name: "Join" }).click();
      await page.waitForURL(`${stage.url}r/kitchen`);
      assertEquals((await context.cookies()).length, 1);
      if (!javaScriptEnabled) continue;
      await online(page);
      await page.goto(`${stage.url}r/cellar`);
      assertStringIncludes(
        await page.locator("#why").innerText(),
        "The invite is for another room",
      );
    }
    // Who may go everywhere is no guest afterwards.
    const { page } = await signIn(stage, "");
    await online(page);
    const before = (await page.context().cookies())[0]!.value;
    for (const query of ["", "?here"]) {
      await using mail = serveLink(`${stage.url}invite/${token}${query}`);
      await page.goto(mail.url);
      await page.click("a");
      await page.getByRole("button", { name: "Join" }).click();
      await page.waitForURL(`${stage.url}r/kitchen`);
      await online(page);
    }
    assertEquals((await page.context().cookies())[0]!.value, before);
    await page.goto(`${stage.url}r/cellar`);
    await online(page);
    // A link that is typed leads into the room at once.
    const typed = await openTab(stage, await stage.context(), `invite/${token}`);
    await typed.waitForURL(`${stage.url}r/kitchen`);
    await online(typed);
  },
);

testInBrowser(
  "sign-in: signing out ends it in every tab, and keeps what was being written",
  async () => {
    await using stage = await Stage.open({ CONFAB_PASSWORD: PASSWORD });
    const { context, page } = await signIn(stage, "r/kitchen");
    await online(page);
    await page.fill("#name", "Ann");
    await page.press("#name", "Enter");
    await say(page, "said before");
    await message(page, "said before").waitFor();
    await page.fill("#msg", "half a thought");
    const other = await openTab(stage, context, "sign-in");
    await other.click("text=Sign out");
    await other.locator("#password").waitFor();
    assertEquals(await context.cookies(), []);
    await page.locator("#password").waitFor();
    await page.fill("#password", PASSWORD);
    await page.press("#password", "Enter");
    await online(page);
    await message(page, "said before").waitFor();
    assertEquals(await page.inputValue("#msg"), "half a thought");
  },
);

testInBrowser("sign-in: the page's own button signs out", async () => {
  await using stage = await Stage.open({ CONFAB_PASSWORD: PASSWORD });
  for (const path of ["", "r/kitchen"]) {
    const { context, page } = await signIn(stage, path);
    await online(page);
    const { name, value } = (await context.cookies())[0]!;
    const read = async () => {
      const headers = { cookie: `${name}=${value}` };
      const response = await fetch(`${stage.url}r/kitchen`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await read(), 200);
    await page.locator("#menu-button").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    // On the sign-in page, or in place of the room if the end of the socket was first.
    await page.locator("#password").waitFor();
    assertEquals(await read(), 401);
  }
});

testInBrowser("sign-in: forms work behind a proxy that withholds referrers", async () => {
  await using stage = await Stage.open({ CONFAB_PASSWORD: PASSWORD });
  await using proxy = serveWithoutReferrer(stage.url);
  const context = await stage.context({ javaScriptEnabled: false });
  const page = await openTab(stage, context, "sign-in");
  const origins: (string | undefined)[] = [];
  page.on("request", async (request) => {
    if (request.method() === "POST") origins.push((await request.allHeaders())["origin"]);
  });
  await page.goto(`${proxy.url}sign-in?next=/sign-in`);
  await page.fill("#password", PASSWORD);
  await page.press("#password", "Enter");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator("#password").waitFor();
  assertEquals(await context.cookies(), []);
  assertEquals(origins, ["null", "null"]);

  const response = await fetch(`${stage.url}invites`, {
    method: "POST",
    headers: { authorization: `Bearer ${PASSWORD}` },
  });
  await using mail = serveLink(`${proxy.url}invite/${(await response.json()).token}`);
  await page.goto(mail.url);
  await page.click("a");
  await page.getByRole("button", { name: "Join" }).click();
  await page.waitForURL(proxy.url);
  assertEquals((await context.cookies()).length, 1);
  assertEquals(origins, ["null", "null", "null"]);
});

testInBrowser(
  "sign-in: over https two servers below paths of one host keep their own sessions",
  async () => {
    await using stage = await Stage.open();
    const folder = await Deno.makeTempDir({ prefix: "confab-tls-" });
    try {
      const { cert, key } = await makeCertificate();
      await Deno.writeTextFile(`${folder}/cert.pem`, cert);
      await Deno.writeTextFile(`${folder}/key.pem`, key);
      const start = (base: string) =>
        startProgram({
          args: ["--addr", "127.0.0.1:0", "--base", base],
          env: {
            CONFAB_CERT: `${folder}/cert.pem`,
            CONFAB_KEY: `${folder}/key.pem`,
            CONFAB_PASSWORD: PASSWORD,
          },
        });
      await using chat = await start("/chat");
      await using other = await start("/other/chat");
      const urls = [
        `https://localhost:${chat.port}/chat/sign-in`,
        `https://localhost:${other.port}/other/chat/sign-in`,
      ];
      const context = await stage.context({ ignoreHTTPSErrors: true, javaScriptEnabled: false });
      const page = await context.newPage();
      for (const url of urls) {
        await page.goto(`${url}?next=/sign-in`);
        await page.fill("#password", PASSWORD);
        await page.press("#password", "Enter");
        await page.getByRole("button", { name: "Sign out" }).waitFor();
      }
      const names = (await context.cookies()).map(({ name }) => name).sort();
      assertEquals(names, ["__Host-confab_session+chat", "__Host-confab_session+other+chat"]);
      await page.goto(urls[0]!);
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.locator("#password").waitFor();
      assertEquals((await context.cookies()).map(({ name }) => name), names.slice(1));
      await page.goto(urls[1]!);
      await page.getByRole("button", { name: "Sign out" }).waitFor();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

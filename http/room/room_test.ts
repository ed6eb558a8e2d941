// A room over HTTP, each request through a real listener.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHmac } from "node:crypto";
import { makeKey } from "../../tests/support/json_socket.ts";
import { serve } from "../../tests/support/serving.ts";

const KEY = makeKey("Ann");
const JSON_TYPE = { "content-type": "application/json" };

/** Sends texts, one after the other. */
async function send(url: string, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    const response = await fetch(url, { method: "POST", body: text });
    assertEquals(response.status, 201, await response.text());
  }
}

async function readJson(url: string, query = "") {
  const response = await fetch(url + query, { headers: { accept: "application/json" } });
  return { response, page: await response.json() };
}

/** Sends a POST and returns status and code of the response. */
async function refusal(url: string, init: RequestInit): Promise<[number, string]> {
  const response = await fetch(url, { method: "POST", ...init });
  const { code, status } = await response.json();
  if (response.status >= 400) {
    assertEquals(response.headers.get("content-type"), "application/problem+json");
    assertEquals(status, response.status);
  }
  return [response.status, code];
}

Deno.test("POST sends the body, and GET returns it", async () => {
  await using server = await serve();
  const posted = await fetch(server.url, { method: "POST", body: "build green" });
  assertEquals(posted.status, 201);
  assertEquals(posted.headers.get("content-type"), "application/json");
  const { seq, id } = await posted.json();
  assertEquals(seq, 1);
  const { page } = await readJson(server.url, posted.headers.get("location")!);
  assertEquals(page.entries.map((entry: { id: string }) => entry.id), [id]);
  const shown = await fetch(server.url);
  assertEquals(shown.headers.get("content-type"), "text/plain; charset=utf-8");
  assertMatch(await shown.text(), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ build green\n$/);
});

Deno.test("POST removes one line break from the end of a text, and nothing else", async () => {
  await using server = await serve();
  await send(server.url, "printed\n", "from Windows\r\n", "  two\n\n", "\tindented");
  const { page } = await readJson(server.url);
  const texts = page.entries.map((entry: { text: string }) => entry.text);
  assertEquals(texts, ["printed", "from Windows", "  two\n", "\tindented"]);
});

Deno.test("POST of JSON sends, replies, edits, deletes and reacts as the key's author", async () => {
  await using server = await serve();
  const post = async (body: object) => {
    const headers = { ...JSON_TYPE, "confab-key": KEY };
    const init = { method: "POST", headers, body: JSON.stringify({ name: "Ann", ...body }) };
    return (await (await fetch(server.url, init)).json()).seq;
  };
  const lines = [
    { text: "hi", id: "a" },
    { text: "answer", replyTo: 1 },
    { type: "edit", ref: 1, text: "hello" },
    { type: "react", ref: 2, emoji: "👍" },
    { type: "delete", ref: 2 },
  ];
  for (const [n, line] of lines.entries()) assertEquals(await post(line), n + 1);
  const { page } = await readJson(server.url);
  const kinds = page.entries.map((entry: { kind: string }) => entry.kind);
  assertEquals(kinds, ["say", "say", "edit", "react", "delete"]);
  const tags = page.entries.map(({ from }: { from: { tag: string } }) => from.tag);
  assertEquals(new Set(tags).size, 1);
  assert(!tags.includes("0000"));
  assertEquals(
    (await (await fetch(server.url)).text()).replace(/\S+ /, ""),
    `¶ Ann#${tags[0]} (edited): hello\n`,
  );
});

Deno.test("GET shows what entries have come to, on whatever page the edit or the deletion stands", async () => {
  await using server = await serve();
  const post = async (body: object) => {
    const headers = { ...JSON_TYPE, "confab-key": KEY };
    const init = { method: "POST", headers, body: JSON.stringify({ name: "Ann", ...body }) };
    return (await (await fetch(server.url, init)).json()).seq;
  };
  for (const text of ["first version", "regretted", "kept"]) await post({ text });
  for (let n = 0; n < 60; n++) await post({ text: `other ${n}` });
  const older = await post({ type: "edit", ref: 1, text: "second version" });
  for (let n = 0; n < 9; n++) await post({ text: `another ${n}` });
  const edit = await post({ type: "edit", ref: 1, text: "last version" });
  await post({ type: "delete", ref: 2 });
  const lines = async (query: string) =>
    (await (await fetch(server.url + query)).text()).replace(/^\S+ ¶ (Ann)#\w{6}/gm, "$1");
  assertEquals(await lines("?before=4"), "Ann (edited): last version\nAnn: kept\n");
  assertEquals(await lines("?after=0&limit=1"), "Ann (edited): last version\n");
  const between = await lines(`?after=${older - 1}&limit=1`);
  assertEquals(between, "Ann (edited): last version\n");
  const { page } = await readJson(server.url, "?before=4");
  const shown = page.entries.map((
    { text, edited, deleted }: Record<string, unknown>,
  ) => ({ text, edited, deleted }));
  assertEquals(shown, [
    { text: "first version", edited: { seq: edit, text: "last version" }, deleted: undefined },
    { text: "", edited: undefined, deleted: true },
    { text: "kept", edited: undefined, deleted: undefined },
  ]);
});

Deno.test("POST of a known id stores nothing and returns the first seq", async () => {
  await using server = await serve();
  const post = async (headers: Record<string, string>, body: string, query = "") => {
    const response = await fetch(server.url + query, { method: "POST", headers, body });
    return [response.status, await response.text()];
  };
  const first = await post({ "idempotency-key": "k1" }, "one");
  assertEquals(first, [201, '{"seq":1,"id":"k1"}\n']);
  assertEquals(await post({ "idempotency-key": "k1" }, "one"), first);
  assertEquals(await post({ "idempotency-key": '"k1"' }, "one"), first); // quoted, as in the draft of the header
  assertEquals(await post(JSON_TYPE, '{"id":"k1","text":"one"}'), first);
  // The same id of another author is another message.
  assertEquals(await post({ "idempotency-key": "k1" }, "two", "?name=ci"), [
    201,
    '{"seq":2,"id":"k1"}\n',
  ]);
  const ann = { "idempotency-key": "k1", "confab-key": KEY };
  assertEquals(await post(ann, "three", "?name=Ann"), [201, '{"seq":3,"id":"k1"}\n']);
  assertEquals((await readJson(server.url)).page.head, 3);
});

Deno.test("POST of a known id with other content is refused, whatever the way, and the repeat is not", async () => {
  await using server = await serve();
  const id = { "idempotency-key": "deploy-8" };
  const post = async (body: string, more: Record<string, string> = {}, query = "?name=ci") => {
    const init = { method: "POST", headers: { ...id, ...more }, body };
    const response = await fetch(server.url + query, init);
    return { status: response.status, ...await response.json() };
  };
  const taken = {
    status: 409,
    code: "id_taken",
    id: "deploy-8",
    title: "Another message of the same author has this id",
  };
  const json = (fields: object) => JSON.stringify(fields);
  const payload = json({ sender: { login: "ann" }, zen: "Zen.", repository: {} });
  const delivery = { ...JSON_TYPE, "x-github-event": "ping", "x-github-delivery": "deploy-8" };
  for (const more of [{}, { "confab-key": KEY }]) {
    const { status, seq } = await post("of a stranger", more);
    assertEquals(status, 201);
    const { detail: _, ...refused } = await post("build 8 green", more);
    assertEquals(refused, taken);
    assertEquals(
      (await post(json({ text: "of a stranger", replyTo: seq }), { ...JSON_TYPE, ...more })).code,
      "id_taken",
    );
    assertEquals((await post(json({ text: "of a stranger" }), { ...JSON_TYPE, ...more })).seq, seq);
    assertEquals((await post("of a stranger\n", more)).seq, seq);
  }
  assertEquals((await post(payload, delivery, "?format=github")).status, 201);
  assertEquals((await post("other", {}, "?name=GitHub")).code, "id_taken");
  assertEquals((await post(payload, delivery, "?format=github")).status, 201);
  assertEquals((await readJson(server.url)).page.head, 3);
});

Deno.test("POST without a key has an anonymous author", async () => {
  await using server = await serve();
  await send(`${server.url}?name=Ann`, "one");
  await send(`${server.url}?name=Bob`, "two");
  await send(server.url, "three");
  const { page } = await readJson(server.url);
  assertEquals(
    page.entries.map(({ from }: { from: object }) => from),
    [{ name: "Ann", tag: "0000" }, { name: "Bob", tag: "0000" }, { name: "", tag: "0000" }],
  );
});

Deno.test("POST of another service's payload sends it as text, each delivery once", async () => {
  await using server = await serve();
  const payload = JSON.stringify({
    action: "opened",
    sender: { login: "ann" },
    repository: { full_name: "a/b" },
    issue: { number: 7, title: "It leaks", html_url: "https://github.example/a/b/issues/7" },
  });
  const github = { "x-github-event": "issues", "x-github-delivery": "72d3162e" };
  const deliver = async (query: string, init: RequestInit) => {
    const response = await fetch(server.url + query, { method: "POST", ...init });
    return [response.status, await response.text()];
  };
  const first = [201, '{"seq":1,"id":"72d3162e"}\n'];
  const asJson = { headers: { ...github, ...JSON_TYPE }, body: payload };
  assertEquals(await deliver("?format=github", asJson), first);
  const asForm = { headers: github, body: new URLSearchParams({ payload }) };
  assertEquals(await deliver("?format=github", asForm), first);
  const slack = { body: JSON.stringify({ text: "<https://x.example|up>", username: "ci" }) };
  assertEquals(await deliver("?format=slack", slack), [200, "ok"]);
  const foreign = { ...slack, headers: { origin: "https://evil.example" } };
  assertEquals((await deliver("?format=slack", foreign))[0], 403);
  const { page } = await readJson(server.url);
  assertEquals(
    page.entries.map((
      { from, text }: { from: { name: string }; text: string },
    ) => [from.name, text]),
    [
      ["GitHub", "[a/b] ann opened issue #7: It leaks\nhttps://github.example/a/b/issues/7"],
      ["ci", "up (https://x.example)"],
    ],
  );
  const large = { body: JSON.stringify({ text: "x", more: "x".repeat(1024 * 1024) }) };
  assertEquals((await deliver("?format=slack", large))[0], 413);
});

Deno.test("POST of GitHub's payload needs a signature if the server has a secret", async () => {
  const githubSecret = "It's a Secret to Everybody";
  await using server = await serve({ githubSecret });
  const payload = JSON.stringify({ sender: { login: "ann" }, zen: "Zén.", repository: {} });
  const url = `${server.url}?format=github`;
  const sign = (body: string, secret = githubSecret) => ({
    "x-github-event": "ping",
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
  });
  const form = `payload=${encodeURIComponent(payload)}`;
  const formType = { "content-type": "application/x-www-form-urlencoded" };
  for (
    const headers of [{ "x-github-event": "ping" }, sign(`${payload} `), sign(payload, "another")]
  ) {
    const refused = [403, "bad_signature"];
    assertEquals(
      await refusal(url, { headers: { ...headers, ...JSON_TYPE }, body: payload }),
      refused,
    );
    assertEquals(await refusal(url, { headers: { ...headers, ...formType }, body: form }), refused);
  }
  const signed: [Record<string, string>, string][] = [
    [{ ...sign(payload), ...JSON_TYPE }, payload],
    [{ ...sign(form), ...formType }, form],
  ];
  for (const [headers, body] of signed) {
    const response = await fetch(url, { method: "POST", headers, body });
    assertEquals(response.status, 201, await response.text());
  }
  // The secret is GitHub's alone.
  await send(server.url, "said");
  const slack = { method: "POST", body: '{"text":"hi"}' };
  assertEquals(await (await fetch(`${server.url}?format=slack`, slack)).text(), "ok");
});

Deno.test("POST cuts another service's text at the limit, whatever character is there", async () => {
  for (const textBytes of [100, 40_000]) {
    await using server = await serve({ limits: { textBytes } });
    for (const text of ["x".repeat(textBytes), "\0".repeat(textBytes)]) {
      const init = { method: "POST", body: JSON.stringify({ text }) };
      const response = await fetch(`${server.url}?format=slack`, init);
      assertEquals([response.status, await response.text()], [200, "ok"]);
    }
    const { page } = await readJson(`${server.url}`);
    const cut = "\ufffd".repeat((textBytes - 3) / 3);
    assertEquals(page.entries.map(({ text }: { text: string }) => text), [
      "x".repeat(textBytes),
      `${cut}…`,
    ]);
  }
});

Deno.test("POST accepts keys in UTF-8 only, so that different keys are different authors", async () => {
  await using server = await serve();
  const init = (bytes: number[]) => ({
    headers: { "confab-key": String.fromCharCode(...bytes) },
    body: "hi",
  });
  const key = [...new TextEncoder().encode("ключ".repeat(3))];
  await send(`${server.url}?name=Ann`, "first");
  const taken = await fetch(`${server.url}?name=Ann`, { method: "POST", ...init(key) });
  assertEquals(taken.status, 201, await taken.text());
  const raw = Array.from({ length: 16 }, (_, n) => 128 + n);
  assertEquals(await refusal(`${server.url}?name=Ann`, init(raw)), [400, "bad_field"]);
});

Deno.test("POST refuses invalid requests with a coded problem", async () => {
  await using server = await serve();
  await send(server.url, "one");
  const json = (body: unknown, headers: Record<string, string> = {}) => ({
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  });
  const key = { "confab-key": KEY };
  const form = new FormData();
  form.set("text", "hi");
  const cases: [RequestInit, number, string][] = [
    [{ body: "" }, 400, "bad_field"],
    [{ body: " \n" }, 400, "bad_field"],
    [{ body: Uint8Array.of(0xff, 0xfe) }, 400, "not_text"],
    [{ body: "x".repeat(16 * 1024 + 1) }, 413, "too_long"],
    [{ body: "x".repeat(128 * 1024 + 1) }, 413, "too_long"],
    [
      {
        body: ReadableStream.from(["x".repeat(70_000), "x".repeat(70_000)]).pipeThrough(
          new TextEncoderStream(),
        ),
      },
      413,
      "too_long",
    ],
    [{ body: form }, 415, "bad_media_type"],
    [{ ...json([]) }, 400, "not_json"],
    [{ headers: JSON_TYPE, body: "{" }, 400, "not_json"],
    [json({}), 400, "bad_field"],
    [json({ text: 7 }), 400, "bad_field"],
    [json({ text: "hi", name: 7 }), 400, "bad_field"],
    [json({ text: "hi", name: "a\u200bb" }), 400, "bad_name"],
    [json({ text: "hi", id: "x".repeat(65) }), 400, "bad_field"],
    [json({ text: "hi", id: "a" }, { "idempotency-key": "b" }), 400, "bad_field"],
    [json({ text: "hi" }, { "confab-key": "short" }), 400, "bad_field"],
    [json({ text: "hi" }, key), 400, "no_name"],
    [json({ text: "hi", replyTo: 9 }), 409, "unknown_ref"],
    [json({ type: "delete", ref: 1 }), 403, "no_key"],
    [json({ type: "react", ref: 1, emoji: "👍", name: "x" }), 403, "no_key"],
    [json({ type: "edit", ref: 1, text: "mine", name: "Ann" }, key), 403, "not_yours"],
    [json({ type: "typing" }), 400, "unknown_type"],
    [json({ type: "shout" }), 400, "unknown_type"],
    [{ body: "hi", headers: { origin: "https://evil.example" } }, 403, "foreign_origin"],
    [{ body: "hi", headers: { origin: "null" } }, 403, "foreign_origin"],
  ];
  for (const [init, status, code] of cases) {
    assertEquals(await refusal(server.url, init), [status, code], JSON.stringify(init));
  }
  assertEquals((await readJson(server.url)).page.head, 1);
  assertEquals(await refusal(`${server.url}?format=csv`, { body: "{}" }), [400, "bad_field"]);
});

Deno.test("POST responds 503 with Retry-After after the rooms are closed", async () => {
  await using server = await serve();
  server.hub.close("restarting");
  const response = await fetch(server.url, { method: "POST", body: "late" });
  assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
  assertEquals((await response.json()).code, "restarting");
});

Deno.test("serveRoom() responds to other methods with the ones that a room supports", async () => {
  await using server = await serve();
  for (const method of ["PUT", "DELETE", "PATCH"]) {
    const response = await fetch(server.url, { method, ...method === "PUT" ? { body: "x" } : {} });
    assertEquals(response.status, 405);
    assertEquals(response.headers.get("allow"), "GET, HEAD, POST, OPTIONS");
    assertStringIncludes((await response.json()).detail, "use POST");
  }
});

Deno.test("GET chooses a representation by Accept, and adds it to Vary", async () => {
  await using server = await serve();
  await send(server.url, "hi");
  await send(server.url.replace("ops", "lobby"), "hi");
  const root = `http://127.0.0.1:${server.port}/`;
  const html = "text/html; charset=utf-8";
  const text = "text/plain; charset=utf-8";
  const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
  const cases: [string, string | undefined, number, string][] = [
    [server.url, undefined, 200, text],
    [server.url, "*/*", 200, text],
    [server.url, "text/plain", 200, text],
    [server.url, browser, 200, html],
    [server.url, "application/json", 200, "application/json"],
    [server.url, "text/html;q=0.1, application/json", 200, "application/json"],
    [server.url, "application/json, text/plain, */*", 200, "application/json"],
    [server.url, "text/plain, application/json;q=0.9", 200, text],
    [server.url, "image/png", 406, "application/problem+json"],
    [server.url, "application/json;q=0", 406, "application/problem+json"],
    [root, "*/*", 200, html],
    [root, "application/json", 200, "application/json"],
    [root, "application/json, text/plain, */*", 200, "application/json"],
    [root, "text/html, application/json, */*", 200, html],
    [server.url, "application/json-seq, */*", 200, text],
    [root, "text/plain", 200, text],
  ];
  for (const [url, accept, status, type] of cases) {
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(url, { method, headers: accept ? { accept } : {} });
      assertEquals([response.status, response.headers.get("content-type")], [status, type], accept);
      const isStream = type === "text/event-stream" || type === "application/x-ndjson";
      const vary = isStream || status !== 200 ? "Accept" : "Accept, Accept-Encoding";
      assertEquals(response.headers.get("vary"), vary, accept);
      assertEquals((await response.text()).length > 0, method === "GET");
    }
  }
});

Deno.test("GET returns links to older and newer pages", async () => {
  await using server = await serve();
  const texts = Array.from({ length: 7 }, (_, n) => `${n + 1}`);
  await send(server.url, ...texts);
  const walk = async (start: string, rel: string) => {
    const pages: string[][] = [];
    for (let query: string | undefined = start; query;) {
      const { response, page } = await readJson(server.url, query);
      pages.push(page.entries.map((entry: { text: string }) => entry.text));
      const link = response.headers.get("link") ?? "";
      query = new RegExp(`<([^>]+)>; rel="${rel}"`).exec(link)?.[1];
      assertEquals(page.more, query !== undefined);
    }
    return pages;
  };
  assertEquals(await walk("?limit=3", "prev"), [["5", "6", "7"], ["2", "3", "4"], ["1"]]);
  assertEquals(await walk("?after=0&limit=3", "next"), [["1", "2", "3"], ["4", "5", "6"], ["7"]]);
  assertEquals((await readJson(server.url, "?after=7")).page.entries, []);
  assertEquals((await readJson(server.url, "?before=1")).page.entries, []);
  assertEquals((await readJson(`${server.url}-empty`)).page, {
    ...(await readJson(server.url, "?before=1")).page,
    room: "ops-empty",
    head: 0,
  });
});

Deno.test("GET returns 50 entries by default, and never more than 500", async () => {
  await using server = await serve();
  const message = { kind: "say", text: "hi", ref: 0, on: true } as const;
  const posts = Array.from(
    { length: 501 },
    (_, n) => server.hub.post("ops", { author: "k3f9", name: "Ann" }, { ...message, id: `${n}` }),
  );
  await Promise.all(posts);
  assertEquals((await readJson(server.url)).page.entries.length, 50);
  assertEquals((await readJson(server.url, "?limit=9999")).page.entries.length, 500);
});

Deno.test("GET bounds a page by its encoded bytes, and its links lead to the rest", async () => {
  await using server = await serve();
  const texts = Array.from({ length: 30 }, (_, n) => `${n} `.padEnd(16 * 1024, '"'));
  await send(server.url, ...texts);
  for (const [start, rel] of [["?after=0&limit=500", "next"], ["?limit=500", "prev"]] as const) {
    for (const accept of ["application/json", "text/plain"]) {
      let bodies = "";
      let pages = 0;
      for (let query: string | undefined = start; query !== undefined; pages++) {
        const response: Response = await fetch(server.url + query, { headers: { accept } });
        const body = await response.text();
        assert(body.length <= 256 * 1024 + 200, `${body.length} bytes`);
        bodies = rel === "next" ? bodies + body : body + bodies;
        const link = response.headers.get("link") ?? "";
        query = new RegExp(`<([^>]+)>; rel="${rel}"`).exec(link)?.[1];
      }
      const found = [...bodies.matchAll(/(\d+) (?:\\?"){1000}/g)].map(([, n]) => Number(n));
      assertEquals(found, texts.map((_, n) => n), `${start} ${accept}`);
      assert(pages >= 2);
    }
  }
});

Deno.test("GET returns an entry that is larger than a page", async () => {
  await using server = await serve({ limits: { textBytes: 300_000 } });
  await send(server.url, "small", '"'.repeat(200_000), "small");
  const { page } = await readJson(server.url, "?after=1");
  assertEquals(page.entries.map(({ text }: { text: string }) => text.length), [200_000]);
  assertEquals((await readJson(server.url, "?after=2")).page.entries.length, 1);
});

Deno.test("GET of pages is limited to four times the rate of messages, in all formats; other responses are not", async () => {
  await using server = await serve({ limits: { messagesPerS: 0.25 } });
  const get = async (accept: string, method = "GET") => {
    const response = await fetch(server.url, { method, headers: { accept } });
    const text = await response.text();
    return [response.status, response.headers.get("retry-after"), /"code":"(\w+)"/.exec(text)?.[1]];
  };
  assertEquals((await get("text/plain"))[0], 200);
  assertEquals((await get("application/json"))[0], 200);
  for (const accept of ["text/plain", "application/json"]) {
    assertEquals(await get(accept), [429, "1", "rate_limited"]);
  }
  for (let n = 0; n < 3; n++) {
    assertEquals((await get("text/html"))[0], 200);
    assertEquals((await get("text/event-stream", "HEAD"))[0], 200);
  }
});

Deno.test("GET counts the entries that retention has removed", async () => {
  await using server = await serve({ keep: 3 });
  await send(server.url, "1", "2", "3", "4", "5");
  const { page, response } = await readJson(server.url, "?after=0");
  assertEquals(page.gap, { from: 1, to: 2, count: 2, reason: "retention" });
  assertEquals(page.entries.map((entry: { seq: number }) => entry.seq), [3, 4, 5]);
  assertEquals(response.headers.get("link"), null);
  assertEquals((await readJson(server.url, "?after=2")).page.gap, undefined);
  const text = await (await fetch(`${server.url}?after=0`)).text();
  assertEquals(text.split("\n")[0], "¶ -- 2 entries are no longer kept --");
});

Deno.test("GET refuses an invalid query", async () => {
  await using server = await serve();
  for (
    const query of [
      "?after=x",
      "?after=-1",
      "?before=1.5",
      "?limit=0",
      "?after=1&before=2",
      "?history=all",
    ]
  ) {
    const { response, page } = await readJson(server.url, query);
    assertEquals([response.status, page.code], [400, "bad_field"], query);
  }
});

Deno.test("serveRoom() ignores the query of the page, and allows no other method on /", async () => {
  await using server = await serve();
  const headers = { accept: "text/html" };
  const page = await fetch(`${server.url}?after=x`, { headers });
  assertEquals([page.status, (await page.text()).includes("<title>")], [200, true]);
  const options = await fetch(`http://127.0.0.1:${server.port}/`, { method: "OPTIONS" });
  assertEquals([options.status, options.headers.get("allow")], [405, "GET, HEAD"]);
  await options.body?.cancel();
});

Deno.test("serveRoom() lets pages of allowed origins read and post, and no others", async () => {
  const friend = "https://friend.example";
  await using server = await serve({ allowOrigins: [friend] });
  const ask = async (method: string, origin: string) => {
    const body = method === "POST" ? { body: "hi" } : {};
    const response = await fetch(server.url, { method, headers: { origin }, ...body });
    await response.body?.cancel();
    return [response.status, response.headers.get("access-control-allow-origin")];
  };
  assertEquals(await ask("POST", friend), [201, friend]);
  assertEquals(await ask("GET", friend), [200, friend]);
  assertEquals(await ask("OPTIONS", friend), [204, friend]);
  for (
    const origin of [
      "https://friend.example.evil.example",
      "http://friend.example",
      "https://evil.example",
    ]
  ) {
    assertEquals(await ask("POST", origin), [403, null]);
    assertEquals(await ask("GET", origin), [200, null]); // without CORS headers the browser hides the response
    assertEquals(await ask("OPTIONS", origin), [403, null]);
  }
  const response = await fetch(server.url, { method: "HEAD" });
  assertEquals(response.headers.get("vary"), "Accept, Origin, Accept-Encoding");
});

Deno.test("makeHandler() responds to an invalid room with a problem for scripts, and a sentence for people", async () => {
  await using server = await serve();
  const url = server.url.replace("ops", "Not%20a%20room");
  const script = await fetch(url, { method: "POST", body: "hi" });
  assertEquals(script.status, 404);
  assertStringIncludes((await script.json()).detail, "lower-case");
  const person = await fetch(url, { headers: { accept: "text/html" } });
  assertEquals([person.status, await person.text()], [404, "Not found\n"]);
});

Deno.test("serveHealth() responds 200 while the rooms respond", async () => {
  await using server = await serve();
  const url = `http://127.0.0.1:${server.port}/healthz`;
  const healthy = await fetch(url);
  assertEquals([healthy.status, await healthy.text()], [200, '{"status":"ok"}\n']);
  assertEquals((await fetch(url, { method: "HEAD" })).status, 200);
  const posted = await fetch(url, { method: "POST" });
  assertEquals([posted.status, await posted.text()], [405, "Method not allowed\n"]);
  server.hub.close("restarting");
  const closed = await fetch(url);
  assertEquals([closed.status, (await closed.json()).status], [503, "down"]);
});

// Who may come in: the password, sessions, invites and signing out, asked of the real server over both transports.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Authenticator, type AuthenticatorOptions } from "../auth/authenticator.ts";
import { openSessionStore } from "../auth/session_store.ts";
import type { ServerDeps } from "../http/router.ts";
import { makeHandler } from "../http/router.ts";
import { listenDeno } from "../transport/deno.ts";
import { listenWs } from "../transport/ws.ts";
import { within } from "./support/deadline.ts";
import { serve } from "./support/serving.ts";

const PASSWORD = "open sesame";
const OPERATOR_KEY = "an operator's long key";
const TRANSPORTS = { deno: listenDeno, ws: listenWs };
const DAY_MS = 24 * 3_600_000;

/** A server that is locked, with a clock of its own and what it has logged, word for word. */
async function lock(
  options: Partial<AuthenticatorOptions> & { transport?: keyof typeof TRANSPORTS } = {},
) {
  const { transport = "deno", ...others } = options;
  const logged: string[] = [];
  const clock = { now: Date.now() };
  const authenticator = new Authenticator({
    password: PASSWORD,
    operatorKey: OPERATOR_KEY,
    store: openSessionStore(undefined),
    log: (...line) => logged.push(JSON.stringify(line)),
    now: () => clock.now,
    hashCost: 16,
    ...others,
  });
  const server = await serve({ authenticator, listen: TRANSPORTS[transport] });
  const base = `http://127.0.0.1:${server.port}`;
  const answers: Response[] = [];
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(base + path, { redirect: "manual", ...init });
    answers.push(response);
    return response;
  };
  return {
    ...server,
    authenticator,
    base,
    logged,
    clock,
    ask,
    /** Status and code of the answer; the code is empty where it is no problem document. */
    async told(path: string, init: RequestInit = {}) {
      const response = await ask(path, init);
      const text = await response.text();
      const isProblem = response.headers.get("content-type") === "application/problem+json";
      return [response.status, isProblem ? JSON.parse(text).code : ""];
    },
    signIn: (password: string, next = "") =>
      ask("/sign-in", {
        method: "POST",
        headers: { origin: base },
        body: new URLSearchParams({ password, next }),
      }),
    async [Symbol.asyncDispose]() {
      for (const response of answers) if (!response.bodyUsed) await response.body?.cancel();
      await server[Symbol.asyncDispose]();
      authenticator[Symbol.dispose]();
    },
  };
}

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

/** What a browser sends after an answer that sets a cookie. */
function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]!.split(";")[0]!;
}

/** Takes the token out of an invite's answer. */
async function invite(
  { ask }: { ask: (path: string, init: RequestInit) => Promise<Response> },
  wish: object = {},
): Promise<{ id: number; token: string }> {
  const body = JSON.stringify(wish);
  const response = await ask("/invites", { method: "POST", headers: bearer(PASSWORD), body });
  assertEquals(response.status, 201);
  return await response.json();
}

/** A socket with these headers, when it has ended. */
function openSocket(url: string, headers: Record<string, string>) {
  const socket = new WebSocket(url.replace("http", "ws"), { protocols: ["confab.v1"], headers });
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<CloseEvent>();
  socket.onopen = () => opened.resolve();
  socket.onerror = (event) => event.preventDefault();
  socket.onclose = (event) => {
    opened.reject(new Error("it was closed"));
    closed.resolve(event);
  };
  opened.promise.catch(() => {});
  return { socket, opened: opened.promise, closed: closed.promise };
}

/** Every way into a room, as a path with what is sent. */
function waysInto(room: string): [string, RequestInit][] {
  const accept = (type: string) => ({ headers: { accept: type } });
  const upgrade = { upgrade: "websocket", connection: "Upgrade" };
  return [
    [`/r/${room}`, accept("text/plain")],
    [`/r/${room}?follow`, accept("text/plain")],
    [`/r/${room}`, accept("application/json")],
    [`/r/${room}`, accept("text/event-stream")],
    [`/r/${room}`, accept("application/x-ndjson")],
    [`/r/${room}`, { method: "POST", body: "hi" }],
    [`/r/${room}?format=slack`, { method: "POST", body: '{"text":"hi"}' }],
    [`/r/${room}/ws`, { headers: upgrade }],
    [`/r/${room}`, { method: "PUT", body: "hi" }],
  ];
}

for (const transport of ["deno", "ws"] as const) {
  Deno.test(`access: a program may send the password as Basic, and a service has an invite in its URL (${transport})`, async () => {
    await using server = await lock({ transport });
    const { told, signIn } = server;
    const basic = (password: string) => ({ authorization: `Basic ${btoa(`ci:${password}`)}` });
    for (const accept of ["text/plain", "application/json"]) {
      const headers = { accept, ...basic(PASSWORD) };
      assertEquals((await told("/r/ops", { headers }))[0], 200, accept);
    }
    const say = { method: "POST", body: "hi" };
    assertEquals((await told("/r/ops", { ...say, headers: basic(PASSWORD) }))[0], 201);
    const wrong = { ...say, headers: basic("no") };
    assertEquals(await told("/r/ops", wrong), [401, "wrong_password"]);
    // A proxy in front has a password of its own, which browsers send with every request.
    const session = { ...basic("of the proxy"), cookie: cookieOf(await signIn(PASSWORD)) };
    assertEquals((await told("/r/ops", { headers: session }))[0], 200);
    const page = { headers: { ...basic("of the proxy"), accept: "text/html" } };
    assertEquals((await server.ask("/r/ops", page)).status, 401);
    assertEquals(server.logged.filter((line) => line.includes("wrong password")).length, 1);

    const { id, token } = await invite(server, { room: "ops" });
    const slack = { method: "POST", body: '{"text":"hi"}' };
    const query = `?format=slack&invite=${token}`;
    assertEquals(await told(`/r/ops${query}`, slack), [200, ""]);
    assertEquals(await told(`/r/other${query}`, slack), [403, "not_invited"]);
    assertEquals(await told(`/r/ops${query}`), [401, "sign_in_first"]); // reading needs more
    assertEquals(await told(`/r/ops?invite=${PASSWORD}`, say), [401, "sign_in_first"]);
    assertEquals(await told("/r/ops", { ...say, headers: basic(token) }), [201, ""]);
    await server.ask(`/invites/${id}`, { method: "DELETE", headers: bearer(PASSWORD) });
    assertEquals(await told(`/r/ops${query}`, slack), [403, "bad_invite"]);
  });

  Deno.test(`access: nothing of a room without being let in, and all of it with the password (${transport})`, async () => {
    await using server = await lock({ transport });
    const { told, ask } = server;
    for (const [path, init] of waysInto("ops")) {
      assertEquals(await told(path, init), [401, "sign_in_first"], `${path} ${init.method}`);
      const guess = { ...init, headers: { ...init.headers, ...bearer(`inv_${"x".repeat(43)}`) } };
      assertEquals(await told(path, guess), [403, "bad_invite"], path);
    }
    const head = await ask("/r/ops", { method: "HEAD" });
    assertEquals([head.status, head.headers.get("www-authenticate")], [401, "Bearer"]);
    for (
      const path of [
        "/healthz",
        "/page/chat.js",
        "/sdk/session.js",
        "/sign-in",
        "/sign-in/sign_in.css",
      ]
    ) {
      assertEquals(await told(path), [200, ""]);
    }
    for (const secret of [PASSWORD, OPERATOR_KEY]) {
      const headers = bearer(secret);
      assertEquals(await told("/r/ops", { method: "POST", body: "hi", headers }), [201, ""]);
      assertEquals(await told("/r/ops", { headers }), [200, ""]);
    }
    assertEquals(await told("/", { headers: { accept: "text/html" } }), [401, ""]);
    assert(!server.logged.join().includes(PASSWORD));
  });

  Deno.test(`access: signing out closes what the session has opened, and nothing else (${transport})`, async () => {
    await using server = await lock({ transport });
    const [cookie, other] = [
      cookieOf(await server.signIn(PASSWORD)),
      cookieOf(await server.signIn(PASSWORD)),
    ];
    const ours = { cookie, origin: server.base };
    const socket = openSocket(`${server.base}/ws`, ours);
    const others = openSocket(`${server.base}/ws`, { cookie: other, origin: server.base });
    await Promise.all([socket.opened, others.opened]);
    const stream = await server.ask("/r/ops", { headers: { cookie, accept: "text/event-stream" } });
    const response = await server.ask("/sign-out", { method: "POST", headers: ours });
    assertEquals([response.status, response.headers.get("location")], [303, "./sign-in"]);
    assertMatch(
      response.headers.get("set-cookie")!,
      /^confab_session=; .*Expires=Thu, 01 Jan 1970/,
    );
    const { code, reason } = await within(5_000, "the close", socket.closed);
    assertEquals([code, reason], [1008, "signed_out: Signed out"]);
    assertStringIncludes(await within(5_000, "the end", stream.text()), '"code":"signed_out"');
    assertEquals(await server.told("/r/ops", { headers: { cookie } }), [401, "sign_in_first"]);
    assertEquals(others.socket.readyState, WebSocket.OPEN);
    assertEquals(await server.told("/r/ops", { headers: { cookie: other } }), [200, ""]);
    others.socket.close();
    await others.closed;
  });
}

Deno.test("access: a cookie alone speaks for pages of ours only", async () => {
  await using server = await lock();
  const cookie = cookieOf(await server.signIn(PASSWORD));
  const upgrade = { cookie, upgrade: "websocket", connection: "Upgrade" };
  const foreign = [403, "foreign_origin"];
  for (const origin of [{}, { origin: "http://evil.example" }, { origin: "null" }]) {
    const headers = { cookie, ...origin };
    const isNone = !("origin" in origin);
    assertEquals(await server.told("/r/ops", { method: "POST", body: "x", headers }), foreign);
    assertEquals(await server.told("/ws", { headers: { ...upgrade, ...origin } }), foreign);
    assertEquals(await server.told("/invites", { method: "POST", headers }), foreign);
    if (isNone) assertEquals(await server.told("/r/ops", { headers }), [200, ""]);
    else assertEquals((await server.ask("/sign-out", { method: "POST", headers })).status, 403);
  }
  const headers = { cookie, origin: server.base };
  assertEquals(await server.told("/r/ops", { method: "POST", body: "x", headers }), [201, ""]);
});

Deno.test("access: of twenty wrong passwords few are looked at, and a right one from elsewhere is", async () => {
  await using server = await lock();
  await server.signIn(PASSWORD); // which counts for nothing
  const statuses = [];
  for (let i = 0; i < 20; i++) {
    const response = await server.signIn(`guess ${i}`);
    statuses.push(response.status);
    const text = await response.text();
    assertEquals(response.headers.getSetCookie(), []);
    assertEquals(text.includes("Too many wrong passwords"), response.status === 429);
    if (response.status === 429) assertMatch(response.headers.get("retry-after")!, /^[1-9]$/);
  }
  assertEquals(statuses, [...Array(5).fill(401), ...Array(15).fill(429)]);
  // Not the right one either, or waiting would be for nothing.
  const late = { headers: bearer(PASSWORD) };
  assertEquals(await server.told("/r/ops", late), [429, "too_many_attempts"]);
  await server.authenticator.signIn(PASSWORD, "192.0.2.7");
  server.clock.now += 60_000;
  assertEquals(await server.told("/r/ops", late), [200, ""]);
  assertEquals(server.logged.filter((line) => line.includes("wrong password")).length, 5);
  assert(!/guess|sesame/.test(server.logged.join()), server.logged.join());
});

Deno.test("access: guesses at once are counted before they are looked at", async () => {
  await using server = await lock();
  const guesses = Array.from({ length: 12 }, (_, i) =>
    server.told("/r/ops", {
      headers: bearer(`guess ${i}`),
    }));
  const codes = (await Promise.all(guesses)).map(([, code]) => code);
  assertEquals(codes.filter((code) => code === "wrong_password").length, 5);
  assertEquals(codes.filter((code) => code === "too_many_attempts").length, 7);
});

Deno.test("access: a long secret that was right from an address passes there, however many guesses come", async () => {
  const long = "a password as long as a key";
  const cases = [[{}, OPERATOR_KEY, 200], [{ password: long }, long, 200], [{}, PASSWORD, 429]];
  for (
    const [options, secret, status] of cases as [Partial<AuthenticatorOptions>, string, number][]
  ) {
    await using server = await lock(options);
    const right = { headers: bearer(secret) };
    assertEquals((await server.told("/r/ops", right))[0], 200);
    for (let i = 0; i < 6; i++) await server.signIn(`guess ${i}`);
    assertEquals((await server.told("/r/ops", right))[0], status, secret);
    assertEquals((await server.signIn("guess")).status, 429);
    // Elsewhere whoever has to wait is not told that it is right.
    const from = "192.0.2.7";
    const guesses = ["1", "2", "3", "4", "5", secret].map((guess) =>
      server.authenticator.signIn(guess, from).catch((error) => error.code)
    );
    assertEquals((await Promise.all(guesses)).at(-1), "too_many_attempts");
  }
});

Deno.test("access: guesses from a few addresses leave places for others, and one without a place does not count", async () => {
  await using server = await lock();
  const guess = (text: string, address: string) =>
    server.authenticator.signIn(text, address).then(() => "right", (error) => error.message);
  const few = Array.from({ length: 16 }, (_, i) => guess(`guess ${i}`, `192.0.2.${i % 4}`));
  assertEquals(await guess(PASSWORD, "192.0.2.9"), "right");
  await Promise.all(few);
  const many = Array.from({ length: 16 }, (_, i) => guess(`other ${i}`, `198.51.100.${i}`));
  const late = Array.from({ length: 6 }, (_, i) => guess(`late ${i}`, "203.0.113.1"));
  const busy = "Too many passwords are being checked";
  assertEquals(new Set(await Promise.all(late)), new Set([busy]));
  assertEquals(new Set(await Promise.all(many)), new Set(["Wrong password"]));
  assertEquals(await guess("late", "203.0.113.1"), "Wrong password");
});

Deno.test("access: a password may begin as an invite does", async () => {
  await using server = await lock({ password: "inv_sesame" });
  assertEquals(await server.told("/r/ops", { headers: bearer("inv_sesame") }), [200, ""]);
  assertEquals(await server.told("/r/ops", { headers: bearer("inv_x") }), [401, "wrong_password"]);
});

Deno.test("access: many requests at once with the right password are all let in", async () => {
  await using server = await lock();
  const signIns = Array.from(
    { length: 30 },
    () => server.authenticator.signIn(PASSWORD, "192.0.2.7"),
  );
  assertEquals(new Set(await Promise.all(signIns)).size, 30);
});

Deno.test("access: signing in leads to a page of ours, and to no other site", async () => {
  await using server = await lock({ now: Date.now });
  const cases: [string, string][] = [
    ["", "./"],
    ["/r/kitchen?name=Ann#m12", "./r/kitchen?name=Ann#m12"],
    ["./r/kitchen", "./r/kitchen"],
    ["//evil.example/x", "./"],
    ["/\\evil.example", "./"],
    ["\\\\evil.example", "./"],
    ["https://evil.example/", "./"],
    ["\t//evil.example", "./"],
    ["javascript:alert(1)", "./"],
    ["/.//evil.example", ".//evil.example"], // a path: it begins with a dot
    ["/a\r\nset-cookie: x=1", "./aset-cookie:%20x=1"],
  ];
  for (const [next, location] of cases) {
    const response = await server.signIn(PASSWORD, next);
    assertEquals([response.status, response.headers.get("location")], [303, location], next);
    const url = new URL(location, `${server.base}/sign-in`);
    assertEquals(url.origin, server.base);
  }
  const page = await (await server.ask('/sign-in?next=/r/"><script>')).text();
  assert(!page.includes("<script>"), page);
});

Deno.test("access: the cookie is for this site's pages alone, and by https for https alone", async () => {
  const authenticator = new Authenticator({
    password: PASSWORD,
    operatorKey: undefined,
    store: openSessionStore(undefined),
    log: () => {},
    hashCost: 16,
  });
  const handler = makeHandler({ authenticator, log: () => {} } as unknown as ServerDeps);
  const ask = (url: string, init: RequestInit) =>
    handler(new Request(url, init), {
      remoteAddress: "192.0.2.1",
      upgrade: () => new Response(),
      stream: () => new Response(),
    });
  for (const scheme of ["http", "https"]) {
    const body = new URLSearchParams({ password: PASSWORD });
    const response = await ask(`${scheme}://chat.example/sign-in`, { method: "POST", body });
    assertMatch(
      response.headers.get("set-cookie")!,
      scheme === "https"
        ? /^__Host-confab_session=[\w-]{43}; Secure; HttpOnly; Max-Age=2592000; SameSite=Strict; Path=\/$/
        : /^confab_session=[\w-]{43}; HttpOnly; Max-Age=2592000; SameSite=Strict; Path=\/$/,
    );
    // What was set by the one is not taken by the other.
    const headers = { cookie: cookieOf(response) };
    const other = scheme === "http" ? "https" : "http";
    const look = (scheme: string) => ask(`${scheme}://chat.example/invites`, { headers });
    assertEquals([(await look(scheme)).status, (await look(other)).status], [200, 401]);
  }
  const below = makeHandler(
    {
      authenticator,
      log: () => {},
      hostOptions: { hosts: [], base: "/chat" },
    } as unknown as ServerDeps,
  );
  const body = new URLSearchParams({ password: PASSWORD });
  const response = await below(
    new Request("https://chat.example/chat/sign-in", { method: "POST", body }),
    { remoteAddress: "192.0.2.1", upgrade: () => response, stream: () => response },
  );
  assertMatch(response.headers.get("set-cookie")!, /^__Secure-confab_session=.*; Path=\/chat\/$/);
  authenticator[Symbol.dispose]();
});

Deno.test("access: the sign-in page has the page's policy, and shows whoever asks for a page what is wrong", async () => {
  await using server = await lock();
  const response = await server.ask("/r/kitchen?x=1", { headers: { accept: "text/html" } });
  assertEquals(response.status, 401);
  assertEquals(response.headers.get("cache-control"), "no-store, no-transform");
  const policy = response.headers.get("content-security-policy")!;
  assertStringIncludes(policy, "default-src 'none'; script-src 'self'");
  const text = await response.text();
  assertStringIncludes(text, 'value="./r/kitchen?x=1" data-retry');
  assertStringIncludes(text, 'action="../sign-in"');
  const wrong = await server.signIn("no", "/r/kitchen");
  const again = await wrong.text();
  assertEquals(wrong.status, 401);
  assertStringIncludes(again, "Wrong password.");
  assertStringIncludes(again, 'value="./r/kitchen">');
});

Deno.test("access: an invite for a room is for no other, by any way, until it is revoked", async () => {
  await using server = await lock();
  const { id, token } = await invite(server, { room: "ops" });
  const link = await server.ask(`/invite/${token}`);
  assertStringIncludes(await link.text(), 'content="0;url=.././r/ops"');
  const cookie = cookieOf(link);
  const shown = [{ cookie, origin: server.base }, bearer(token)];
  for (const headers of shown) {
    for (const [path, init] of [...waysInto("kitchen"), ...waysInto("lobby")]) {
      const request = { ...init, headers: { ...init.headers, ...headers } };
      assertEquals(await server.told(path, request), [403, "not_invited"], path);
    }
    const asPage = { headers: { ...headers, accept: "text/html" } };
    assertEquals(await server.told("/", asPage), [403, ""]);
    assertEquals(await server.told("/r/ops", asPage), [200, ""]);
    assertEquals(await server.told("/r/ops", { method: "POST", body: "hi", headers }), [201, ""]);
    // Guests invite nobody.
    assertEquals(await server.told("/invites", { headers }), [401, "sign_in_first"]);
  }
  const sockets = shown.map((headers) => openSocket(`${server.base}/r/ops/ws`, headers));
  await Promise.all(sockets.map(({ opened }) => opened));
  const listed = await (await server.ask("/invites", { headers: bearer(OPERATOR_KEY) })).json();
  assertEquals(
    listed.invites.map(({ expiresAt, ...invite }: { expiresAt: string }) => {
      assert(Date.parse(expiresAt) > server.clock.now);
      return invite;
    }),
    [{ id, room: "ops", sessions: 1 }],
  );
  const revoke = { method: "DELETE", headers: bearer(PASSWORD) };
  assertEquals(await server.told(`/invites/${id}`, revoke), [204, ""]);
  for (const { closed } of sockets) {
    assertEquals((await within(5_000, "the close", closed)).reason, "signed_out: Signed out");
  }
  assertEquals(await server.told(`/invites/${id}`, revoke), [404, "not_found"]);
  assertEquals(await server.told("/r/ops", { headers: { cookie } }), [401, "sign_in_first"]);
  assertEquals(await server.told("/r/ops", { headers: bearer(token) }), [403, "bad_invite"]);
  assertEquals(await server.told(`/invite/${token}`), [403, ""]);
  assert(!server.logged.join().includes(token));
});

Deno.test("access: an invite can be used until it expires, and its session is used on", async () => {
  await using server = await lock();
  const { token } = await invite(server, { hours: 2 });
  const looked = await server.ask(`/invite/${token}`, { method: "HEAD" });
  assertEquals([looked.status, looked.headers.getSetCookie()], [200, []]);
  const cookie = cookieOf(await server.ask(`/invite/${token}`));
  server.clock.now += 2 * 3_600_000 + 1;
  const late = await server.ask(`/invite/${token}`);
  assertEquals([late.status, late.headers.getSetCookie()], [403, []]);
  assertStringIncludes(await late.text(), "The invite is invalid, expired or revoked");
  assertEquals(await server.told("/r/ops", { headers: bearer(token) }), [403, "bad_invite"]);
  assertEquals(await server.told("/r/any", { headers: { cookie } }), [200, ""]);
  for (const wish of [{ hours: 0 }, { hours: "x" }, { hours: 1e9 }, { room: "A b" }, { room: 1 }]) {
    const init = { method: "POST", headers: bearer(PASSWORD), body: JSON.stringify(wish) };
    assertEquals(await server.told("/invites", init), [400, "bad_field"]);
  }
});

Deno.test("access: an invite's link keeps a session that leads there, and takes no wider one away", async () => {
  await using server = await lock();
  const { token } = await invite(server, { room: "ops" });
  const other = await invite(server, { room: "kitchen" });
  const guest = cookieOf(await server.ask(`/invite/${token}`));
  const operator = cookieOf(await server.signIn(OPERATOR_KEY));
  for (const cookie of [guest, operator]) {
    const again = await server.ask(`/invite/${token}`, { headers: { cookie } });
    assertStringIncludes(await again.text(), 'content="0;url=.././r/ops"');
    assertEquals([again.status, again.headers.getSetCookie()], [200, []]);
  }
  const headers = { cookie: guest };
  assertEquals(
    (await server.ask(`/invite/${other.token}`, { headers })).headers.getSetCookie().length,
    1,
  );
  // From another site's link a browser shows no cookie until it is asked by our own page.
  const elsewhere = { headers: { "sec-fetch-site": "cross-site" } };
  const first = await server.ask(`/invite/${token}`, elsewhere);
  assertStringIncludes(await first.text(), `content="0;url=.././invite/${token}?here"`);
  assertEquals([first.status, first.headers.getSetCookie()], [200, []]);
  const second = await server.ask(`/invite/${token}?here`, elsewhere);
  assertEquals(second.headers.getSetCookie().length, 1);
});

Deno.test("access: sessions begin at a bounded rate from an address, by an invite and by the password", async () => {
  await using server = await lock();
  const { token } = await invite(server);
  const statuses = [];
  for (let i = 0; i < 32; i++) statuses.push((await server.ask(`/invite/${token}`)).status);
  assertEquals(statuses, [...Array(30).fill(200), 429, 429]);
  const late = await server.ask(`/invite/${token}`);
  assertEquals([late.headers.get("retry-after"), late.headers.getSetCookie()], ["1", []]);
  assertStringIncludes(await late.text(), "Too many sign-ins from this address.");
  assertEquals((await server.signIn(PASSWORD)).status, 429);
  assertEquals(server.authenticator.listInvites()[0]!.sessions, 30);
  server.clock.now += 1_000;
  assertEquals((await server.ask(`/invite/${token}`)).status, 200);
});

Deno.test("access: of an invite's sessions the one that was not used for the longest ends when there are too many", async () => {
  await using server = await lock();
  const { token } = server.authenticator.createInvite({ room: "ops", lastsMs: DAY_MS });
  const begin = () => {
    server.clock.now += 1_000;
    const options = { cookie: undefined, address: "192.0.2.7", isPreview: false };
    return server.authenticator.acceptInvite(token, options).session!;
  };
  const cookies = Array.from({ length: 1_000 }, begin);
  const identify = (cookie: string) =>
    server.authenticator.authenticate({ bearer: undefined, cookie }, "192.0.2.7").catch((error) =>
      error.code
    );
  const { principal } = await identify(cookies[0]!);
  let code = "";
  server.authenticator.trackConnection(principal, { leave: (reason) => code = reason });
  assertEquals(code, "");
  begin();
  assertEquals([code, await identify(cookies[0]!)], ["signed_out", "sign_in_first"]);
  assertEquals((await identify(cookies[1]!)).role, "guest");
  assertEquals(server.authenticator.listInvites()[0]!.sessions, 1_000);
});

Deno.test("access: the page has the browser keep its cookie for as long again, and no cache keep that", async () => {
  await using server = await lock();
  const cookie = cookieOf(await server.signIn(PASSWORD));
  const accept = "text/html";
  const page = await server.ask("/r/ops", { headers: { cookie, accept } });
  const etag = page.headers.get("etag")!;
  for (const headers of [{ cookie, accept }, { cookie, accept, "if-none-match": etag }]) {
    const response = await server.ask("/r/ops", { headers });
    assertEquals(response.status, "if-none-match" in headers ? 304 : 200);
    assert(response.headers.get("set-cookie")!.startsWith(`${cookie}; HttpOnly; Max-Age=2592000;`));
    assertEquals(response.headers.get("cache-control"), "private, no-cache");
  }
  for (
    const headers of [{ cookie, accept: "text/plain" }, { ...bearer(PASSWORD), cookie, accept }]
  ) {
    const response = await server.ask("/r/ops", { headers });
    assertEquals([response.status, response.headers.getSetCookie()], [200, []]);
  }
});

Deno.test("access: a session ends when it was not used for thirty days", async () => {
  await using server = await lock();
  const headers = { cookie: cookieOf(await server.signIn(PASSWORD)) };
  for (let i = 0; i < 3; i++) {
    server.clock.now += 29 * DAY_MS;
    assertEquals(await server.told("/r/ops", { headers }), [200, ""]);
  }
  server.clock.now += 30 * DAY_MS;
  assertEquals(await server.told("/r/ops", { headers }), [401, "sign_in_first"]);
});

Deno.test("access: sessions outlive a restart, but not another password; no token is in the file", async () => {
  const folder = await Deno.makeTempDir({ prefix: "confab-access-" });
  try {
    const store = () => openSessionStore(folder);
    const cookies: string[] = [];
    let token = "";
    {
      await using server = await lock({ store: store() });
      cookies.push(
        cookieOf(await server.signIn(PASSWORD)),
        cookieOf(await server.signIn(OPERATOR_KEY)),
      );
      ({ token } = await invite(server));
      cookies.push(cookieOf(await server.ask(`/invite/${token}`)));
    }
    const statuses = async (options: Partial<AuthenticatorOptions>) => {
      await using server = await lock({ store: store(), ...options });
      const asked = cookies.map(async (cookie) =>
        (await server.told("/r/ops", { headers: { cookie } }))[0]
      );
      return [
        ...await Promise.all(asked),
        (await server.told("/r/ops", { headers: bearer(token) }))[0],
      ];
    };
    assertEquals(await statuses({}), [200, 200, 200, 200]);
    const bytes = await Deno.readTextFile(`${folder}/access.db`);
    for (const cookie of cookies) assert(!bytes.includes(cookie.split("=")[1]!));
    assert(!bytes.includes(token) && !bytes.includes(PASSWORD) && !bytes.includes(OPERATOR_KEY));
    if (Deno.build.os !== "windows") {
      assertEquals((await Deno.stat(`${folder}/access.db`)).mode! & 0o777, 0o600);
    }
    assertEquals(await statuses({ password: "another" }), [401, 200, 401, 403]);
    assertEquals(await statuses({ operatorKey: "another key of an operator" }), [
      401,
      401,
      401,
      403,
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("access: a secret that is dropped ends what it let in, for good; where there was none nothing ends", async () => {
  const folder = await Deno.makeTempDir({ prefix: "confab-access-" });
  const reopen = (options: Partial<AuthenticatorOptions> = {}) =>
    lock({ store: openSessionStore(folder), ...options });
  const statuses = (server: Awaited<ReturnType<typeof lock>>, cookies: string[]) =>
    Promise.all(
      cookies.map(async (cookie) => (await server.told("/invites", { headers: { cookie } }))[0]),
    );
  try {
    const cookies: string[] = [];
    let token = "";
    {
      await using server = await reopen();
      for (const secret of [PASSWORD, OPERATOR_KEY]) {
        cookies.push(cookieOf(await server.signIn(secret)));
      }
      ({ token } = await invite(server));
    }
    {
      await using server = await reopen({ operatorKey: undefined });
      assertEquals(await statuses(server, cookies), [200, 401]);
      assertEquals(await server.told("/r/ops", { headers: bearer(token) }), [403, "bad_invite"]);
      ({ token } = await invite(server));
    }
    {
      await using server = await reopen({ operatorKey: undefined });
      assertEquals(await statuses(server, cookies), [200, 401]);
      assertEquals(await server.told("/r/ops", { headers: bearer(token) }), [200, ""]);
    }
    {
      await using server = await reopen();
      assertEquals(await statuses(server, cookies), [200, 401]);
    }
    await using server = await reopen({ password: undefined });
    assertEquals(await statuses(server, cookies), [401, 401]);
    assertEquals(await server.told("/r/ops", { headers: bearer(token) }), [403, "bad_invite"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("access: with an operator key alone everybody may come in, and none of it is there without either", async () => {
  await using server = await lock({ password: undefined });
  assertEquals(await server.told("/r/ops"), [200, ""]);
  assertEquals(await server.told("/invites"), [401, "sign_in_first"]);
  assertEquals(await server.told("/r/ops", { headers: bearer("wrong") }), [401, "wrong_password"]);
  assertEquals((await server.signIn("wrong")).status, 401);
  assertEquals((await server.signIn(OPERATOR_KEY)).status, 303);
  await using open = await serve();
  for (const path of ["/sign-in", "/invites", "/sign-in/sign_in.js", "/invite/inv_x"]) {
    const response = await fetch(`http://127.0.0.1:${open.port}${path}`);
    assertEquals(response.status, 404, path);
    await response.body?.cancel();
  }
});

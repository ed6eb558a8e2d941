// Who may come in: the password, sessions, invites and signing out, asked of the real server over both transports.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Authenticator, type AuthenticatorOptions } from "../auth/authenticator.ts";
import { openSessionStore } from "../auth/session_store.ts";
import { SYSTEM_CLOCK } from "../base/clock.ts";
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
  const clock = { now: Date.now(), dateShiftMs: 0 };
  const authenticator = new Authenticator({
    password: PASSWORD,
    operatorKey: OPERATOR_KEY,
    store: openSessionStore(undefined),
    log: (...line) => logged.push(JSON.stringify(line)),
    clock: { now: () => clock.now, date: () => clock.now + clock.dateShiftMs },
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
    assertEquals(await server.told("/r/ops", { headers: { cookie } }), [200, ""]);
  }
  const headers = { cookie, origin: server.base };
  assertEquals(await server.told("/r/ops", { method: "POST", body: "x", headers }), [201, ""]);
});

Deno.test("access: a form without an origin is ours if the browser says so, and of no other site", async () => {
  await using server = await lock();
  const cases: [headers: Record<string, string>, isOurs: boolean][] = [
    [{}, true], // a program
    [{ "sec-fetch-site": "same-origin" }, true],
    [{ "sec-fetch-site": "none" }, true],
    [{ "sec-fetch-site": "same-site" }, false],
    [{ "sec-fetch-site": "cross-site" }, false],
    [{ origin: "null", "sec-fetch-site": "same-origin" }, true],
    [{ origin: "null", "sec-fetch-site": "same-site" }, false],
    [{ origin: "null", "sec-fetch-site": "cross-site" }, false],
    [{ origin: "null", "sec-fetch-site": "none" }, false],
    [{ origin: "null" }, false],
    [{ origin: server.base }, true],
    [{ origin: "http://evil.example", "sec-fetch-site": "same-origin" }, false],
  ];
  for (const [headers, isOurs] of cases) {
    const about = JSON.stringify(headers);
    const body = new URLSearchParams({ password: PASSWORD });
    const signedIn = await server.ask("/sign-in", { method: "POST", headers, body });
    assertEquals(signedIn.status, isOurs ? 303 : 403, about);
    const cookie = cookieOf(isOurs ? signedIn : await server.signIn(PASSWORD));
    const init = { method: "POST", headers: { ...headers, cookie } };
    const signedOut = await server.ask("/sign-out", init);
    assertEquals(signedOut.status, isOurs ? 303 : 403, about);
    assertEquals(signedOut.headers.getSetCookie().length, isOurs ? 1 : 0, about);
    const expected = isOurs ? [401, "sign_in_first"] : [200, ""];
    assertEquals(await server.told("/r/ops", { headers: { cookie } }), expected, about);
  }
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

for (const hours of [-24, -1, 2]) {
  Deno.test(`access: a date that jumps by ${hours} h neither shortens nor prolongs the wait, and ends no session`, async () => {
    await using server = await lock();
    const headers = { cookie: cookieOf(await server.signIn(PASSWORD)) };
    const other = "192.0.2.7";
    const guess = async (secret: string) =>
      await server.authenticator.signIn(secret, other).then(() => "in", ({ code }) => code);
    for (let n = 0; n < 5; n++) assertEquals(await guess(`guess ${n}`), "wrong_password");
    server.clock.dateShiftMs = hours * 3_600_000;
    assertEquals(await guess(PASSWORD), "too_many_attempts");
    server.clock.now += 1_999;
    assertEquals(await guess(PASSWORD), "too_many_attempts");
    server.clock.now += 1;
    for (let n = 0; n < 30; n++) assertEquals(await guess(PASSWORD), "in");
    server.clock.dateShiftMs = 0;
    assertEquals(await guess(PASSWORD), "too_many_attempts"); // 30 sessions at once, then one a second
    server.clock.now += 1_000;
    assertEquals(await guess(PASSWORD), "in");
    assertEquals(await server.told("/r/ops", { headers }), [200, ""]);
  });
}

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

Deno.test("access: guesses from many networks keep no right password out, right after a start", async () => {
  // With the real cost: a guess that is hashed would take a tenth of a second.
  const authenticator = new Authenticator({
    password: PASSWORD,
    operatorKey: OPERATOR_KEY,
    store: openSessionStore(undefined),
    log: () => {},
  });
  const guess = (text: string, address: string) =>
    authenticator.signIn(text, address).then(() => "right", (error) => error.code);
  const wrong: Promise<string>[] = [];
  const right: Promise<string>[] = [];
  const started = performance.now();
  for (let i = 0; i < 46; i++) {
    for (let net = 0; net < 17; net++) wrong.push(guess(`${i}`, `2001:${net}:${i}::/64`));
    right.push(guess(PASSWORD, `192.0.2.${i}`), guess(PASSWORD, `2001:db8:ff:${i}::/64`));
  }
  assertEquals(new Set(await Promise.all(right)), new Set(["right"]));
  assertEquals(new Set(await Promise.all(wrong)), new Set(["wrong_password"]));
  const tookMs = performance.now() - started;
  console.log(`${right.length} right guesses among ${wrong.length} wrong ones: all let in`);
  assert(tookMs < 2_000, `${tookMs} ms`);
  authenticator[Symbol.dispose]();
});

Deno.test("access: an IPv6 network has few guesses, whatever addresses it sends them from", async () => {
  await using server = await lock();
  const guess = (text: string, address: string) =>
    server.authenticator.signIn(text, address).then(() => "right", (error) => error.code);
  const count = async (guesses: number, addressOf: (i: number) => string) => {
    const codes = [];
    for (let i = 0; i < guesses; i++) codes.push(await guess(`guess ${i}`, addressOf(i)));
    return codes.filter((code) => code === "wrong_password").length;
  };
  const hex = (i: number) => i.toString(16);
  assertEquals(await count(10, () => "2001:db8:1:100::/64"), 5);
  assertEquals(await count(300, (i) => `2001:db8:2:1${hex(i % 256).padStart(2, "0")}::/64`), 20);
  assertEquals(await count(500, (i) => `2001:db8:3:${hex(256 * (i % 256) + (i >> 8))}::/64`), 40);
  assertEquals(await guess(PASSWORD, "2001:db8:3:1::/64"), "too_many_attempts");
  // Another network is not affected, and an address where the password was right is not by its neighbors.
  assertEquals(await guess(PASSWORD, "2001:db8:4:1::/64"), "right");
  assertEquals(await count(500, (i) => `2001:db8:4:${hex(256 * (i % 256) + 2)}::/64`), 40);
  assertEquals(await guess(PASSWORD, "2001:db8:4:3::/64"), "too_many_attempts");
  assertEquals(await guess(PASSWORD, "2001:db8:4:1::/64"), "right");
});

Deno.test("access: wrong passwords have a ceiling, whatever addresses send them; where one was right nobody waits", async () => {
  const codes: Promise<string>[] = [];
  {
    await using server = await lock();
    const guess = (text: string, address: string) =>
      server.authenticator.signIn(text, address).then(() => "right", (error) => error.code);
    assertEquals(await guess(PASSWORD, "192.0.2.1"), "right");
    for (let i = 0; i < 3_000; i++) {
      codes.push(guess("guess", `10.${i % 250}.${Math.floor(i / 250)}.1`));
    }
    assertEquals(await guess(PASSWORD, "192.0.2.1"), "right");
    await Promise.resolve();
  }
  // The server refuses guesses that still wait when it ends.
  const all = await Promise.all(codes);
  const wrong = all.filter((code) => code === "wrong_password").length;
  console.log(`${wrong} of ${all.length} guesses were compared`);
  assert(wrong >= 1_000 && wrong <= 1_020, `${wrong}`);
  assertEquals(all.filter((code) => code === "too_many_attempts").length, all.length - wrong);
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
  await using server = await lock({ clock: SYSTEM_CLOCK });
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
  assertMatch(
    response.headers.get("set-cookie")!,
    /^__Host-confab_session\+chat=[\w-]{43}; Secure; .*; Path=\/$/,
  );
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

Deno.test("access: a second session cookie neither hides the first nor keeps it from being ended", async () => {
  await using server = await lock();
  const { token } = await invite(server, { room: "ops" });
  const member = cookieOf(await server.signIn(PASSWORD));
  const operator = cookieOf(await server.signIn(OPERATOR_KEY));
  const guest = cookieOf(await server.ask(`/invite/${token}`));
  const dead = `confab_session=${"x".repeat(43)}`;
  const odd = ["confab_session=", "=", "=x", "confab_session", "a=b;;", '"', "confab_session=a b"];
  const many = Array.from({ length: 40 }, (_, i) => `confab_session=${`${i}`.padStart(43, "y")}`);
  const lines = [[dead], [guest], odd, many, [dead, guest, dead]]
    .flatMap((
      others,
    ) => [[...others, operator], [operator, ...others], [...others, operator, dead]]);
  for (const line of lines) {
    const headers = { cookie: line.join("; ") };
    assertEquals(await server.told("/invites", { headers }), [200, ""], headers.cookie);
    const page = await server.ask("/r/kitchen", { headers: { ...headers, accept: "text/html" } });
    assertEquals(cookieOf(page), operator, "renewed is the one that was accepted");
  }
  for (const cookie of [`${guest}; ${member}`, `${member}; ${guest}`]) {
    assertEquals(await server.told("/r/kitchen", { headers: { cookie } }), [200, ""]);
  }
  const headers = { cookie: `${guest}; ${dead}; ${operator}`, origin: server.base };
  await server.ask("/sign-out", { method: "POST", headers });
  for (const cookie of [guest, operator]) {
    assertEquals(await server.told("/r/ops", { headers: { cookie } }), [401, "sign_in_first"]);
  }
  assertEquals(await server.told("/r/ops", { headers: { cookie: member } }), [200, ""]);
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
});

Deno.test("access: another site's link to an invite sets no session, and its page has a button that does", async () => {
  await using server = await lock();
  const { token } = await invite(server, { room: "ops" });
  const operator = cookieOf(await server.signIn(OPERATOR_KEY));
  const path = `/invite/${token}`;
  const accept = "text/html,application/xhtml+xml,*/*;q=0.8";
  const links: Record<string, string>[] = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "cross-site", accept },
    { "sec-fetch-site": "same-site", accept },
    { "sec-fetch-site": "same-origin", accept },
    { accept }, // over plain http
  ];
  for (const headers of links) {
    for (const query of ["", "?here", "?x=1"]) {
      const page = await server.ask(path + query, { headers });
      assertEquals([page.status, page.headers.getSetCookie()], [200, []]);
      const text = await page.text();
      assertStringIncludes(text, `<form method="post" action="../invite/${token}">`);
      assert(!text.includes("http-equiv"), text);
    }
    const page = await server.ask(path, { headers: { ...headers, cookie: operator } });
    assertEquals(page.headers.getSetCookie(), []);
    assertStringIncludes(await page.text(), 'content="0;url=.././r/ops"');
  }
  const post = (headers: Record<string, string>) => server.ask(path, { method: "POST", headers });
  for (
    const headers of [
      { origin: "http://evil.example" },
      { origin: "null", "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "cross-site" },
    ]
  ) {
    const response = await post(headers as Record<string, string>);
    assertEquals([response.status, response.headers.getSetCookie()], [403, []]);
  }
  assertEquals(server.authenticator.listInvites()[0]!.sessions, 0);
  const joined = await post({ origin: server.base });
  assertEquals([joined.status, joined.headers.get("location")], [303, "../r/ops"]);
  const headers = { cookie: cookieOf(joined) };
  assertEquals(await server.told("/r/ops", { headers }), [200, ""]);
  assertEquals(await server.told("/r/kitchen", { headers }), [403, "not_invited"]);
  for (const cookie of [operator, headers.cookie]) {
    const again = await post({ origin: server.base, cookie });
    assertEquals([again.status, again.headers.getSetCookie()], [303, []]);
  }
  const typed = await server.ask(path, { headers: { "sec-fetch-site": "none", accept } });
  assertEquals([typed.status, typed.headers.getSetCookie().length], [200, 1]);
  const everywhere = await invite(server);
  const all = await server.ask(`/invite/${everywhere.token}`, {
    method: "POST",
    headers: { origin: server.base },
  });
  assertEquals([all.status, all.headers.get("location")], [303, "../"]);
  assertEquals((await server.ask("/invite/inv_x", { method: "POST" })).status, 403);
  assertEquals((await server.ask(path, { method: "PUT" })).status, 405);
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

Deno.test("access: a full invite refuses the newest session and signs nobody out; one that was never used makes place", async () => {
  await using server = await lock();
  const { authenticator, clock } = server;
  const { token } = authenticator.createInvite({ room: "ops", lastsMs: DAY_MS });
  const begin = () => {
    clock.now += 1_000;
    const options = { cookies: [], address: "192.0.2.7", isPreview: false };
    return authenticator.acceptInvite(token, options).session!;
  };
  const codeOf = (cookie: string) =>
    authenticator.authenticate({ bearer: undefined, cookies: [cookie] }, "192.0.2.7")
      .then(({ role }) => role, (error) => error.code);
  const used = Array.from({ length: 990 }, begin);
  for (const cookie of used) assertEquals(await codeOf(cookie), "guest");
  const unused = Array.from({ length: 10 }, begin);
  const { principal } = await authenticator.authenticate(
    { bearer: undefined, cookies: [used[0]!] },
    "192.0.2.7",
  );
  let left = "";
  authenticator.trackConnection(principal, { leave: (reason) => left = reason });
  // The ten go, the oldest first, and whoever comes and stays is not among them.
  for (const gone of unused) {
    const cookie = begin();
    assertEquals([await codeOf(gone), await codeOf(cookie)], ["sign_in_first", "guest"]);
    used.push(cookie);
  }
  const path = `/invite/${token}`;
  for (let i = 0; i < 92; i++) {
    clock.now += 1_000;
    const refused = await server.ask(path);
    assertEquals([refused.status, refused.headers.getSetCookie()], [403, []]);
    assertStringIncludes(await refused.text(), "Too many people have signed in with this");
  }
  for (const cookie of used) assertEquals(await codeOf(cookie), "guest");
  assertEquals(left, "");
  const { sessions } = authenticator.listInvites()[0]!;
  console.log(`${sessions} sessions by one invite, 92 more refused, nobody signed out`);
  assertEquals(sessions, 1_000);
  // Other invites and the password go on.
  const other = authenticator.createInvite({ room: "ops", lastsMs: DAY_MS });
  assertEquals((await server.ask(`/invite/${other.token}`)).status, 200);
  assertEquals((await server.signIn(PASSWORD)).status, 303);
  // So does this one, when somebody signs out.
  authenticator.signOut([used[5]!]);
  clock.now += 1_000;
  assertEquals((await server.ask(path)).status, 200);
});

Deno.test("access: links that are opened and left fill no invite", async () => {
  await using server = await lock();
  const { authenticator, clock } = server;
  const { token } = authenticator.createInvite({ room: undefined, lastsMs: DAY_MS });
  const begin = () => {
    clock.now += 1_000;
    return authenticator.acceptInvite(token, {
      cookies: [],
      address: "192.0.2.7",
      isPreview: false,
    }).session!;
  };
  const [first, ...others] = Array.from({ length: 3 }, begin) as [string, ...string[]];
  const cookies = `confab_session=${first}`;
  assertEquals(await server.told("/r/ops", { headers: { cookie: cookies } }), [200, ""]);
  for (let i = 0; i < 2_000; i++) begin();
  assertEquals(await server.told("/r/ops", { headers: { cookie: cookies } }), [200, ""]);
  for (const other of others) {
    const headers = { cookie: `confab_session=${other}` };
    assertEquals(await server.told("/r/ops", { headers }), [401, "sign_in_first"]);
  }
  assertEquals(authenticator.listInvites()[0]!.sessions, 1_000);
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

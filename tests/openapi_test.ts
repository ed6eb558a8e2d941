// docs/openapi.yaml and the server say the same: every answer that the document promises is asked for and looked at, and
// the server gives no other.
import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "ajv";
import { parse } from "yaml";
import { Authenticator } from "../auth/authenticator.ts";
import { SessionStore } from "../auth/session_store.ts";
import { boundFiles, openDatabase } from "../base/sqlite.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { ChatError } from "../protocol/errors.ts";
import { BURST_S, PAGES_PER_MESSAGE } from "../base/limits.ts";
import { makeKey } from "./support/json_socket.ts";
import { serve, type Serving } from "./support/serving.ts";

interface Body {
  readonly schema: object;
}
interface Answer {
  readonly $ref?: string;
  readonly headers?: Record<string, { schema: object }>;
  readonly content?: Record<string, Body>;
}
interface Operation {
  readonly requestBody?: { readonly content: Record<string, Body> };
  readonly responses: Record<string, Answer>;
}
type PathItem = Record<string, Operation>;

const METHODS = ["get", "head", "post", "options", "put", "delete"];
const doc = parse(await Deno.readTextFile(new URL("../docs/openapi.yaml", import.meta.url)));
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(doc, "openapi");

/** Answers that take more than a request: which test has them. */
const TRIED_ELSEWHERE = [
  "post /r/{room} 408", // http/body_test.ts
];

/** Headers that an answer may leave out. */
const OPTIONAL_HEADERS = ["Content-Encoding", "Link"];

/** A journal on a disk without space. */
class FailingJournal extends MemoryJournal {
  override append(): never {
    throw new ChatError("not_stored");
  }
}

/** A journal that has reached the limit of its folder. */
class FullJournal extends MemoryJournal {
  override reserve(): "data_full" {
    return "data_full";
  }
}

interface Try {
  readonly path?: string;
  readonly room?: string;
  readonly query?: string;
  readonly init?: RequestInit;
  readonly status: number;
  /** The code of the problem, where there is more than one of this status. */
  readonly code?: string;
  readonly messagesPerS?: number;
  /** What is done to the server before. */
  readonly fault?: (server: Serving) => unknown;
  readonly isFailing?: boolean;
  /** Whether the data folder is full. */
  readonly isFull?: boolean;
  /** Whether the server has a password, which is {@linkcode PASSWORD}. */
  readonly isLocked?: boolean;
}

const PASSWORD = "open sesame";
const KNOWN = { authorization: `Bearer ${PASSWORD}` };

const JSON_TYPE = { "content-type": "application/json" };
const LABELED = { action: "labeled", pull_request: {}, repository: {} };
const closeRooms = ({ hub }: Serving) => hub.close("restarting");

/** Says as much at once as one address may. */
async function sayMuch({ url }: Serving): Promise<void> {
  for (let n = 0; n < BURST_S; n++) {
    const response = await fetch(url, post({ text: "hi" }));
    assertEquals(response.status, 201, await response.text());
  }
}

/** Uses the id of a message for another one. */
async function takeId({ url }: Serving): Promise<void> {
  const response = await fetch(url, post({ id: "1", text: "other" }));
  assertEquals(response.status, 201, await response.text());
}

/** Reads as much at once as one address may. */
async function readMuch({ url }: Serving): Promise<void> {
  for (let n = 0; n < BURST_S * PAGES_PER_MESSAGE; n++) {
    await (await fetch(url, { method: "HEAD" })).body?.cancel();
  }
}

/** Is wrong about the password as often as one address may be. */
async function guess({ url }: Serving): Promise<void> {
  for (let n = 0; n < 5; n++) {
    const response = await fetch(url, { headers: { authorization: "Bearer no" } });
    assertEquals(response.status, 401, await response.text());
  }
}

function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
}

function accept(accept: string, headers: Record<string, string> = {}): RequestInit {
  return { headers: { accept, ...headers } };
}

const TRIES: Try[] = [
  { status: 200 },
  { init: accept("text/html"), status: 200 },
  { query: "?limit=2", init: accept("application/json"), status: 200 },
  { query: "?after=0", init: accept("application/json"), status: 200 },
  { query: "?after=0", init: accept("application/x-ndjson"), status: 200 },
  { query: "?after=0", init: accept("text/event-stream"), status: 200 },
  {
    query: "?after=0&name=Ann",
    init: accept("text/event-stream", { "confab-key": makeKey("Ann") }),
    status: 200,
  },
  { query: "?after=x", status: 400 },
  { room: "No%20room", status: 404 },
  { init: accept("image/png"), status: 406 },
  { fault: closeRooms, status: 503 },
  { init: { method: "HEAD" }, status: 200 },
  { query: "?after=x", init: { method: "HEAD" }, status: 400 },
  { isLocked: true, init: { method: "HEAD" }, status: 401 },
  {
    isLocked: true,
    init: { method: "HEAD", headers: { authorization: `Bearer inv_${"x".repeat(43)}` } },
    status: 403,
  },
  { room: "No%20room", init: { method: "HEAD" }, status: 404 },
  { init: { method: "HEAD", headers: { accept: "image/png" } }, status: 406 },
  { init: { method: "HEAD" }, status: 429, fault: readMuch, messagesPerS: 1 },
  { fault: closeRooms, init: { method: "HEAD" }, status: 503 },
  { init: { method: "POST", body: "plain" }, status: 201 },
  { init: post({ text: "hi", name: "ci" }), status: 201 },
  { query: "?format=slack", init: post({ text: "hi" }), status: 200 },
  {
    query: "?format=github",
    init: post(LABELED, { "x-github-event": "pull_request" }),
    status: 204,
  },
  { init: post({ text: "" }), status: 400 },
  { init: post({ type: "delete", ref: 1 }), status: 403 },
  { room: "No%20room", init: post({ text: "hi" }), status: 404 },
  { init: post({ text: "hi", replyTo: 99 }), status: 409 },
  { fault: takeId, init: post({ id: "1", text: "hi" }), status: 409, code: "id_taken" },
  { init: post({ text: "x".repeat(20_000) }), status: 413 },
  { init: { method: "POST", body: new FormData() }, status: 415 },
  { init: post({ text: "hi" }), status: 429, code: "rate_limited", fault: sayMuch },
  { init: post({ text: "hi" }), status: 503, isFailing: true },
  { init: post({ text: "hi" }), status: 507, isFull: true },
  { init: { method: "OPTIONS" }, status: 204 },
  {
    init: { method: "OPTIONS", headers: { origin: "https://evil.example" } },
    status: 403,
  },
  { room: "No%20room", init: { method: "OPTIONS" }, status: 404 },
  { isLocked: true, init: accept("application/json"), status: 401 },
  {
    isLocked: true,
    init: accept("*/*", { authorization: `Bearer inv_${"x".repeat(43)}` }),
    status: 403,
  },
  { isLocked: true, init: post({ text: "hi" }), status: 401 },
  ...["", "/invites"].flatMap((path) =>
    [{ headers: KNOWN }, post({ text: "hi" }, KNOWN)].map((init) => ({
      ...path ? { path } : {},
      isLocked: true,
      init,
      status: 429,
      code: "too_many_attempts",
      fault: guess,
    }))
  ),
  { path: "/invites", isLocked: true, init: { headers: KNOWN }, status: 200 },
  { path: "/invites", isLocked: true, status: 401 },
  { path: "/invites", isLocked: true, init: post({ room: "ops" }, KNOWN), status: 201 },
  { path: "/invites", isLocked: true, isFull: true, init: post({}, KNOWN), status: 507 },
  { path: "/invites", isLocked: true, init: post({ hours: 0 }, KNOWN), status: 400 },
  { path: "/invites", isLocked: true, init: post({}), status: 401 },
  { path: "/invites", isLocked: true, init: post({ x: "x".repeat(5_000) }, KNOWN), status: 413 },
  {
    path: "/invites",
    isLocked: true,
    init: post({}, { ...KNOWN, "content-encoding": "br" }),
    status: 415,
  },
  ...["GET", "POST"].map((method) => ({ path: "/invites", init: { method }, status: 404 })),
  { path: "/invites/{id}", init: { method: "DELETE" }, status: 404 },
  {
    path: "/invites/{id}",
    isLocked: true,
    fault: ({ authenticator }) => authenticator!.createInvite({ room: "ops", lastsMs: 60_000 }),
    init: { method: "DELETE", headers: KNOWN },
    status: 204,
  },
  { path: "/invites/{id}", isLocked: true, init: { method: "DELETE" }, status: 401 },
  {
    path: "/invites/{id}",
    isLocked: true,
    init: { method: "DELETE", headers: KNOWN },
    status: 404,
  },
  {
    path: "/invites/{id}",
    isLocked: true,
    init: { method: "DELETE", headers: KNOWN },
    status: 429,
    code: "too_many_attempts",
    fault: guess,
  },
  { path: "/healthz", status: 200 },
  { path: "/healthz", fault: closeRooms, status: 503 },
  { path: "/metrics", status: 200 },
  { path: "/metrics", init: { headers: { via: "1.1 proxy" } }, status: 404 },
];

Deno.test("openapi: the server answers as the document says, and all that it says", async () => {
  const seen = new Set<string>();
  for (const attempt of TRIES) {
    const { path = "/r/{room}", status } = attempt;
    const method = (attempt.init?.method ?? "GET").toLowerCase();
    const name = `${method} ${path} ${status}`;
    const item: PathItem = doc.paths[path];
    const operation = item[method]!;
    checkRequest(operation, attempt, name);
    const answer = resolve(operation.responses[status]!);
    const type = await check(attempt, answer, name);
    seen.add(`${name} ${type}`.trim());
  }
  assertEquals([...seen].toSorted(), promised().toSorted());
});

/** Every answer of the document, as `method path status type`. */
function promised(): string[] {
  return Object.entries<PathItem>(doc.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).flatMap((method) =>
      Object.entries(item[method]!.responses).flatMap(([status, answer]) => {
        const name = `${method} ${path} ${status}`;
        if (TRIED_ELSEWHERE.includes(name)) return [];
        const types = Object.keys(resolve(answer).content ?? { "": "" });
        return types.map((type) => `${name} ${type}`.trim());
      })
    )
  );
}

/** What is accepted is what the document describes. */
function checkRequest({ requestBody }: Operation, { init, query, status }: Try, name: string) {
  if (status !== 201 || query || !requestBody) return;
  const isJson = new Headers(init?.headers).get("content-type") === "application/json";
  if (isJson) conform(JSON.parse(`${init?.body}`), requestBody!.content["application/json"]!, name);
}

/** Asks a server that has something to show. Returns the media type of the answer. */
async function check(attempt: Try, answer: Answer, name: string): Promise<string> {
  const { path = "/r/{room}", room = "ops", query = "", init = {} } = attempt;
  const { fault, isFailing, isFull = false, isLocked, code } = attempt;
  const messagesPerS = attempt.messagesPerS ?? (code === "rate_limited" ? 1 : undefined);
  using authenticator = isLocked ? makeGate(isFull) : undefined;
  const options = {
    keep: 5,
    ...isFailing ? { journal: new FailingJournal() } : {},
    ...isFull ? { journal: new FullJournal() } : {},
    ...authenticator ? { authenticator } : {},
    ...messagesPerS === undefined ? {} : { limits: { messagesPerS } },
  };
  await using server = await serve(options);
  if (!isFailing && !isFull && !fault && !isLocked) await fill(server);
  await fault?.(server);
  const url = `http://127.0.0.1:${server.port}${
    path.replace("{room}", room).replace("{id}", "1")
  }${query}`;
  const response = await fetch(url, init);
  assertEquals(response.status, attempt.status, name);
  for (const [header, { schema }] of Object.entries(answer.headers ?? {})) {
    const value = response.headers.get(header);
    if (value === null) assert(OPTIONAL_HEADERS.includes(header), `${name} lacks ${header}`);
    else conform(value, { schema }, `${name} ${header}`);
  }
  const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
  if (init.method === "HEAD" || response.status === 204) {
    await response.body?.cancel();
    return "";
  }
  const body = answer.content?.[type];
  assert(body, `${name} is of the type ${type}`);
  for (const value of await readValues(response, type, server)) {
    conform(value, body, name);
    if (code) assertEquals((value as { code: string }).code, code, name);
  }
  return type;
}

function makeGate(isFull: boolean): Authenticator {
  const db = openDatabase(":memory:");
  const store = new SessionStore(db);
  if (isFull) boundFiles(db, { fileBytes: 4096, walBytes: 4096 }); // no less than it has
  return new Authenticator({
    password: PASSWORD,
    operatorKey: undefined,
    store,
    log: () => {},
    hashCost: 16,
  });
}

/** One of each kind of entry, and one that is no longer kept. */
async function fill({ url }: Serving): Promise<void> {
  const key = { "confab-key": makeKey("Ann") };
  const lines = [
    { text: "gone" },
    { text: "hi" },
    { text: "answer", replyTo: 2 },
    { type: "edit", ref: 2, text: "hello" },
    { type: "react", ref: 2, emoji: "👍" },
    { type: "delete", ref: 3 },
  ];
  for (const line of lines) {
    const response = await fetch(url, post({ name: "Ann", ...line }, key));
    assertEquals(response.status, 201, await response.text());
  }
}

/** What the answer holds: of a stream its lines, after the server has ended it. */
async function readValues(response: Response, type: string, server: Serving): Promise<unknown[]> {
  if (type === "application/x-ndjson" || type === "text/event-stream") {
    await server.stop();
    const text = await response.text();
    const lines = [...text.matchAll(/^(?:data: )?(\{.*)$/gm)].map(([, line]) => JSON.parse(line!));
    const types = new Set(lines.map((line) => line.type));
    for (const expected of ["welcome", "gap", "entry", "bye"]) {
      assert(types.has(expected), expected);
    }
    return lines;
  }
  const text = await response.text();
  return [type.endsWith("json") ? JSON.parse(text) : text];
}

function conform(value: unknown, { schema }: Body, name: string): void {
  const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/');
  const validate = ajv.compile(JSON.parse(text));
  assert(
    validate(value),
    `${name}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`,
  );
}

function resolve(answer: Answer): Answer {
  return answer.$ref ? doc.components.responses[answer.$ref.split("/").at(-1)!] : answer;
}

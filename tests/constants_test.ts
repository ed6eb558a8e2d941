// Constants of different modules keep the relations that their comments state. The test reads the source, so that a
// module need not export a constant for it.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { listModules } from "../tasks/check/modules.ts";

const ROOT = new URL("../", import.meta.url);

/** Products of numbers and constants, FILE:NAME or FILE:NAME.FIELD, and how they compare. */
const RELATIONS = [
  // The server stops within the 5 s that Confab promises to supervisors.
  "cli/serve/signals.ts:GRACE_MS < cli/serve/signals.ts:EXIT_DEADLINE_MS",
  "cli/serve/signals.ts:EXIT_DEADLINE_MS < 5_000",

  // A stuck reader is noticed soon after its time is over.
  "5 * client.ts:WATCH_PERIOD_MS < client.ts:WRITE_WAIT_MS",

  // The longest wait after wrong passwords is not forgotten before it is over.
  "auth/login_throttle.ts:MIN_WAIT_MS < auth/login_throttle.ts:MAX_WAIT_MS",
  "auth/login_throttle.ts:MAX_WAIT_MS < auth/login_throttle.ts:MEMORY_MS",

  // scrypt refuses to use more memory than its option allows.
  "128 * auth/password.ts:HASH_COST * auth/password.ts:HASH_OPTIONS.r < auth/password.ts:HASH_OPTIONS.maxmem",

  // A session that is in use does not end.
  "24 * auth/session_store.ts:TOUCH_PERIOD_MS < auth/session_store.ts:SESSION_MS",

  // A POST of the page fails before the page calls its message failed.
  "sdk/http_fallback.js:ANSWER_WAIT_MS < sdk/session.js:ACK_WAIT_MS",

  // Readers of a stream wait longer than its heartbeat takes.
  "client/stream_handler.ts:HEARTBEAT_PERIOD_MS < sdk/http_fallback.js:SILENCE_MS",
  "3 * client/stream_handler.ts:HEARTBEAT_PERIOD_MS < cli/commands/follow.ts:SILENCE_MS",

  // The server passes on every typing notice, and the next one comes before the last one is over.
  "client/json_handler.ts:TYPING_PERIOD_MS < sdk/session.js:TYPING_PERIOD_MS",
  "sdk/session.js:TYPING_PERIOD_MS < page/people.js:TYPING_MS",
  "sdk/session.js:TYPING_PERIOD_MS < cli/chat/people.ts:TYPING_MS",

  // The page takes a connection that was never answered for a slow one, and waits for others longer than they back off.
  "page/connection_status.js:MAX_WAIT_MS < sdk/connection.js:WELCOME_WAIT_MS",
  "sdk/connection.js:MAX_BACKOFF_MS < page/people.js:RETURN_MS",

  // The command line gives the server time to say that it is unwell, and the container gives both. See deploy/Dockerfile.
  "http/health.ts:HEALTH_WAIT_MS < cli/commands/health.ts:HEALTH_WAIT_MS",
  "cli/commands/health.ts:HEALTH_WAIT_MS < 6_000",

  // Clients wait as long as the server asks them to after a ban.
  "client.ts:BANNED_RETRY_AFTER_MS <= sdk/session.js:MAX_RETRY_AFTER_MS",
  "client.ts:BANNED_RETRY_AFTER_MS <= cli/commands/request.ts:MAX_RETRY_AFTER_MS",

  // Clients ask for no more entries than the server gives at once.
  "sdk/session.js:DEFAULT_HISTORY <= protocol/confab_v1.ts:MAX_HISTORY",
  "page/chat.js:MAX_REPLAY <= protocol/confab_v1.ts:MAX_HISTORY",
  "page/history.js:LONG_PAGE <= protocol/confab_v1.ts:MAX_HISTORY",
  "cli/commands/export.ts:PAGE_ENTRIES <= protocol/confab_v1.ts:MAX_HISTORY",
  "cli/commands/follow.ts:MAX_ENTRIES <= protocol/confab_v1.ts:MAX_HISTORY",

  // Enough emoji of a message are read to tell that there are too many.
  "hub/authorize.ts:MAX_EMOJI < journal/journal.ts:MAX_EMOJI_READ",

  // A page of the journal fits into one batch if its texts are short.
  "hub/room.ts:PAGE_ENTRIES * hub/room.ts:ENTRY_CHARS < hub/room.ts:MAX_BATCH_CHARS",
];

/** A comment that states a relation, and the constant that it belongs to. */
const STATED =
  /\/\*\*(?:(?!\*\/)[^])*?\bmust (?:exceed|be (?:well )?(?:above|below|greater|less|longer|more|shorter))\b(?:(?!\*\/)[^])*\*\/\s*(?:export )?const (\w+)/gi;

const sources = new Map(
  await Promise.all((await listModules(ROOT)).map(async (path): Promise<[string, string]> => [
    path,
    await Deno.readTextFile(new URL(path, ROOT)),
  ])),
);

/** Returns the value of a product. Names without a file belong to `home`. @throws for a name that is not there */
function evaluate(product: string, home = ""): number {
  return product.split(" * ").map((term) => {
    const [base, exponent] = term.split(" ** ");
    return exponent ? read(base!, home) ** read(exponent, home) : read(term, home);
  }).reduce((value, factor) => value * factor);
}

function read(term: string, home: string): number {
  if (/^\d/.test(term)) return Number(term.replaceAll("_", ""));
  const [, file = home, name, field] = /^(?:(.+):)?([A-Z][A-Z0-9_]*)(?:\.(\w+))?$/.exec(term) ?? [];
  const [, text] = new RegExp(`^(?:export )?const ${name}(?:: \\w+)? = (.*);$`, "m")
    .exec(sources.get(file) ?? "") ?? [];
  const value = field ? new RegExp(`\\b${field}: ([^,}]*)`).exec(text ?? "")?.[1]?.trim() : text;
  if (value === undefined) throw new Error(`Cannot find constant: received "${term}"`);
  return evaluate(value, file);
}

/** Returns why a relation does not hold: its values, or the constant that is not there. */
function findBreach(relation: string): string | undefined {
  const [less, sign, more] = relation.split(/ (<=?) /);
  try {
    const [left, right] = [evaluate(less!), evaluate(more!)];
    return (sign === "<" ? left < right : left <= right) ? undefined : `${left} and ${right}`;
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("constants: every relation of the table holds", () => {
  const breaches = RELATIONS.map((relation) => [relation, findBreach(relation)]);
  assertEquals(breaches.filter(([, breach]) => breach), []);
});

Deno.test("constants: every relation that a comment demands is in the table", () => {
  const stated = [...sources].flatMap(([file, source]) =>
    [...source.matchAll(STATED)].map(([, name]) => `${file}:${name}`)
  );
  assert(stated.length > 0);
  const terms = new Set(
    RELATIONS.flatMap((relation) => relation.replaceAll(/(?<=[A-Z])\.\w+/g, "").split(" ")),
  );
  assertEquals(stated.filter((name) => !terms.has(name)), []);
});

Deno.test("evaluate() multiplies numbers and constants, and refuses a constant that is not there", () => {
  assertEquals(evaluate("2 * 1_000"), 2_000);
  assertEquals(evaluate("client.ts:MAX_QUEUED_BYTES"), 2 * evaluate("client.ts:SEND_BYTES"));
  assertEquals(evaluate("auth/password.ts:HASH_COST"), 2 ** 15);
  assertThrows(() => evaluate("client.ts:NOTHING_MS"), Error, 'received "client.ts:NOTHING_MS"');
});

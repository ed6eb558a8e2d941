import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ChatError } from "../../protocol/errors.ts";
import { checkSignature, readGithub } from "./github.ts";

/** Fields of every event of a repository. */
const BASE = {
  repository: { full_name: "acme/rocket", html_url: "https://github.example/acme/rocket" },
  sender: { login: "wile" },
};
const URL = "https://github.example/acme/rocket/x";

function makeCommit(n: number) {
  return {
    id: `${n}bcdef0123456789abcdef0123456789abcdef01`,
    message: `Mend fuse ${n}\n\nIt was too short.`,
    author: { name: "Wile E.", username: "wile" },
  };
}

/** Returns the text of an event without the repository in front; undefined for no message. */
function readText(event: string, payload: object): string | undefined {
  const message = readGithub(event, { ...BASE, ...payload });
  if (!message) return undefined;
  assertEquals(message.name, "GitHub");
  assert(message.text.startsWith("[acme/rocket] "), message.text);
  return message.text.slice("[acme/rocket] ".length);
}

/** Event, payload and expected text. */
type Case = [string, object, string | undefined];

const PUSH = { ref: "refs/heads/main", compare: URL, pusher: { name: "wile" } };
const PULL = {
  number: 12,
  title: "Longer  fuse",
  html_url: URL,
  merged: false,
  user: { login: "bird" },
};
const ISSUE = { number: 3, title: "It does\nnot fly", html_url: URL };
const RUN = { name: "CI", run_number: 77, head_branch: "main", html_url: URL };

const CASES: Case[] = [
  ["ping", { zen: "Keep it simple.", hook: {} }, "The webhook works. Keep it simple."],
  [
    "push",
    { ...PUSH, commits: [makeCommit(1)] },
    `wile pushed 1 commit to main\n1bcdef0 Mend fuse 1 (wile)\n${URL}`,
  ],
  [
    "push",
    { ...PUSH, forced: true, commits: [1, 2, 3, 4, 5, 6, 7, 8].map(makeCommit) },
    "wile force-pushed 8 commits to main\n" +
    [1, 2, 3, 4, 5].map((n) => `${n}bcdef0 Mend fuse ${n} (wile)\n`).join("") +
    `and 3 more\n${URL}`,
  ],
  [
    "push",
    { ...PUSH, ref: "refs/heads/fuse/long", created: true, commits: [] },
    `wile created branch fuse/long\n${URL}`,
  ],
  ["push", { ...PUSH, ref: "refs/tags/v1", created: true }, `wile created tag v1\n${URL}`],
  ["push", { ...PUSH, ref: "refs/tags/v1", deleted: true }, "wile deleted tag v1"],
  [
    "pull_request",
    { action: "opened", pull_request: PULL },
    `wile opened pull request #12: Longer fuse\n${URL}`,
  ],
  [
    "pull_request",
    { action: "opened", pull_request: { ...PULL, draft: true } },
    `wile opened draft pull request #12: Longer fuse\n${URL}`,
  ],
  [
    "pull_request",
    { action: "closed", pull_request: PULL },
    `wile closed pull request #12: Longer fuse\n${URL}`,
  ],
  [
    "pull_request",
    { action: "closed", pull_request: { ...PULL, merged: true } },
    `wile merged pull request #12: Longer fuse\n${URL}`,
  ],
  [
    "pull_request",
    { action: "reopened", pull_request: PULL },
    `wile reopened pull request #12: Longer fuse\n${URL}`,
  ],
  [
    "pull_request",
    { action: "ready_for_review", pull_request: PULL },
    `wile asks for review of pull request #12: Longer fuse\n${URL}`,
  ],
  ["pull_request", { action: "labeled", pull_request: PULL }, undefined],
  ["pull_request", { action: "synchronize", pull_request: PULL }, undefined],
  [
    "pull_request_review",
    {
      action: "submitted",
      pull_request: PULL,
      review: { state: "approved", body: "Beep!", html_url: URL },
    },
    `wile approved pull request #12: Longer fuse\nBeep!\n${URL}`,
  ],
  [
    "pull_request_review",
    { action: "submitted", pull_request: PULL, review: { state: "CHANGES_REQUESTED", body: null } },
    "wile requested changes to pull request #12: Longer fuse",
  ],
  [
    "pull_request_review",
    { action: "submitted", pull_request: PULL, review: { state: "commented" } },
    "wile reviewed pull request #12: Longer fuse",
  ],
  ["pull_request_review", { action: "dismissed", pull_request: PULL }, undefined],
  ["issues", { action: "opened", issue: ISSUE }, `wile opened issue #3: It does not fly\n${URL}`],
  ["issues", { action: "closed", issue: ISSUE }, `wile closed issue #3: It does not fly\n${URL}`],
  [
    "issues",
    { action: "reopened", issue: ISSUE },
    `wile reopened issue #3: It does not fly\n${URL}`,
  ],
  ["issues", { action: "assigned", issue: ISSUE }, undefined],
  [
    "issue_comment",
    { action: "created", issue: ISSUE, comment: { body: "Two\nlines\n", html_url: URL } },
    `wile commented on issue #3: It does not fly\nTwo\nlines\n${URL}`,
  ],
  [
    "issue_comment",
    {
      action: "created",
      issue: { ...ISSUE, pull_request: { url: URL } },
      comment: { body: "🧨".repeat(301), html_url: URL },
    },
    `wile commented on pull request #3: It does not fly\n${"🧨".repeat(300)}…\n${URL}`,
  ],
  ["issue_comment", { action: "edited", issue: ISSUE, comment: { body: "a" } }, undefined],
  [
    "workflow_run",
    { action: "completed", workflow_run: { ...RUN, conclusion: "success" } },
    `✅ CI #77 on main: success\n${URL}`,
  ],
  [
    "workflow_run",
    { action: "completed", workflow_run: { ...RUN, conclusion: "failure" } },
    `❌ CI #77 on main: failure\n${URL}`,
  ],
  [
    "workflow_run",
    { action: "completed", workflow_run: { ...RUN, conclusion: "timed_out" } },
    `❌ CI #77 on main: timed out\n${URL}`,
  ],
  [
    "workflow_run",
    { action: "completed", workflow_run: { ...RUN, conclusion: "cancelled" } },
    `⏹ CI #77 on main: cancelled\n${URL}`,
  ],
  ["workflow_run", { action: "requested", workflow_run: RUN }, undefined],
  ["workflow_job", { action: "completed" }, undefined],
  ["check_run", { action: "completed" }, undefined],
  ["check_suite", { action: "completed" }, undefined],
  [
    "release",
    { action: "published", release: { tag_name: "v1", name: "The first", html_url: URL } },
    `wile published release v1: The first\n${URL}`,
  ],
  [
    "release",
    { action: "published", release: { tag_name: "v2-rc1", name: "v2-rc1", prerelease: true } },
    "wile published pre-release v2-rc1",
  ],
  ["release", { action: "edited", release: { tag_name: "v1" } }, undefined],
  ["star", { action: "created" }, "wile starred it"],
  ["star", { action: "deleted" }, "wile took a star back"],
  ["watch", { action: "started" }, "wile watches it"],
  ["fork", { forkee: { html_url: URL } }, `wile forked it: ${URL}`],
  ["create", { ref: "fuse", ref_type: "branch" }, "wile created branch fuse"],
  ["delete", { ref: "v1", ref_type: "tag" }, "wile deleted tag v1"],
  [
    "discussion",
    { action: "pinned", discussion: { html_url: URL } },
    `discussion: pinned ${URL}`,
  ],
  ["gollum", {}, `gollum ${BASE.repository.html_url}`],
];

Deno.test("readGithub() formats each event in a few words, and ignores some", () => {
  for (const [event, payload, expected] of CASES) {
    assertEquals(readText(event, payload), expected, `${event} ${JSON.stringify(payload)}`);
  }
});

Deno.test("readGithub() formats events of an organization, and events without a sender", () => {
  const message = readGithub("ping", { organization: { login: "acme" }, zen: "Zen." });
  assertEquals(message?.text, "[acme] The webhook works. Zen.");
  assertEquals(readGithub("create", { hook: {}, ref: "a" })?.text, "Somebody created branch a");
});

Deno.test("readGithub() refuses a payload that is not an event of GitHub", () => {
  for (const payload of [undefined, null, 1, "push", [], {}, { repository: "acme/rocket" }]) {
    assertEquals(assertThrows(() => readGithub("push", payload), ChatError).code, "bad_field");
  }
  assertEquals(assertThrows(() => readGithub("", BASE), ChatError).code, "bad_field");
});

Deno.test("readGithub() returns a bounded message for any payload, or refuses it", () => {
  const long = "é\0".repeat(20_000);
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(long));
  const cases = CASES.map(([event, payload]) => ({ event, payload: { ...BASE, ...payload } }));
  fc.assert(
    fc.property(
      fc.constantFrom(...cases),
      fc.infiniteStream(value),
      ({ event, payload }, values) => {
        const keys = Object.keys(payload) as (keyof typeof BASE)[];
        for (const key of keys) checkBound(event, replaced(payload, key, values.next().value));
      },
    ),
    { numRuns: 500 },
  );
});

/** Yields the payload with a field replaced, and then with each of its inner fields replaced. */
function* replaced(payload: Record<string, unknown>, key: string, value: unknown) {
  yield { ...payload, [key]: value };
  const field = payload[key];
  if (typeof field !== "object" || field === null) return;
  for (const inner of Object.keys(field)) yield { ...payload, [key]: { ...field, [inner]: value } };
}

function checkBound(event: string, payloads: Iterable<unknown>): void {
  for (const payload of payloads) {
    try {
      const message = readGithub(event, payload);
      if (!message) continue;
      assert(message.text.trim() !== "");
      assert(new TextEncoder().encode(message.text).length <= 16_384);
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== "bad_field") throw error;
    }
  }
}

Deno.test("checkSignature() accepts only the signature of this body by this secret", () => {
  // The example of GitHub's documentation.
  const secret = "It's a Secret to Everybody";
  const right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const body = new TextEncoder().encode("Hello, World!");
  checkSignature(secret, right, body);
  checkSignature(secret, right.toUpperCase().replace("SHA", "sha"), body);
  const wrong: [string, string | null, Uint8Array][] = [
    [secret, null, body],
    [secret, "", body],
    [secret, "sha256=", body],
    [secret, right.slice(0, -1), body],
    [secret, `${right}0`, body],
    [secret, right.replace("757", "758"), body],
    [secret, right.replace("sha256=", ""), body],
    [secret, right.replace("sha256=", "sha1="), body],
    [secret, `${right}, ${right}`, body],
    [`${secret} `, right, body],
    [secret, right, new TextEncoder().encode("Hello, World! ")],
    [secret, right, new Uint8Array()],
  ];
  for (const [secret, signature, body] of wrong) {
    const error = assertThrows(() => checkSignature(secret, signature, body), ChatError);
    assertEquals(error.code, "bad_signature", signature ?? "none");
  }
});

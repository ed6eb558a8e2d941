// Checks the signature of a GitHub webhook, and formats its events as messages of one or a few lines. Pure functions.
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import { ChatError } from "../../protocol/errors.ts";
import {
  at,
  badPayload,
  cutChars,
  isObject,
  joinLines,
  lineAt,
  listAt,
  type PayloadMessage,
  textAt,
} from "./payload.ts";

/** Formats one event as lines; undefined if it is not worth a message. */
type Formatter = (payload: unknown, who: string) => string[] | undefined;

const NAME = "GitHub";

const MAX_COMMITS = 5;
const SHORT_ID_CHARS = 7;
const MAX_COMMENT_CHARS = 300;

/** Formatters by event, as the header X-GitHub-Event names it. An event without one is formatted as one line. */
const FORMATTERS: ReadonlyMap<string, Formatter> = new Map<string, Formatter>([
  ["ping", (payload) => [`The webhook works. ${lineAt(payload, "zen")}`]],
  ["push", formatPush],
  ["pull_request", formatPullRequest],
  ["pull_request_review", formatReview],
  ["issues", formatIssue],
  ["issue_comment", formatComment],
  ["workflow_run", formatRun],
  ["release", formatRelease],
  ["star", (payload, who) => [`${who} ${isNew(payload) ? "starred it" : "took a star back"}`]],
  ["watch", (_payload, who) => [`${who} watches it`]],
  ["fork", (payload, who) => [`${who} forked it: ${lineAt(payload, "forkee", "html_url")}`]],
  ["create", (payload, who) => [`${who} created ${refOf(payload)}`]],
  ["delete", (payload, who) => [`${who} deleted ${refOf(payload)}`]],
  // Parts of a workflow's run: each run has several.
  ["check_run", () => undefined],
  ["check_suite", () => undefined],
  ["workflow_job", () => undefined],
]);

/** Header X-Hub-Signature-256: an HMAC of the body, in hexadecimal. */
const SIGNATURE = /^sha256=([0-9a-f]{64})$/i;

/**
 * Checks that whoever sent the body knows the secret.
 * @throws {ChatError} `bad_signature`
 */
export function checkSignature(secret: string, signature: string | null, body: Uint8Array): void {
  const [, digits = ""] = SIGNATURE.exec(signature ?? "") ?? [];
  const expected = createHmac("sha256", secret).update(body).digest();
  const given = Buffer.from(digits, "hex");
  if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  throw new ChatError("bad_signature");
}

/**
 * Formats an event by its name and payload; undefined if it is not worth a message.
 * @throws {ChatError} `bad_field` if it is not an event of GitHub.
 */
export function readGithub(event: string, payload: unknown): PayloadMessage | undefined {
  if (event === "") throw badPayload("an event name in the header X-GitHub-Event");
  const isKnown = ["repository", "organization", "sender", "hook"]
    .some((name) => isObject(at(payload, name)));
  if (!isKnown) throw badPayload("a GitHub event with a repository");
  const who = lineAt(payload, "sender", "login") || lineAt(payload, "pusher", "name") || "Somebody";
  const format = FORMATTERS.get(event) ?? (() => [formatOther(event, payload)]);
  const lines = format(payload, who);
  if (!lines) return undefined;
  const source = lineAt(payload, "repository", "full_name") ||
    lineAt(payload, "organization", "login");
  const [first, ...others] = lines;
  return { name: NAME, text: joinLines([source ? `[${source}] ${first}` : first!, ...others]) };
}

function formatPush(payload: unknown, who: string): string[] {
  const { ref, type } = parseRef(lineAt(payload, "ref"));
  if (at(payload, "deleted") === true) return [`${who} deleted ${type} ${ref}`];
  const commits = listAt(payload, "commits");
  const shown = commits.slice(0, MAX_COMMITS).map(describeCommit);
  const count = commits.length === 1 ? "1 commit" : `${commits.length} commits`;
  const did = at(payload, "created") === true
    ? `created ${type} ${ref}`
    : `${at(payload, "forced") === true ? "force-pushed" : "pushed"} ${
      commits.length > 0 ? `${count} ` : ""
    }to ${ref}`;
  const more = commits.length > MAX_COMMITS ? `and ${commits.length - MAX_COMMITS} more` : "";
  return [`${who} ${did}`, ...shown, more, lineAt(payload, "compare")];
}

function describeCommit(commit: unknown): string {
  const [title = ""] = textAt(commit, "message").trimStart().split(/\r?\n/, 1);
  const author = lineAt(commit, "author", "username") || lineAt(commit, "author", "name");
  const id = lineAt(commit, "id").slice(0, SHORT_ID_CHARS);
  return `${id} ${cutChars(title, MAX_COMMENT_CHARS)}${author && ` (${author})`}`;
}

function formatPullRequest(payload: unknown, who: string): string[] | undefined {
  const pull = at(payload, "pull_request");
  const isMerged = at(pull, "merged") === true;
  const did = new Map([
    ["opened", at(pull, "draft") === true ? "opened draft" : "opened"],
    ["closed", isMerged ? "merged" : "closed"],
    ["reopened", "reopened"],
    ["ready_for_review", "asks for review of"],
  ]).get(textAt(payload, "action"));
  if (!did) return undefined;
  return [`${who} ${did} ${describe("pull request", pull)}`, lineAt(pull, "html_url")];
}

function formatReview(payload: unknown, who: string): string[] | undefined {
  if (textAt(payload, "action") !== "submitted") return undefined;
  const [pull, review] = [at(payload, "pull_request"), at(payload, "review")];
  const did = new Map([
    ["approved", "approved"],
    ["changes_requested", "requested changes to"],
  ]).get(textAt(review, "state").toLowerCase()) ?? "reviewed";
  return [
    `${who} ${did} ${describe("pull request", pull)}`,
    cutChars(textAt(review, "body"), MAX_COMMENT_CHARS),
    lineAt(review, "html_url"),
  ];
}

function formatIssue(payload: unknown, who: string): string[] | undefined {
  const action = textAt(payload, "action");
  if (!["opened", "closed", "reopened"].includes(action)) return undefined;
  const issue = at(payload, "issue");
  return [`${who} ${action} ${describe("issue", issue)}`, lineAt(issue, "html_url")];
}

function formatComment(payload: unknown, who: string): string[] | undefined {
  if (textAt(payload, "action") !== "created") return undefined;
  const [issue, comment] = [at(payload, "issue"), at(payload, "comment")];
  const kind = isObject(at(issue, "pull_request")) ? "pull request" : "issue";
  return [
    `${who} commented on ${describe(kind, issue)}`,
    cutChars(textAt(comment, "body"), MAX_COMMENT_CHARS),
    lineAt(comment, "html_url"),
  ];
}

function formatRun(payload: unknown): string[] | undefined {
  if (textAt(payload, "action") !== "completed") return undefined;
  const run = at(payload, "workflow_run");
  const conclusion = lineAt(run, "conclusion") || "completed";
  const sign = new Map([
    ["success", "✅"],
    ["failure", "❌"],
    ["timed_out", "❌"],
    ["startup_failure", "❌"],
  ]).get(conclusion) ?? "⏹";
  const [number, branch] = [lineAt(run, "run_number"), lineAt(run, "head_branch")];
  const name = lineAt(run, "name") || lineAt(payload, "workflow", "name") || "A workflow";
  const which = `${name}${number && ` #${number}`}${branch && ` on ${branch}`}`;
  return [`${sign} ${which}: ${conclusion.replaceAll("_", " ")}`, lineAt(run, "html_url")];
}

function formatRelease(payload: unknown, who: string): string[] | undefined {
  if (textAt(payload, "action") !== "published") return undefined;
  const release = at(payload, "release");
  const [tag, title] = [lineAt(release, "tag_name"), lineAt(release, "name")];
  const kind = at(release, "prerelease") === true ? "pre-release" : "release";
  const what = title && title !== tag ? `${tag}: ${title}` : tag;
  return [`${who} published ${kind} ${what}`, lineAt(release, "html_url")];
}

function formatOther(event: string, payload: unknown): string {
  const action = lineAt(payload, "action");
  const url = lineAt(payload, event, "html_url") || lineAt(payload, "comment", "html_url") ||
    lineAt(payload, "repository", "html_url");
  const name = cutChars(event, 64).replace(/\s+/g, " ");
  return `${name}${action && `: ${action}`} ${url}`;
}

/** Returns a text like `pull request #12: Its title`. */
function describe(kind: string, subject: unknown): string {
  const [number, title] = [lineAt(subject, "number"), lineAt(subject, "title")];
  return `${kind}${number && ` #${number}`}${title && `: ${title}`}`;
}

function isNew(payload: unknown): boolean {
  return textAt(payload, "action") !== "deleted";
}

function refOf(payload: unknown): string {
  return `${lineAt(payload, "ref_type") || "branch"} ${lineAt(payload, "ref")}`;
}

/** Parses a ref: `refs/heads/main` is branch `main`. */
function parseRef(ref: string): { ref: string; type: "branch" | "tag" } {
  const type = ref.startsWith("refs/tags/") ? "tag" : "branch";
  return { ref: ref.replace(/^refs\/(heads|tags)\//, ""), type };
}

// A POST sends one message: as JSON, as text, or as the payload of another service.
import { Buffer, isUtf8 } from "node:buffer";
import type { AddressBudget } from "../../base/address_budget.ts";
import { ChatError, rateLimited } from "../../protocol/errors.ts";
import type { Author } from "../../hub.ts";
import { maxMessageBytes } from "../../base/limits.ts";
import { anonymousAuthor, hashKey, OPERATOR, parseName } from "../../protocol/names.ts";
import { badField, decodeFields, type Fields, parseObject } from "../../protocol/confab_v1.ts";
import type { Message } from "../../protocol/message.ts";
import { decodeText } from "../../protocol/plain_lines.ts";
import { checkTextHeaders, readBody, readText } from "../body.ts";
import { checkSignature, readGithub } from "../../integrations/incoming/github.ts";
import { cutBytes } from "../../integrations/incoming/payload.ts";
import { readSlack } from "../../integrations/incoming/slack.ts";
import type { RoomRequest } from "./request.ts";

/** Maximum size of another service's payload, which is much longer than the message it is turned into. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** Decoded body. */
interface PostedMessage {
  /** Name of the sender; empty for none. */
  readonly name: string;
  readonly fields: Fields;
}

type PostDeps = Pick<
  RoomRequest,
  | "hub"
  | "room"
  | "principal"
  | "address"
  | "addressKey"
  | "budget"
  | "limits"
  | "posts"
  | "hold"
  | "githubSecret"
>;

/**
 * Sends the message in the request. Responds when it is stored.
 * @throws {ChatError} if the message is refused.
 */
export async function servePost(request: Request, deps: PostDeps): Promise<Response> {
  const { hub, room, limits, budget } = deps;
  const { searchParams } = new URL(request.url);
  // Before the body is read: that costs more.
  checkRates(request.headers, searchParams.get("name") ?? "", deps);
  const format = searchParams.get("format");
  const posted = format === null
    ? await readMessage(request, searchParams.get("name") ?? "", deps)
    : await readPayload(request, format, deps);
  if (!posted) return new Response(null, { status: 204 }); // the payload contains nothing to read
  const message = decodeMessage(posted.fields, request.headers, limits.textBytes);
  const author = readAuthor(request.headers, posted.name, deps);
  takeMessage(message, author.name, budget);
  const seq = await hub.post(room, author, message);
  if (format === "slack") return new Response("ok"); // Slack's clients expect this
  return new Response(`${JSON.stringify({ seq, id: message.id })}\n`, {
    status: 201,
    headers: {
      "content-type": "application/json",
      location: `?after=${seq - 1}&limit=1`,
    },
  });
}

/**
 * Checks the rate of one author at the address, as a connection has its own. A name in the body is not known yet. Then checks
 * whether the address has a message left. @throws {ChatError} `rate_limited`
 */
function checkRates(headers: Headers, name: string, { posts, addressKey, budget }: PostDeps): void {
  if (addressKey === "") return;
  const author = authorOf(headers) ?? anonymousAuthor(name);
  const key = `${addressKey} ${author}`;
  posts.takeOrThrow(key, { nowMs: performance.now(), makeError: rateLimited });
  const waitMs = budget?.messageWaitMs() ?? 0;
  if (waitMs > 0) throw rateLimited(waitMs);
}

/** Takes the message of the address's budget. @throws {ChatError} `rate_limited` */
function takeMessage({ id, text }: Message, name: string, budget?: AddressBudget): void {
  const bytes = Buffer.byteLength(id) + Buffer.byteLength(text) + Buffer.byteLength(name);
  const waitMs = budget?.takeMessage(bytes) ?? 0;
  if (waitMs > 0) throw rateLimited(waitMs);
}

async function readMessage(
  request: Request,
  name: string,
  { limits, hold }: PostDeps,
): Promise<PostedMessage> {
  const type = mediaTypeOf(request);
  if (type.startsWith("multipart/")) throw new ChatError("bad_media_type");
  const body = await readText(request, maxMessageBytes(limits), hold);
  if (type === "application/json") {
    const fields = parseObject(body);
    return { name: readName(fields) ?? name, fields };
  }
  // A file and the output of a program end in a line break.
  return { name, fields: { text: body.replace(/\r\n?$|\n$/, "") } };
}

/** Reads another service's payload as a message; undefined if there is nothing to send. */
async function readPayload(
  request: Request,
  format: string,
  { limits, githubSecret, hold }: PostDeps,
): Promise<PostedMessage | undefined> {
  if (format !== "github" && format !== "slack") {
    throw badField("format", "github or slack", format);
  }
  checkTextHeaders(request.headers);
  const bytes = await readBody(request, MAX_PAYLOAD_BYTES, hold);
  if (format === "github" && githubSecret !== undefined) {
    checkSignature(githubSecret, request.headers.get("x-hub-signature-256"), new Uint8Array(bytes));
  }
  const body = decodeText(bytes);
  // Both services may send a form with one field instead.
  const isForm = mediaTypeOf(request) === "application/x-www-form-urlencoded" &&
    body.startsWith("payload=");
  const payload = parseObject(isForm ? new URLSearchParams(body).get("payload") ?? "" : body);
  const read = format === "slack"
    ? readSlack(payload)
    : readGithub(request.headers.get("x-github-event") ?? "", payload);
  if (!read) return undefined;
  // A retried delivery has the same id, whether GitHub or a person retries it.
  const id = format === "github"
    ? request.headers.get("x-github-delivery") ?? undefined
    : undefined;
  return { name: read.name, fields: { text: cutBytes(read.text, limits.textBytes), id } };
}

/** Decodes a message. @throws {ChatError} if the fields are not valid. */
function decodeMessage(fields: Fields, headers: Headers, maxTextBytes: number): Message {
  const key = headers.get("idempotency-key")?.replace(/^"(.*)"$/, "$1");
  const id = fields["id"] ?? undefined;
  if (key !== undefined && id !== undefined && id !== key) {
    throw badField("id", "the same as the Idempotency-Key", id);
  }
  const command = decodeFields({
    type: fields["type"] ?? "say",
    id: key ?? id ?? crypto.randomUUID(),
    text: fields["text"],
    ref: fields["ref"],
    replyTo: fields["replyTo"] ?? undefined,
    emoji: fields["emoji"],
    on: fields["on"],
    minutes: fields["minutes"],
    address: fields["address"],
  }, maxTextBytes);
  if (command.type !== "message") {
    throw new ChatError("unknown_type", {
      message: `Cannot post "${command.type}": expected say, edit, delete, react, close or ban`,
    });
  }
  return command.message;
}

function readAuthor(headers: Headers, givenName: string, deps: PostDeps): Author {
  const { principal, address, budget } = deps;
  const keyed = authorOf(headers);
  // An operator's message needs an author, and a program of an operator may have no key.
  const isNamed = givenName !== "" || !principal.isOperator || keyed !== undefined;
  const name = isNamed ? givenName && parseName(givenName) : OPERATOR;
  const author = keyed ?? (principal.isOperator ? OPERATOR : anonymousAuthor(name));
  return { author, name, principal, address, ...budget ? { budget } : {} };
}

/** Returns the author whose key is in the headers; undefined for none. @throws {ChatError} `bad_field`. */
export function authorOf(headers: Headers): string | undefined {
  const key = headers.get("confab-key");
  if (key === null) return undefined;
  const bytes = Buffer.from(key, "latin1"); // a header's characters are its bytes
  if (isUtf8(bytes)) return hashKey(bytes.toString());
  throw badField("Confab-Key", "UTF-8", {}); // otherwise different keys could be equal
}

function readName(fields: Fields): string | undefined {
  const name = fields["name"] ?? undefined;
  if (name === undefined || typeof name === "string") return name;
  throw badField("name", "a string", name);
}

function mediaTypeOf(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

// Saying something with one request: JSON, text, or what another service posts.
import { Buffer, isUtf8 } from "node:buffer";
import { ChatError, rateLimited } from "../../protocol/errors.ts";
import type { Author } from "../../hub.ts";
import { maxMessageBytes } from "../../base/limits.ts";
import { anonymousAuthor, hashKey, OPERATOR, parseName } from "../../protocol/names.ts";
import { badField, decodeFields, type Fields, parseObject } from "../../protocol/confab_v1.ts";
import type { Message } from "../../protocol/message.ts";
import { decodeText } from "../../protocol/plain_lines.ts";
import { readBody } from "../body.ts";
import { readGithub } from "../../integrations/incoming/github.ts";
import { cutBytes } from "../../integrations/incoming/payload.ts";
import { readSlack } from "../../integrations/incoming/slack.ts";
import type { RoomRequest } from "./request.ts";

/** What other services post says little in many words. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** What is said, and under which name: empty for none. */
interface Saying {
  readonly name: string;
  readonly line: Fields;
}

type PostDeps = Pick<
  RoomRequest,
  "hub" | "room" | "principal" | "address" | "addressKey" | "limits" | "posts"
>;

/**
 * Says what the request holds. Answers when it is durable.
 * @throws {ChatError} why it was not accepted.
 */
export async function servePost(request: Request, deps: PostDeps): Promise<Response> {
  const { hub, room, limits, posts, addressKey } = deps;
  // Before the body is read: that costs more.
  posts.takeOrThrow(addressKey, { nowMs: performance.now(), makeError: rateLimited });
  const { searchParams } = new URL(request.url);
  const format = searchParams.get("format");
  const saying = format === null
    ? await readSaying(request, searchParams.get("name") ?? "", maxMessageBytes(limits))
    : await readPayload(request, format, limits.textBytes);
  if (!saying) return new Response(null, { status: 204 }); // nothing that anybody would read
  const message = decodeMessage(saying.line, request.headers, limits.textBytes);
  const seq = await hub.post(room, readAuthor(request.headers, saying.name, deps), message);
  if (format === "slack") return new Response("ok"); // what its clients look for
  return new Response(`${JSON.stringify({ seq, id: message.id })}\n`, {
    status: 201,
    headers: {
      "content-type": "application/json",
      location: `?after=${seq - 1}&limit=1`,
    },
  });
}

async function readSaying(request: Request, name: string, maxBytes: number): Promise<Saying> {
  const type = mediaTypeOf(request);
  if (type.startsWith("multipart/")) throw new ChatError("bad_media_type");
  const body = decodeText(await readBody(request, maxBytes));
  if (type === "application/json") {
    const line = parseObject(body);
    return { name: readName(line) ?? name, line };
  }
  // A file, and what a program prints, ends in a line break.
  return { name, line: { text: body.replace(/\r?\n$/, "") } };
}

/** What another service tells, in words. */
async function readPayload(
  request: Request,
  format: string,
  maxTextBytes: number,
): Promise<Saying | undefined> {
  if (format !== "github" && format !== "slack") {
    throw badField("format", "github or slack", format);
  }
  const body = decodeText(await readBody(request, MAX_PAYLOAD_BYTES));
  // Both may send a form with one field instead.
  const isForm = mediaTypeOf(request) === "application/x-www-form-urlencoded" &&
    body.startsWith("payload=");
  const payload = parseObject(isForm ? new URLSearchParams(body).get("payload") ?? "" : body);
  const said = format === "slack"
    ? readSlack(payload)
    : readGithub(request.headers.get("x-github-event") ?? "", payload);
  if (!said) return undefined;
  // A delivery that is tried again, by hand or not, is the same one.
  const id = format === "github"
    ? request.headers.get("x-github-delivery") ?? undefined
    : undefined;
  return { name: said.name, line: { text: cutBytes(said.text, maxTextBytes), id } };
}

/** @throws {ChatError} when it is no message. */
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

function readAuthor(headers: Headers, given: string, { principal, address }: PostDeps): Author {
  const keyed = authorOf(headers);
  // What an operator does must be somebody's, and a program of theirs may well have no key.
  const isNamed = given !== "" || !principal.isOperator || keyed !== undefined;
  const name = isNamed ? given && parseName(given) : OPERATOR;
  const author = keyed ?? (principal.isOperator ? OPERATOR : anonymousAuthor(name));
  return { author, name, principal, address };
}

/** The author whose key the request holds; undefined when it holds none. @throws {ChatError} `bad_field`. */
export function authorOf(headers: Headers): string | undefined {
  const key = headers.get("confab-key");
  if (key === null) return undefined;
  const bytes = Buffer.from(key, "latin1"); // a header's characters are its bytes
  if (isUtf8(bytes)) return hashKey(bytes.toString());
  throw badField("Confab-Key", "UTF-8", {}); // or different keys would be one
}

function readName(fields: Fields): string | undefined {
  const name = fields["name"] ?? undefined;
  if (name === undefined || typeof name === "string") return name;
  throw badField("name", "a string", name);
}

function mediaTypeOf(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

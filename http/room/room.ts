// A room is one URL with several representations. This module chooses one, and serves those that end. Streams and POSTs are
// modules of their own.
import { accepts } from "@std/http/negotiation";
import { Buffer } from "node:buffer";
import { ChatError, rateLimited } from "../../protocol/errors.ts";
import type { Reading } from "../../hub/room.ts";
import type { Entry } from "../../protocol/message.ts";
import type { Peer } from "../../transport/transport.ts";
import { encodeEntry } from "../../protocol/entry.ts";
import { encodeGap, encodeTranscript } from "../../protocol/transcript.ts";
import { ASSETS } from "../../page/assets.ts";
import { serveAsset } from "../assets.ts";
import { addVary, respondWithText } from "../coding.ts";
import { isAllowedOrigin } from "../origin.ts";
import { servePost } from "./post.ts";
import { problemOf } from "../problem.ts";
import { isRead, refuseMethod } from "../respond.ts";
import { parseQuery, type RoomQuery } from "./query.ts";
import { serveStream } from "./stream.ts";
import type { RoomRequest } from "./request.ts";

/** Maximum bytes of entries in a page, encoded and before compression. A page has at least one entry. */
const MAX_PAGE_BYTES = 256 * 1024;

/** Maximum characters of a path in the log. */
const MAX_LOGGED_PATH_CHARS = 200;

/** Media types of streams. */
const STREAMS = ["application/x-ndjson", "text/event-stream"];

const JSON_TYPE = "application/json";

/** Media types of a room. A client that accepts all of them gets the first. */
const TYPES = ["text/plain", "text/html", JSON_TYPE, ...STREAMS];
const ROOT_TYPES = ["text/html", "text/plain", JSON_TYPE, ...STREAMS];

const METHODS = "GET, HEAD, POST, OPTIONS";

export interface RoomDeps extends RoomRequest {
  /** Whether the URL is `/`: a client without a preference gets the page, and POST is not allowed, as in the seed. */
  readonly isRoot: boolean;
  /** Media type of the response, as {@linkcode chooseType} returns it for the request. */
  readonly type: string | undefined;
}

/** Returns the media type that the client prefers; undefined if it accepts none of a room. */
export function chooseType(request: Request, isRoot: boolean): string | undefined {
  const types = isRoot ? ROOT_TYPES : TYPES;
  // Among equals the order of the list decides. JSON comes first if a client that is no browser names it beside a wildcard, as
  // HTTP libraries do.
  const named = request.headers.get("accept")?.split(",").map((part) => part.trim()) ?? [];
  const isJsonFirst = named.includes(JSON_TYPE) && named.includes("*/*") &&
    !named.includes("text/html");
  return accepts(request, ...isJsonFirst ? new Set([JSON_TYPE, ...types]) : types);
}

/** Serves a request for a room. Responds to an error with a problem document. */
export async function serveRoom(request: Request, peer: Peer, deps: RoomDeps): Promise<Response> {
  let response: Response;
  try {
    response = await serveMethod(request, peer, deps);
  } catch (error) {
    response = problemOf(error);
    if (request.method === "POST" && error instanceof ChatError) {
      deps.hub.countRefusal(error.code);
    }
  }
  addVary(response.headers, deps.allowOrigins.length > 0 ? "Accept, Origin" : "Accept");
  return response;
}

function serveMethod(request: Request, peer: Peer, deps: RoomDeps): Response | Promise<Response> {
  if (isRead(request)) return serveRead(request, peer, deps);
  if (!isAllowedOrigin(request, deps)) throw new ChatError("foreign_origin");
  if (request.method === "POST" && !deps.isRoot) return servePost(request, deps);
  if (deps.isRoot) return refuseMethod("GET, HEAD");
  if (request.method === "OPTIONS") {
    return new Response(null, { status: 204, headers: { allow: METHODS } });
  }
  const message = `Cannot use ${request.method} on a room: use POST to send a message`;
  return problemOf(new ChatError("method_not_allowed", { message }), { allow: METHODS });
}

function serveRead(request: Request, peer: Peer, deps: RoomDeps): Response | Promise<Response> {
  const { isRoot, type } = deps;
  if (type === undefined) {
    const message = `None of the accepted media types is available: expected ${
      (isRoot ? ROOT_TYPES : TYPES).join(", ")
    }`;
    throw new ChatError("not_acceptable", { message });
  }
  if (type === "text/html") {
    // Without the query, which may contain an invite.
    const path = new URL(request.url).pathname.slice(0, MAX_LOGGED_PATH_CHARS);
    deps.log("info", "page", { path });
    return serveAsset(request, ASSETS.get("/")!);
  }
  const query = parseQuery(new URL(request.url));
  if (STREAMS.includes(type) || query.follow && type === "text/plain") {
    return serveStream(request, peer, { ...deps, query, type });
  }
  return servePage(request, deps, { query, type });
}

/** Serves a page of entries as JSON, or as text for people. @throws {ChatError} `rate_limited` */
async function servePage(
  request: Request,
  { hub, room, budget }: RoomDeps,
  { query, type }: { query: RoomQuery; type: string },
): Promise<Response> {
  const waitMs = budget?.take("reads") ?? 0;
  if (waitMs > 0) throw rateLimited(waitMs);
  const { after, before = Number.MAX_SAFE_INTEGER, limit } = query;
  const range = after === undefined ? { before } : { after };
  const read = await hub.readPage(room, range, { entries: limit, chars: MAX_PAGE_BYTES });
  const isText = type === "text/plain";
  const encode = isText ? (entry: Entry) => encodeTranscript([entry]) : encodeEntry;
  const all = read.entries.map(encode);
  const isForward = after !== undefined;
  const count = countOfPage(all, isForward);
  const cut = <T>(list: readonly T[]) =>
    isForward ? list.slice(0, count) : list.slice(list.length - count);
  const reading = { ...read, entries: cut(read.entries) };
  const gap = gapOf(reading, query);
  const body = isText
    ? (gap ? `${encodeGap(gap)}\n` : "") + encodeTranscript(reading.entries)
    : encodePage(reading, query, cut(all));
  const link = linksOf(reading, limit);
  return respondWithText(request, body, {
    "content-type": type === "text/plain" ? "text/plain; charset=utf-8" : type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...link ? { link } : {},
  });
}

/**
 * Returns the number of entries that a page may contain, counted from the end where the request begins, and at least one.
 * Bounded by encoded bytes: a character of a text may take six of them.
 */
function countOfPage(encoded: readonly string[], isForward: boolean): number {
  let bytes = 0;
  const ordered = isForward ? encoded : encoded.toReversed();
  const count = ordered.findIndex((entry) => (bytes += Buffer.byteLength(entry)) > MAX_PAGE_BYTES);
  return count < 0 ? encoded.length : Math.max(1, count);
}

/** Returns the range of requested entries that retention has removed; undefined for none. */
function gapOf({ floor }: Reading, { after = floor }: RoomQuery) {
  if (after >= floor) return undefined;
  return { from: after + 1, to: floor, count: floor - after, reason: "retention" } as const;
}

function encodePage(reading: Reading, query: RoomQuery, entries: readonly string[]): string {
  const { room, epoch, head } = reading;
  const { older, newer } = neighboursOf(reading);
  const more = (query.after === undefined ? older : newer) !== undefined;
  const gap = gapOf(reading, query);
  const start = JSON.stringify({ room, epoch, head, gap, more }).slice(0, -1);
  return `${start},"entries":[${entries.join(",")}]}\n`;
}

/** Returns links to older and newer entries (RFC 8288), relative to the room's URL. */
function linksOf(reading: Reading, limit: number): string {
  const { older, newer } = neighboursOf(reading);
  return [
    ...older === undefined ? [] : [`<?before=${older}&limit=${limit}>; rel="prev"`],
    ...newer === undefined ? [] : [`<?after=${newer}&limit=${limit}>; rel="next"`],
  ].join(", ");
}

/** Returns the seqs before and after which there are more entries; undefined for none. */
function neighboursOf({ entries, floor, head }: Reading): { older?: number; newer?: number } {
  const [first, last] = [entries[0]?.seq, entries.at(-1)?.seq];
  return {
    ...first !== undefined && first > floor + 1 ? { older: first } : {},
    ...last !== undefined && last < head ? { newer: last } : {},
  };
}

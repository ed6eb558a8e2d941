// A room as one URL with several representations: which one a request is for, and the ones that end. The stream and the
// POST are their own modules.
import { accepts } from "@std/http/negotiation";
import { ChatError } from "../../protocol/errors.ts";
import type { Reading } from "../../hub.ts";
import { increment } from "../../hub/stats.ts";
import type { Peer } from "../../transport/transport.ts";
import { encodeEntry } from "../../protocol/entry.ts";
import { encodeGap, encodeTranscript } from "../../protocol/transcript.ts";
import { addVary, respondWithText } from "../coding.ts";
import { corsHeaders, isAllowedOrigin } from "../origin.ts";
import { servePost } from "./post.ts";
import { problemOf, refuse } from "../problem.ts";
import { parseQuery, type RoomQuery } from "./query.ts";
import { serveStream } from "./stream.ts";
import type { RoomRequest } from "./request.ts";

/** Characters of text in a page. */
const MAX_PAGE_CHARS = 256 * 1024;

/** Representations that go on. */
const STREAMS = ["application/x-ndjson", "text/event-stream"];

const JSON_TYPE = "application/json";

/** What a room can be had as. Whoever takes anything gets the first. */
const TYPES = ["text/plain", "text/html", JSON_TYPE, ...STREAMS];
const ROOT_TYPES = ["text/html", "text/plain", JSON_TYPE, ...STREAMS];

const METHODS = "GET, HEAD, POST, OPTIONS";

export interface RoomDeps extends RoomRequest {
  /** Answers with the page. */
  readonly servePage: () => Promise<Response>;
  /** Whether it is the room of `/`, which is the page first of all and takes no POST: scripts know it so. */
  readonly isRoot: boolean;
}

/** What a request for a room is to be answered with; undefined for nothing that there is. */
export function typeFor(request: Request, isRoot: boolean): string | undefined {
  const types = isRoot ? ROOT_TYPES : TYPES;
  // Types that are equally welcome go by our order. A client that names JSON, as HTTP libraries do beside a wildcard, reads it.
  const isJsonNamed = request.headers.get("accept")?.includes(JSON_TYPE);
  return accepts(request, ...isJsonNamed ? new Set([JSON_TYPE, ...types]) : types);
}

/** Answers a request for a room; what is wrong with it with a problem document. */
export async function serveRoom(request: Request, peer: Peer, deps: RoomDeps): Promise<Response> {
  let response: Response;
  try {
    response = await answer(request, peer, deps);
  } catch (error) {
    response = problemOf(error);
    if (request.method === "POST" && error instanceof ChatError) {
      increment(deps.hub.stats.refused, error.code);
    }
  }
  addVary(response.headers, deps.allowOrigins.length > 0 ? "Accept, Origin" : "Accept");
  const headers = corsHeaders(request, deps.allowOrigins);
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

function answer(request: Request, peer: Peer, deps: RoomDeps): Response | Promise<Response> {
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (isRead) return read(request, peer, deps);
  if (!isAllowedOrigin(request, deps)) throw new ChatError("foreign_origin");
  if (request.method === "POST" && !deps.isRoot) return servePost(request, deps);
  if (deps.isRoot) return refuse("method_not_allowed", { allow: "GET, HEAD" });
  if (request.method === "OPTIONS") {
    return new Response(null, { status: 204, headers: { allow: METHODS } });
  }
  const message = `Cannot use ${request.method} on a room: use POST to send a message`;
  return problemOf(new ChatError("method_not_allowed", { message }), { allow: METHODS });
}

function read(request: Request, peer: Peer, deps: RoomDeps): Response | Promise<Response> {
  const { isRoot, servePage } = deps;
  const type = typeFor(request, isRoot);
  if (type === undefined) {
    const message = `None of the accepted media types is available: expected ${
      (isRoot ? ROOT_TYPES : TYPES).join(", ")
    }`;
    throw new ChatError("not_acceptable", { message });
  }
  if (type === "text/html") return servePage();
  const query = parseQuery(new URL(request.url));
  if (STREAMS.includes(type) || query.follow && type === "text/plain") {
    return serveStream(request, peer, { ...deps, query, type });
  }
  return readPage(request, deps, { query, type });
}

/** Some of the entries: as JSON, or as text for people. @throws {ChatError} `rate_limited` */
async function readPage(
  request: Request,
  { hub, room, reads, addressKey }: RoomDeps,
  { query, type }: { query: RoomQuery; type: string },
): Promise<Response> {
  const waitMs = reads.take(addressKey, performance.now());
  if (waitMs > 0) throw new ChatError("rate_limited", { retryAfterMs: Math.ceil(waitMs) });
  const { after, before = Number.MAX_SAFE_INTEGER, limit } = query;
  const range = after === undefined ? { before } : { after };
  const reading = await hub.read(room, range, { entries: limit, chars: MAX_PAGE_CHARS });
  const gap = gapOf(reading, query);
  const body = type === "text/plain"
    ? (gap ? `${encodeGap(gap)}\n` : "") + encodeTranscript(reading.entries)
    : encodePage(reading, query);
  const link = linksOf(reading, limit);
  return respondWithText(request, body, {
    "content-type": type === "text/plain" ? "text/plain; charset=utf-8" : type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...link ? { link } : {},
  });
}

/** What is no longer kept of that which was asked for. */
function gapOf({ floor }: Reading, { after = floor }: RoomQuery) {
  if (after >= floor) return undefined;
  return { from: after + 1, to: floor, count: floor - after, reason: "retention" } as const;
}

function encodePage(reading: Reading, query: RoomQuery): string {
  const { room, epoch, head, entries } = reading;
  const { older, newer } = neighboursOf(reading);
  const more = (query.after === undefined ? older : newer) !== undefined;
  const gap = gapOf(reading, query);
  const start = JSON.stringify({ room, epoch, head, gap, more }).slice(0, -1);
  return `${start},"entries":[${entries.map(encodeEntry).join(",")}]}\n`;
}

/** Where older and newer entries are (RFC 8288), as references to the room's own URL. */
function linksOf(reading: Reading, limit: number): string {
  const { older, newer } = neighboursOf(reading);
  return [
    ...older === undefined ? [] : [`<?before=${older}&limit=${limit}>; rel="prev"`],
    ...newer === undefined ? [] : [`<?after=${newer}&limit=${limit}>; rel="next"`],
  ].join(", ");
}

/** The seqs before and after which there are more; undefined where there are none. */
function neighboursOf({ entries, floor, head }: Reading): { older?: number; newer?: number } {
  const [first, last] = [entries[0]?.seq, entries.at(-1)?.seq];
  return {
    ...first !== undefined && first > floor + 1 ? { older: first } : {},
    ...last !== undefined && last < head ? { newer: last } : {},
  };
}

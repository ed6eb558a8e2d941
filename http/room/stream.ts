// A stream is a response that goes on: server-sent events, JSON lines or text. Its body is a client like any other, with the
// same queue, catch-up and close.
import { BANNED_RETRY_AFTER_MS, Client } from "../../client.ts";
import type { ClientHandle } from "../../client/handler.ts";
import { StreamHandler } from "../../client/stream_handler.ts";
import { ChatError, rateLimited } from "../../protocol/errors.ts";
import { parseName } from "../../protocol/names.ts";
import type { Peer } from "../../transport/transport.ts";
import { EVENT_STREAM } from "../../protocol/event_stream.ts";
import { DEFAULT_HISTORY, JSON_LINES } from "../../protocol/confab_v1.ts";
import { STREAMED_TRANSCRIPT } from "../../protocol/transcript.ts";
import { authorOf } from "./post.ts";
import { parseLastEventId, type RoomQuery } from "./query.ts";
import type { RoomRequest } from "./request.ts";

/** Encoding of each media type. */
const WIRES = new Map([
  ["text/event-stream", EVENT_STREAM],
  ["application/x-ndjson", JSON_LINES],
  ["text/plain", STREAMED_TRANSCRIPT],
]);

export interface StreamOptions extends RoomRequest {
  readonly query: RoomQuery;
  /** A key of `WIRES`. */
  readonly type: string;
}

/**
 * Responds with a stream of the room's entries.
 * @throws {ChatError} `bad_field`, `bad_name`, `banned`, `too_many_connections`, `rate_limited`.
 */
export function serveStream(request: Request, peer: Peer, options: StreamOptions): Response {
  const { hub, room, query, type } = options;
  const author = authorOf(request.headers) ?? "";
  const wire = WIRES.get(type)!;
  const lastEventId = parseLastEventId(request.headers);
  const isResuming = (lastEventId ?? query.after) !== undefined;
  const joinRequest = {
    author,
    name: author && query.name && parseName(query.name),
    // An event source reconnects with its first URL. The last id that it received is newer than `after` in that URL, and may be
    // from another journal than `epoch` there.
    after: lastEventId ?? query.after,
    epoch: lastEventId === undefined ? query.epoch : undefined,
    maxReplay: query.maxReplay ?? Infinity,
    history: query.history ?? (isResuming ? DEFAULT_HISTORY : 0),
  };
  const ban = hub.findBan(options, author);
  if (ban) {
    const { code, message } = ban;
    throw new ChatError(code, { message, retryAfterMs: BANNED_RETRY_AFTER_MS });
  }
  const headers = {
    "content-type": type === "text/plain" ? "text/plain; charset=utf-8" : type,
    // A proxy that buffers or compresses the stream would delay it.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  };
  if (request.method === "HEAD") return new Response(null, { headers });
  const makeHandler = (client: ClientHandle) =>
    new StreamHandler(client, { hub, room, wire, joinRequest });
  const hasReplay = isResuming || joinRequest.history > 0;
  const waitMs = hasReplay ? options.budget?.takeReplay() ?? 0 : 0;
  if (waitMs > 0) throw rateLimited(waitMs);
  const release = options.connectionLimit.acquire(options.addressKey);
  return peer.stream(headers, (connection) => {
    new Client({ ...options, connection, makeHandler }).run();
  }, release);
}

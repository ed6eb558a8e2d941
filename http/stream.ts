// A room that goes on: one response whose body is a client like any other, with the same queue, catching up and end.
import { Client } from "../client.ts";
import type { Dialog, Speaker } from "../dialog.ts";
import type { Arrival, Hub } from "../hub.ts";
import type { Log } from "../log.ts";
import { parseName } from "../names.ts";
import type { Peer } from "../transport/transport.ts";
import { EVENT_STREAM, EVENTS_ONLY, LINES_ONLY } from "../wire/event_stream.ts";
import { JSON_LINES } from "../wire/json_lines.ts";
import type { Wire } from "../wire/message.ts";
import { TRANSCRIPT } from "../wire/transcript.ts";
import { authorOf } from "./post.ts";
import { parseLastEventId, type RoomQuery } from "./query.ts";

/** Silence that no proxy takes for the end, and shorter than what the page takes for a reason to ask. */
const HEARTBEAT_PERIOD_MS = 12_000;

/** Media types of streams, with their wires for who is there as a person and for who is not. */
const WIRES = new Map<string, { person: Wire; reader: Wire }>([
  ["text/event-stream", { person: EVENT_STREAM, reader: EVENTS_ONLY }],
  ["application/x-ndjson", { person: JSON_LINES, reader: LINES_ONLY }],
  ["text/plain", { person: TRANSCRIPT, reader: TRANSCRIPT }],
]);

export interface StreamOptions {
  readonly hub: Hub;
  readonly log: Log;
  readonly room: string;
  readonly query: RoomQuery;
  /** One of `WIRES`. */
  readonly type: string;
}

/** Answers with the room from here on. @throws {ChatError} `bad_field`, `bad_name`. */
export function serveStream(request: Request, peer: Peer, options: StreamOptions): Response {
  const { hub, log, room, query, type } = options;
  const author = authorOf(request.headers) ?? "";
  const wires = WIRES.get(type)!;
  const wire = author ? wires.person : wires.reader;
  const arrival = {
    author,
    name: author && query.name && parseName(query.name),
    // An event source that comes back asks for the URL that it began with: what it has seen since counts.
    after: parseLastEventId(request.headers) ?? query.after,
    epoch: query.epoch,
    most: query.most ?? Infinity,
    history: query.history,
  };
  const headers = {
    "content-type": type === "text/plain" ? "text/plain; charset=utf-8" : type,
    // Whatever gathers the stream to compress or buffer it would delay it.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
  };
  if (request.method === "HEAD") return new Response(null, { headers });
  return peer.stream(headers, (connection) => {
    const makeDialog = (speaker: Speaker) =>
      new StreamDialog(speaker, { hub, room, wire, arrival });
    new Client({ hub, connection, makeDialog, log }).run();
  });
}

/** The dialog of a stream: the request has said all that there is to say. */
class StreamDialog implements Dialog {
  readonly wire: Wire;
  readonly hasJoined = true;
  readonly #speaker: Speaker;
  readonly #join: () => void;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(
    speaker: Speaker,
    { hub, room, wire, arrival }: { hub: Hub; room: string; wire: Wire; arrival: Arrival },
  ) {
    this.wire = wire;
    this.#speaker = speaker;
    this.#join = () => hub.register(speaker, room, arrival);
  }

  begin(): void {
    this.#join();
    const beat = () => this.#speaker.tell({ type: "pong" });
    this.#heartbeat = setInterval(beat, HEARTBEAT_PERIOD_MS);
  }

  read(): void {/* nothing comes */}

  end(): void {
    clearInterval(this.#heartbeat);
  }
}

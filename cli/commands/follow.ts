// A room over HTTP, live and for good: reconnects, resumes behind what it has seen, and gives each entry once. The client
// half of the JSON lines that `GET /r/ROOM` streams.
import { delay } from "@std/async/delay";
import { maxBackOffMs } from "../../base/retry.ts";
import type { BearerHeaders } from "../bearer.ts";
import { readLines } from "../lines.ts";
import { AwayError, boundRetryAfter, fetchHead, notConfab, showUrl } from "./request.ts";

/** Longest waits after connections that were lost in a row, as docs/protocol.md gives them. */
const BACK_OFF = { firstMs: 500, maxMs: 20_000 };

/** A line of `confab.v1`, as the server sends it: docs/protocol.md says which fields there are. */
export interface FollowedLine {
  readonly type: string;
  readonly seq?: number;
  readonly [field: string]: unknown;
}

export interface FollowOptions {
  /** Of the room. */
  readonly url: string;
  /** The `seq` to begin behind; undefined for the last {@linkcode FIRST_ENTRIES}. */
  readonly since?: number | undefined;
  /** Whom to be in the room; undefined for nobody. */
  readonly name?: string | undefined;
  /** What one is let in by. */
  readonly bearer?: BearerHeaders;
  /** Told once for each time that the server is away. */
  readonly onLost?: (error: Error) => void;
  readonly onFound?: () => void;
  /** Silence after which the connection is dead. {@linkcode SILENCE_MS} unless told otherwise. */
  readonly silenceMs?: number;
  /** Time after which a connection was a good one. {@linkcode STEADY_MS} unless told otherwise. */
  readonly steadyMs?: number;
  /** What it waits with, in milliseconds. */
  readonly pause?: (ms: number) => Promise<void>;
}

/** How much of the past to begin with when nobody says. */
const FIRST_ENTRIES = 10;

/** What comes of the past when the journal is another one than before: as much as there can be. */
const MOST_ENTRIES = 500;

/** Three heartbeats of the server, and some to spare. */
const SILENCE_MS = 40_000;

/** A connection that lasted this long was a good one: the waits before trying again start over. */
const STEADY_MS = 5_000;

/** Where a reader is: what it asks for when it comes back. */
interface FollowPosition {
  epoch: string | undefined;
  /** The last `seq` that it has seen; undefined before the first welcome, unless it was given one. */
  seq: number | undefined;
}

/** What it begins with where nothing is resumed. */
function historyOf({ epoch }: FollowPosition): number {
  return epoch === undefined ? FIRST_ENTRIES : MOST_ENTRIES;
}

/**
 * Entries (`entry`) in order, each once; what no longer can be had (`gap`); and `welcome` where a new history begins,
 * which is also where the room has no such number as it was told to begin behind. Ends only when the caller does.
 * @throws {Error} when the server refuses for good.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<FollowedLine> {
  const { onLost, onFound, steadyMs = STEADY_MS, pause = delay } = options;
  const place: FollowPosition = { epoch: undefined, seq: options.since };
  const key = crypto.randomUUID(); // of this reader, on each of its connections
  let failures = 0;
  let lost = false;
  while (true) {
    let openAt = Infinity;
    let leastMs = 0;
    try {
      for await (const line of connect({ ...options, place, key })) {
        openAt = Math.min(openAt, performance.now());
        if (lost) onFound?.();
        lost = false;
        leastMs = line.type === "bye" ? boundRetryAfter(line["retryAfterMs"]) : 0;
        if (advance(place, line)) yield line;
      }
    } catch (error) {
      if (!(error instanceof AwayError)) throw error;
      leastMs = Math.max(leastMs, error.retryAfterMs);
      if (!lost) onLost?.(error);
      lost = true;
    }
    if (performance.now() - openAt >= steadyMs) failures = 0;
    await pause(leastMs + Math.random() * maxBackOffMs(++failures, BACK_OFF));
  }
}

/** Moves the place behind the line. Whether the line is new, and worth giving. */
function advance(place: FollowPosition, line: FollowedLine): boolean {
  switch (line.type) {
    case "welcome": {
      const isAfresh = line["resumed"] !== true;
      const isNew = isAfresh && place.seq !== undefined;
      // The connection may be lost before the first entry that it begins with.
      if (isAfresh) place.seq = Math.max(0, Number(line["head"]) - historyOf(place));
      place.epoch = String(line["epoch"]);
      return isNew;
    }
    case "gap":
      place.seq = Number(line["to"]);
      return true;
    case "entry":
      if (line.seq === undefined || place.seq !== undefined && line.seq <= place.seq) return false;
      place.seq = line.seq;
      return true;
    default:
      return false;
  }
}

/** The lines of one connection, until it ends. @throws {AwayError} when it breaks or ends, or was none; as `fetchHead` does. */
async function* connect(
  { url, name, bearer, silenceMs = SILENCE_MS, place, key }: FollowOptions & {
    place: FollowPosition;
    key: string;
  },
): AsyncGenerator<FollowedLine> {
  const silence = new AbortController();
  const watch = () => setTimeout(() => silence.abort(new Error("no data arrived")), silenceMs);
  let timer = watch();
  let isOpen = false;
  try {
    const headers = {
      ...bearer,
      accept: "application/x-ndjson",
      ...(name === undefined ? {} : { "confab-key": key }),
    };
    const { signal } = silence;
    const response = await open(url, { place, name, init: { headers, signal } });
    isOpen = true;
    for await (const line of readLines(response.body!)) {
      clearTimeout(timer);
      timer = watch();
      yield parseLine(line);
    }
    throw new Error("the stream ended");
  } catch (cause) {
    if (!isOpen) throw cause;
    const message = `Cannot continue reading ${showUrl(url)}: the connection was lost`;
    throw new AwayError(message, { cause });
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** @throws {Error} also for a line that was cut off. */
function parseLine(text: string): FollowedLine {
  const line = JSON.parse(text);
  if (typeof line?.type === "string") return line;
  throw new Error("the server sent a line without a type");
}

async function open(
  room: string,
  { place, name, init }: { place: FollowPosition; name: string | undefined; init: RequestInit },
): Promise<Response> {
  const response = await fetchHead(makeUrl(room, place, name), init);
  const type = response.headers.get("content-type") ?? "no type";
  if (type.startsWith("application/x-ndjson")) return response;
  await response.body?.cancel();
  throw notConfab(room, `the server responded with ${type}`);
}

function makeUrl(room: string, place: FollowPosition, name: string | undefined): string {
  const url = new URL(room);
  const { seq, epoch } = place;
  if (seq !== undefined) url.searchParams.set("after", String(seq));
  if (epoch !== undefined) url.searchParams.set("epoch", epoch);
  url.searchParams.set("history", String(historyOf(place)));
  if (name !== undefined) url.searchParams.set("name", name);
  return url.href;
}

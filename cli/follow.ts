// A room over HTTP, live and for good: reconnects, resumes behind what it has seen, and gives each entry once. The client
// half of the JSON lines that `GET /r/ROOM` streams.
import { delay } from "@std/async/delay";
import { readLines } from "./lines.ts";
import { explainFailure, explainRefusal, fetchHead, showUrl } from "./request.ts";

/** A line of `confab.v1`, as the server sends it: docs/protocol.md says which fields there are. */
export interface Line {
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
  /** Told once for each time that the server is away. */
  readonly onLost?: (error: Error) => void;
  readonly onFound?: () => void;
  /** Silence after which the connection is dead. {@linkcode SILENCE_MS} unless told otherwise. */
  readonly silenceMs?: number;
}

/** How much of the past to begin with when nobody says. */
const FIRST_ENTRIES = 10;

/** What comes of the past when the journal is another one than before: as much as there can be. */
const MOST_ENTRIES = 500;

/** Longest waits before trying again, by how often it has failed; the real ones are random, so that a crowd spreads. */
const BACKOFF_MS = [500, 1_000, 2_000, 5_000, 10_000, 20_000];

/** Two heartbeats of the server, which come every 15 s, and some. */
const SILENCE_MS = 40_000;

/** What makes no sense to ask again. */
class RefusedError extends Error {}

/** Where a reader is: what it asks for when it comes back. */
interface Place {
  epoch: string | undefined;
  /** The last `seq` that it has seen; undefined before the first welcome, unless it was given one. */
  seq: number | undefined;
}

/** What it begins with where nothing is resumed. */
function historyOf({ epoch }: Place): number {
  return epoch === undefined ? FIRST_ENTRIES : MOST_ENTRIES;
}

/**
 * Entries (`entry`) in order, each once; what no longer can be had (`gap`); and `welcome` where a new history begins.
 * Ends only when the caller does.
 * @throws {Error} when the server refuses for good.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<Line> {
  const place: Place = { epoch: undefined, seq: options.since };
  const key = crypto.randomUUID(); // of this reader, on each of its connections
  let failures = 0;
  let leastMs = 0;
  let lost = false;
  while (true) {
    try {
      for await (const line of connect({ ...options, place, key })) {
        if (lost) options.onFound?.();
        lost = false;
        failures = 0;
        leastMs = line.type === "bye" ? Number(line["retryAfterMs"]) || 0 : 0;
        if (advance(place, line)) yield line;
      }
    } catch (error) {
      if (error instanceof RefusedError) throw error.cause;
      if (!lost) options.onLost?.(error as Error);
      lost = true;
    }
    const mostMs = BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)]!;
    await delay(leastMs + Math.random() * mostMs);
  }
}

/** Moves the place behind the line. Whether the line is new, and worth giving. */
function advance(place: Place, line: Line): boolean {
  switch (line.type) {
    case "welcome": {
      const isAfresh = line["resumed"] !== true;
      const isNew = isAfresh && place.epoch !== undefined;
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

/** The lines of one connection, until it ends. @throws when it breaks, or was none. */
async function* connect(
  { url, name, silenceMs = SILENCE_MS, place, key }: FollowOptions & { place: Place; key: string },
): AsyncGenerator<Line> {
  const silence = new AbortController();
  const watch = () => setTimeout(() => silence.abort(new Error("it is silent")), silenceMs);
  let timer = watch();
  let isOpen = false;
  try {
    const response = await open(url, makeUrl(url, place, name), {
      headers: {
        accept: "application/x-ndjson",
        ...(name === undefined ? {} : { "confab-key": key }),
      },
      signal: silence.signal,
    });
    isOpen = true;
    for await (const line of readLines(response.body!)) {
      clearTimeout(timer);
      timer = watch();
      yield JSON.parse(line);
    }
    throw new Error("it ended");
  } catch (cause) {
    if (!isOpen) throw cause;
    throw new Error(`Cannot go on reading ${showUrl(url)}: the connection is lost`, { cause });
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** @throws {RefusedError} when it will not be otherwise later. */
async function open(room: string, url: string, init: RequestInit): Promise<Response> {
  const response = await fetchHead(url, init).catch((error) => {
    throw explainFailure(room, error);
  });
  if (!response.ok) {
    const cause = await explainRefusal(room, response);
    const isForGood = response.status < 500 && ![408, 425, 429].includes(response.status);
    throw isForGood ? new RefusedError("", { cause }) : cause;
  }
  const type = response.headers.get("content-type") ?? "no type";
  if (type.startsWith("application/x-ndjson")) return response;
  await response.body?.cancel();
  const message = `Cannot use ${showUrl(room)}: it answered with ${type}. Is it a Confab room?`;
  throw new RefusedError("", { cause: new Error(message) });
}

function makeUrl(room: string, place: Place, name: string | undefined): string {
  const url = new URL(room);
  const { seq, epoch } = place;
  if (seq !== undefined) url.searchParams.set("after", String(seq));
  if (epoch !== undefined) url.searchParams.set("epoch", epoch);
  url.searchParams.set("history", String(historyOf(place)));
  if (name !== undefined) url.searchParams.set("name", name);
  return url.href;
}

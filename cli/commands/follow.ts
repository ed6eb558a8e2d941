// Follows a room over HTTP, as JSON lines that `GET /r/ROOM` streams. Reconnects, resumes after the last entry received, and
// yields each entry once.
import { delay } from "@std/async/delay";
import { maxBackOffMs } from "../../base/retry.ts";
import type { BearerHeaders } from "../secret.ts";
import { readLines } from "../stdio.ts";
import { boundRetryAfter, fetchHead, notConfab, showUrl, UnavailableError } from "./request.ts";

/** Maximum pauses after connections lost in a row, as docs/protocol.md gives them. */
const BACK_OFF = { firstMs: 500, maxMs: 20_000 };

/** A line of `confab.v1` from the server. docs/protocol.md defines its fields. */
export interface FollowedLine {
  readonly type: string;
  readonly seq?: number;
  readonly [field: string]: unknown;
}

export interface FollowOptions {
  /** URL of the room. */
  readonly url: string;
  /** Sequence number to start after; undefined for the last {@linkcode FIRST_ENTRIES}. */
  readonly since?: number | undefined;
  /** Name to appear under in the room; undefined to stay invisible. */
  readonly name?: string | undefined;
  /** Headers that authenticate the requests. */
  readonly bearer?: BearerHeaders;
  /** Called once for each time that the server becomes unavailable. */
  readonly onLost?: (error: Error) => void;
  /** Called when the server is available again. */
  readonly onFound?: () => void;
  /** Silence after which the connection counts as lost. Default: {@linkcode SILENCE_MS}. */
  readonly silenceMs?: number;
  /** Duration of a connection that resets the back-off. Default: {@linkcode STEADY_MS}. */
  readonly steadyMs?: number;
  /** Waits for a number of milliseconds. */
  readonly pause?: (ms: number) => Promise<void>;
}

/** Entries of history to start with by default. */
const FIRST_ENTRIES = 10;

/** Entries of history after the journal was replaced: the maximum that a server sends. */
const MAX_ENTRIES = 500;

/** Maximum silence: three heartbeats of the server, and a margin. */
const SILENCE_MS = 40_000;

/** Duration after which a connection counts as stable: the back-off starts again from its shortest time. */
const STEADY_MS = 5_000;

/** Position of the reader in the journal of the room, from which it resumes. */
interface FollowPosition {
  epoch: string | undefined;
  /** Last sequence number received, or the one to start after; undefined before the first welcome otherwise. */
  seq: number | undefined;
}

/** Returns the entries of history to request in case the server cannot resume. */
function historyOf({ epoch }: FollowPosition): number {
  return epoch === undefined ? FIRST_ENTRIES : MAX_ENTRIES;
}

/**
 * Yields entries (`entry`) in order, each once, and ranges that are no longer stored (`gap`). Yields a `welcome` when a new
 * history starts: the journal was replaced, or the room has not reached the number to start after. Never ends by itself.
 * @throws {Error} if the server refuses permanently.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<FollowedLine> {
  const { onLost, onFound, steadyMs = STEADY_MS, pause = delay } = options;
  const position: FollowPosition = { epoch: undefined, seq: options.since };
  const key = crypto.randomUUID(); // identifies this reader on all of its connections
  let failures = 0;
  let isLost = false;
  while (true) {
    let openAt = Infinity;
    let minPauseMs = 0;
    try {
      for await (const line of connect({ ...options, position, key })) {
        openAt = Math.min(openAt, performance.now());
        if (isLost) onFound?.();
        isLost = false;
        minPauseMs = line.type === "bye" ? boundRetryAfter(line["retryAfterMs"]) : 0;
        if (advance(position, line)) yield line;
      }
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      minPauseMs = Math.max(minPauseMs, error.retryAfterMs);
      if (!isLost) onLost?.(error);
      isLost = true;
    }
    if (performance.now() - openAt >= steadyMs) failures = 0;
    await pause(minPauseMs + Math.random() * maxBackOffMs(++failures, BACK_OFF));
  }
}

/** Advances the position past the line. Returns whether to yield the line: it is new, and concerns the reader. */
function advance(position: FollowPosition, line: FollowedLine): boolean {
  switch (line.type) {
    case "welcome": {
      const isRestart = line["resumed"] !== true;
      const isNew = isRestart && position.seq !== undefined;
      // The connection may be lost before the first entry arrives: then resume before that entry.
      if (isRestart) position.seq = Math.max(0, Number(line["head"]) - historyOf(position));
      position.epoch = String(line["epoch"]);
      return isNew;
    }
    case "gap":
      position.seq = Number(line["to"]);
      return true;
    case "entry":
      if (line.seq === undefined || position.seq !== undefined && line.seq <= position.seq) {
        return false;
      }
      position.seq = line.seq;
      return true;
    default:
      return false;
  }
}

/**
 * Yields the lines of one connection.
 * @throws {UnavailableError} when the connection breaks or ends. Errors of `fetchHead`, if it cannot be opened.
 */
async function* connect(
  { url, name, bearer, silenceMs = SILENCE_MS, position, key }: FollowOptions & {
    position: FollowPosition;
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
    const response = await open(url, { position, name, init: { headers, signal } });
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
    throw new UnavailableError(message, { cause });
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Parses a line. @throws {Error} also for a line that was cut off. */
function parseLine(text: string): FollowedLine {
  const line = JSON.parse(text);
  if (typeof line?.type === "string") return line;
  throw new Error("the server sent a line without a type");
}

async function open(
  room: string,
  { position, name, init }: {
    position: FollowPosition;
    name: string | undefined;
    init: RequestInit;
  },
): Promise<Response> {
  const response = await fetchHead(makeUrl(room, position, name), init);
  const type = response.headers.get("content-type") ?? "no type";
  if (type.startsWith("application/x-ndjson")) return response;
  await response.body?.cancel();
  throw notConfab(room, `the server responded with ${type}`);
}

function makeUrl(room: string, position: FollowPosition, name: string | undefined): string {
  const url = new URL(room);
  const { seq, epoch } = position;
  if (seq !== undefined) url.searchParams.set("after", String(seq));
  if (epoch !== undefined) url.searchParams.set("epoch", epoch);
  url.searchParams.set("history", String(historyOf(position)));
  if (name !== undefined) url.searchParams.set("name", name);
  return url.href;
}

// What the query of a room's URL asks for, and the headers that say the same. Pure.
import { badField, DEFAULT_HISTORY, MAX_HISTORY } from "../../protocol/confab_v1.ts";

/** A room's query. Numbers that are not given are undefined, texts empty. */
export interface RoomQuery {
  readonly after: number | undefined;
  readonly before: number | undefined;
  /** Entries of a page. */
  readonly limit: number;
  /** Entries that a stream begins with when it resumes nothing. */
  readonly history: number | undefined;
  readonly maxReplay: number | undefined;
  readonly epoch: string | undefined;
  readonly name: string;
  readonly follow: boolean;
}

/** @throws {ChatError} `bad_field`, which names what cannot be read. */
export function parseQuery({ searchParams }: URL): RoomQuery {
  const number = (name: string): number | undefined => {
    const value = searchParams.get(name);
    if (value === null || /^\d{1,15}$/.test(value)) {
      return value === null ? undefined : Number(value);
    }
    throw badField(name, "a number", value);
  };
  const [after, before] = [number("after"), number("before")];
  if (after !== undefined && before !== undefined) {
    throw badField("before", "only one of before and after", String(before));
  }
  const history = number("history");
  const limit = number("limit") ?? DEFAULT_HISTORY;
  if (limit < 1) throw badField("limit", "a number, 1 or more", "0");
  const follow = searchParams.get("follow");
  return {
    after,
    before,
    limit: Math.min(limit, MAX_HISTORY),
    history: history && Math.min(history, MAX_HISTORY),
    maxReplay: number("most"),
    epoch: searchParams.get("epoch") ?? undefined,
    name: searchParams.get("name") ?? "",
    follow: follow !== null && follow !== "0" && follow !== "false",
  };
}

/** The id of the last event that a reader has seen, as browsers tell it when they come back. */
export function parseLastEventId(headers: Headers): number | undefined {
  const id = headers.get("last-event-id");
  if (id === null || id === "") return undefined;
  // One that is no seq is of another server: no entry has it, so the reader starts afresh.
  return /^\d{1,15}$/.test(id) ? Number(id) : Infinity;
}

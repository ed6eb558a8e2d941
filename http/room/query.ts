// The query of a room's URL, and `Last-Event-ID`, select the entries of a response. Pure functions.
import { badField, DEFAULT_HISTORY, MAX_HISTORY } from "../../protocol/confab_v1.ts";

/** Query of a room. A missing number is undefined, a missing name is empty. */
export interface RoomQuery {
  readonly after: number | undefined;
  readonly before: number | undefined;
  /** Maximum number of entries in a page. */
  readonly limit: number;
  /** Number of latest entries that a stream starts with if it does not resume. */
  readonly history: number | undefined;
  /** Maximum number of missed entries that a stream replays. */
  readonly maxReplay: number | undefined;
  readonly epoch: string | undefined;
  readonly name: string;
  readonly follow: boolean;
}

/** Parses the query. @throws {ChatError} `bad_field`, with the name of the field. */
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

/** Parses the id of the last event that the client received, which browsers send when they reconnect. */
export function parseLastEventId(headers: Headers): number | undefined {
  const id = headers.get("last-event-id");
  if (id === null || id === "") return undefined;
  // An id that is not a seq is from another server. No entry has it, so the stream starts anew.
  return /^\d{1,15}$/.test(id) ? Number(id) : Infinity;
}

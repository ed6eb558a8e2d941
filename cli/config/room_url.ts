// Parses the URL of a room in the forms that people type. Pure.
import { LOBBY, parseRoomName } from "../../protocol/names.ts";
import { badUsage } from "./flags.ts";

/** A parsed URL of a room. */
export interface RoomUrl {
  /** URL of the server with its base path. Ends with a slash. */
  readonly base: string;
  readonly room: string;
  /** URL of the room, without query and fragment. */
  readonly url: string;
  /** Name to use in the room; undefined if the URL has none. */
  readonly name: string | undefined;
}

/**
 * Parses `http://HOST:PORT/r/ROOM` or `https://…`, with or without a base path before `/r/`. A URL that ends at the base
 * path is the lobby. `HOST:PORT` means HTTP, and `:PORT` means this machine. A fragment is ignored. The query may contain
 * `name` if `hasName` is set, and nothing else.
 * @throws {ChatError} `bad_usage`
 */
export function parseRoomUrl(text: string, { hasName = false } = {}): RoomUrl {
  const url = parseUrl(text);
  const path = url?.pathname ?? "";
  const match = /^(.*\/)r\/([^/]+)\/?$/.exec(path) ?? /^(.*\/)(?<!\/r\/)$/.exec(path);
  if (!url || !/^https?:$/.test(url.protocol) || !match) {
    // A URL may contain a password.
    const received = text.includes("@") ? "another URL" : `"${text}"`;
    throw badUsage(`Cannot parse URL: expected http://HOST:PORT/r/ROOM, received ${received}`);
  }
  const room = match[2] === undefined ? LOBBY : parseRoomName(match[2]);
  if (room === undefined) {
    throw badUsage(
      `Cannot parse URL: expected a room name of lower-case letters, digits, "-" or "_", ` +
        `received "${match[2]}"`,
    );
  }
  checkQuery(url, hasName);
  const base = new URL(match[1]!, url);
  return {
    base: base.href,
    room,
    url: `${base.href}r/${encodeURIComponent(room)}`,
    name: url.searchParams.get("name") || undefined,
  };
}

function parseUrl(text: string): URL | undefined {
  const expanded = text.replace(/^:(?=\d)/, "localhost:");
  const isHost = /^(?:localhost|[^/?#]*[.:][^/?#]*)(?:[/?#]|$)/.test(expanded) &&
    !/^[^/?#]*:\/\//.test(expanded);
  const full = isHost ? `http://${expanded}` : expanded;
  return URL.canParse(full) ? new URL(full) : undefined;
}

/**
 * Refuses query parameters that would have no effect.
 * @throws {ChatError} `bad_usage`
 */
function checkQuery({ searchParams }: URL, hasName: boolean): void {
  const other = [...searchParams.keys()].find((key) => key !== "name" || !hasName);
  if (other === undefined) return;
  const expected = hasName ? 'only "name" in the query' : "no query";
  throw badUsage(`Cannot parse URL: expected ${expected}, received "${other}"`);
}

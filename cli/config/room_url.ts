// The address of a room, as people give it. Pure.
import { LOBBY, parseRoomName } from "../../protocol/names.ts";
import { badUsage } from "./flags.ts";

/** Where a room is. */
export interface RoomUrl {
  /** Of the server, with the path that it is below: ends in a slash. */
  readonly base: string;
  readonly room: string;
  /** Of the room, with nothing behind it. */
  readonly url: string;
  /** By which name to be there; undefined where the address names none. */
  readonly name: string | undefined;
}

/**
 * Reads `http://HOST:PORT/r/ROOM` or `https://…`, with a path before `/r/` or without; `/` is the lobby, and so is
 * `HOST:PORT`, which means HTTP, and `:PORT` on this machine. A fragment means nothing here; of a query, nothing but
 * `name` does, and only with `hasName`.
 * @throws {ChatError} `bad_usage`
 */
export function parseRoomUrl(text: string, { hasName = false } = {}): RoomUrl {
  const url = parseUrl(text);
  const path = url?.pathname ?? "";
  const match = /^(.*\/)r\/([^/]+)\/?$/.exec(path) ?? /^(.*\/)(?<!\/r\/)$/.exec(path);
  if (!url || !/^https?:$/.test(url.protocol) || !match) {
    // An address with a password in it is not shown.
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
  const place = text.replace(/^:(?=\d)/, "localhost:");
  const isHost = /^(?:localhost|[^/?#]*[.:][^/?#]*)(?:[/?#]|$)/.test(place) &&
    !/^[^/?#]*:\/\//.test(place);
  const full = isHost ? `http://${place}` : place;
  return URL.canParse(full) ? new URL(full) : undefined;
}

/** What asks for something that nobody will do is a mistake. @throws {ChatError} `bad_usage` */
function checkQuery({ searchParams }: URL, hasName: boolean): void {
  const other = [...searchParams.keys()].find((key) => key !== "name" || !hasName);
  if (other === undefined) return;
  const expected = hasName ? 'only "name" in the query' : "no query";
  throw badUsage(`Cannot parse URL: expected ${expected}, received "${other}"`);
}

// The address of a room, as people give it. Pure.
import { LOBBY, parseRoomName } from "../names.ts";
import { badUsage } from "./flags.ts";

/** Where a room is. */
export interface RoomUrl {
  /** Of the server, with the path that it is below: ends in a slash. */
  readonly base: string;
  readonly room: string;
  /** Of the room, with nothing behind it. */
  readonly url: string;
}

/**
 * Reads `http://HOST:PORT/r/ROOM` or `https://…`, with a path before `/r/` or without; `/` is the lobby, and so is
 * `HOST:PORT`, which means HTTP.
 * @throws {ChatError} `bad_usage`
 */
export function parseRoomUrl(text: string): RoomUrl {
  const isHost = /^(?:localhost|[^/]*[.:][^/]*)(?:\/|$)/.test(text) && !text.includes("://");
  const full = isHost ? `http://${text}` : text;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  const path = url?.pathname ?? "";
  const match = /^(.*\/)r\/([^/]+)\/?$/.exec(path) ?? /^(.*\/)$/.exec(path);
  if (!url || !/^https?:$/.test(url.protocol) || !match) {
    // An address with a password in it is not shown.
    const received = text.includes("@") ? "another" : `"${text}"`;
    throw badUsage(`Cannot parse URL: expected http://HOST:PORT/r/ROOM, received ${received}`);
  }
  const room = match[2] === undefined ? LOBBY : parseRoomName(match[2]);
  if (room === undefined) {
    throw badUsage(
      `Cannot parse URL: expected a room of lower-case letters, digits, "-" or "_", ` +
        `received "${match[2]}"`,
    );
  }
  const base = new URL(match[1]!, url);
  return { base: base.href, room, url: `${base.href}r/${encodeURIComponent(room)}` };
}

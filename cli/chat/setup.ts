// Where a chat takes place: the room's socket, and what is kept for its server between two runs. Reads the environment.
import { randomHex } from "../../sdk/outbox.js";
import type { StorageLike } from "../../sdk/types.d.ts";
import type { BearerHeaders } from "../bearer.ts";
import { FileStorage, findStateFile, MemoryStorage, STATE_ENV_NAMES } from "./file_storage.ts";
import { parseRoomUrl } from "../config/room_url.ts";

const KEY_BYTES = 32;

/** Where to chat, and what is kept for it. */
export interface ChatSetup {
  readonly room: string;
  readonly socketUrl: string;
  /** Connects, with what one is let in by. */
  readonly WebSocket: typeof WebSocket;
  /** The server's address, to be shown: no password is in it. */
  readonly server: string;
  readonly storage: StorageLike;
  /** Whether the storage outlives the program. */
  readonly isKept: boolean;
}

/**
 * The place that a room's page names. `tell` is told, in sentences, what cannot be kept; also later on.
 * @throws {ChatError} `bad_usage`
 */
export function findSetup(
  text: string,
  { bearer, tell }: { bearer: BearerHeaders; tell: (text: string) => void },
): ChatSetup {
  const { base, room, url } = parseRoomUrl(text);
  const server = new URL(base);
  server.username = server.password = "";
  return {
    room,
    WebSocket: withHeaders(bearer),
    socketUrl: `${url.replace("http", "ws")}/ws`,
    server: server.href,
    ...openStorage(server.href, tell),
  };
}

/** A WebSocket as Deno has it, which sends headers too. */
function withHeaders(headers: BearerHeaders): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocol: string) {
      super(url, { protocols: [protocol], headers });
    }
  } as typeof WebSocket;
}

/** What is kept for a server: in a file where there can be one, in memory otherwise. */
function openStorage(
  scope: string,
  tell: (text: string) => void,
): Pick<ChatSetup, "storage" | "isKept"> {
  const env = Object.fromEntries(STATE_ENV_NAMES.map((name) => [name, Deno.env.get(name)]));
  const file = findStateFile(env, Deno.build.os);
  if (file === undefined) {
    tell("Cannot save name and key: HOME is not set");
    return { storage: new MemoryStorage(), isKept: false };
  }
  const storage = new FileStorage({ file, scope, onFault: tell });
  try {
    // Two that start at once are one author: each takes the key that is there by now.
    storage.setMissing("confab.key", randomHex(KEY_BYTES));
    return { storage, isKept: true };
  } catch {
    return { storage: new MemoryStorage(), isKept: false }; // it has told why
  }
}

// Prepares a chat: the WebSocket of the room, and the storage that keeps data between two runs. Reads the environment.
import { randomHex } from "../../sdk/outbox.js";
import type { StorageLike } from "../../sdk/types.d.ts";
import type { BearerHeaders } from "../secret.ts";
import { FileStorage, findStateFile, MemoryStorage, STATE_ENV_NAMES } from "./file_storage.ts";
import { parseRoomUrl } from "../config/room_url.ts";

/** Size of the secret key that identifies an author. */
const KEY_BYTES = 32;

/** Room to chat in, and storage for its server. */
export interface ChatSetup {
  readonly room: string;
  readonly socketUrl: string;
  /** WebSocket class that sends the authentication headers. */
  readonly WebSocket: typeof WebSocket;
  /** URL of the server for display, without a password. */
  readonly server: string;
  readonly storage: StorageLike;
  /** Whether the storage outlives the program. */
  readonly isKept: boolean;
}

/**
 * Prepares the chat of a room's URL. Calls `report` with a sentence when data cannot be saved, also later.
 * @throws {ChatError} `bad_usage`
 */
export function findSetup(
  text: string,
  { bearer, report }: { bearer: BearerHeaders; report: (text: string) => void },
): ChatSetup {
  const { base, room, url } = parseRoomUrl(text);
  const server = new URL(base);
  server.username = server.password = "";
  return {
    room,
    WebSocket: withHeaders(bearer),
    socketUrl: `${url.replace("http", "ws")}/ws`,
    server: server.href,
    ...openStorage(server.href, report),
  };
}

/** Returns a WebSocket class that sends these headers. Needs Deno: browsers do not allow it. */
function withHeaders(headers: BearerHeaders): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocol: string) {
      super(url, { protocols: [protocol], headers });
    }
  } as typeof WebSocket;
}

/** Opens the storage for a server: in a file if possible, otherwise in memory. */
function openStorage(
  scope: string,
  report: (text: string) => void,
): Pick<ChatSetup, "storage" | "isKept"> {
  const env = Object.fromEntries(STATE_ENV_NAMES.map((name) => [name, Deno.env.get(name)]));
  const file = findStateFile(env, Deno.build.os);
  if (file === undefined) {
    report("Cannot save name and key: HOME is not set");
    return { storage: new MemoryStorage(), isKept: false };
  }
  const storage = new FileStorage({ file, scope, onFailure: report });
  try {
    // Two chats that start at the same time are one author: both use the key that was stored first.
    storage.setMissing("confab.key", randomHex(KEY_BYTES));
    return { storage, isKept: true };
  } catch {
    return { storage: new MemoryStorage(), isKept: false }; // the storage has reported the reason
  }
}

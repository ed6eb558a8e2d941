// The upgrade of a room to a WebSocket, in which it speaks `confab.v1` or the seed's lines.
import { Client } from "../../client.ts";
import { JsonDialog, LinesDialog, type MakeDialog } from "../../client/handler.ts";
import { ChatError } from "../../protocol/errors.ts";
import type { Peer } from "../../transport/transport.ts";
import { JSON_LINES } from "../../protocol/confab_v1.ts";
import { isAllowedOrigin } from "../origin.ts";
import { problemOf, refuse } from "../problem.ts";
import type { Leave } from "../connection_limit.ts";
import type { Visit } from "./request.ts";

/** Makes the connection a client of the hub, as the seed's function of this name does. */
export function serveWs(request: Request, peer: Peer, visit: Visit): Response {
  if (request.method !== "GET") return refuse("method_not_allowed", { allow: "GET" });
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isAllowedOrigin(request, visit)) return refuse("foreign_origin");
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isJson = offered.some((protocol) => protocol.trim() === JSON_LINES.protocol);
  // Lines have no words for why; on the other wire a page is told, which sees nothing of a refused upgrade.
  const ban = isJson ? undefined : visit.hub.findBan(visit);
  if (ban) return problemOf(ban);
  const makeDialog: MakeDialog = (speaker) =>
    isJson ? new JsonDialog(speaker, visit) : new LinesDialog(speaker, visit);
  let leave: Leave | undefined;
  try {
    leave = visit.turnstile.enter(visit.addressKey);
    return peer.upgrade(isJson ? JSON_LINES.protocol : "", (connection) => {
      const { log, room, address } = visit;
      log("debug", "client opened", { room, remote: address });
      new Client({ ...visit, connection, makeDialog }).run();
    }, leave);
  } catch (error) {
    leave?.();
    if (error instanceof ChatError) return problemOf(error);
    if (error instanceof TypeError) return refuse("bad_upgrade"); // a header is missing or wrong
    throw error;
  }
}

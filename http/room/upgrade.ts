// The upgrade of a room to a WebSocket, in which it speaks `confab.v1` or the seed's lines.
import { Client } from "../../client.ts";
import type { MakeHandler } from "../../client/handler.ts";
import { JsonHandler } from "../../client/json_handler.ts";
import { LinesHandler } from "../../client/lines_handler.ts";
import { ChatError } from "../../protocol/errors.ts";
import type { Peer } from "../../transport/transport.ts";
import { JSON_LINES } from "../../protocol/confab_v1.ts";
import { isAllowedOrigin } from "../origin.ts";
import { problemOf, refuse } from "../problem.ts";
import { refuseMethod } from "../respond.ts";
import type { Release } from "../connection_limit.ts";
import type { RoomRequest } from "./request.ts";

/** Makes the connection a client of the hub, as the seed's function of this name does. */
export function serveWs(request: Request, peer: Peer, roomRequest: RoomRequest): Response {
  if (request.method !== "GET") return refuseMethod("GET");
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isAllowedOrigin(request, roomRequest)) return refuse("foreign_origin");
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isJson = offered.some((protocol) => protocol.trim() === JSON_LINES.protocol);
  // Lines have no words for why; on the other wire a page is told, which sees nothing of a refused upgrade.
  const ban = isJson ? undefined : roomRequest.hub.findBan(roomRequest);
  if (ban) return problemOf(ban);
  const makeHandler: MakeHandler = (client) =>
    isJson ? new JsonHandler(client, roomRequest) : new LinesHandler(client, roomRequest);
  let leave: Release | undefined;
  try {
    leave = roomRequest.connectionLimit.acquire(roomRequest.addressKey);
    return peer.upgrade(isJson ? JSON_LINES.protocol : "", (connection) => {
      const { log, room, address } = roomRequest;
      log("debug", "client opened", { room, remote: address });
      new Client({ ...roomRequest, connection, makeHandler }).run();
    }, leave);
  } catch (error) {
    leave?.();
    if (error instanceof ChatError) return problemOf(error);
    if (error instanceof TypeError) return refuse("bad_upgrade"); // a header is missing or wrong
    throw error;
  }
}

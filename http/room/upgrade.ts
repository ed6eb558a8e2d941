// A room's socket is upgraded here to a WebSocket with `confab.v1` or the seed's lines.
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

/** Upgrades the request and makes the connection a client of the hub, as the seed's function of this name does. */
export function serveWs(request: Request, peer: Peer, roomRequest: RoomRequest): Response {
  if (request.method !== "GET") return refuseMethod("GET");
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isAllowedOrigin(request, roomRequest)) return refuse("foreign_origin");
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isJson = offered.some((protocol) => protocol.trim() === JSON_LINES.protocol);
  // Lines cannot carry a reason, so the upgrade is refused. A page cannot see a refused upgrade: confab.v1 sends it the reason.
  const ban = isJson ? undefined : roomRequest.hub.findBan(roomRequest);
  if (ban) return problemOf(ban);
  const makeHandler: MakeHandler = (client) =>
    isJson ? new JsonHandler(client, roomRequest) : new LinesHandler(client, roomRequest);
  let release: Release | undefined;
  try {
    release = roomRequest.connectionLimit.acquire(roomRequest.addressKey);
    return peer.upgrade(isJson ? JSON_LINES.protocol : "", (connection) => {
      const { log, room, address } = roomRequest;
      log("debug", "client opened", { room, remote: address });
      new Client({ ...roomRequest, connection, makeHandler }).run();
    }, release);
  } catch (error) {
    release?.();
    if (error instanceof ChatError) return problemOf(error);
    // A header is missing or invalid. The client learns which version would do.
    if (error instanceof TypeError) return refuse("bad_upgrade", { "sec-websocket-version": "13" });
    throw error;
  }
}

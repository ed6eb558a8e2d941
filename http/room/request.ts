// RoomRequest is the context of a request for a room: the room, the client, and everything that serving it needs.
import type { Principal } from "../../auth/principal.ts";
import type { TrackConnection } from "../../client.ts";
import type { Hub } from "../../hub.ts";
import type { Limits } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { AddressBudget } from "../../base/address_budget.ts";
import type { Hold } from "../../base/waiting_bytes.ts";
import type { Buckets } from "../../base/rate_limit.ts";
import type { ConnectionLimit } from "../connection_limit.ts";

export interface RoomRequest {
  readonly hub: Hub;
  readonly log: Log;
  /** Origins of other sites' pages that may use the server. */
  readonly allowOrigins: readonly string[];
  readonly room: string;
  readonly principal: Principal;
  /** IP address of the client. */
  readonly address: string;
  /** Key by which the address's connections and POSTs are counted. Empty if they are not counted. */
  readonly addressKey: string;
  /** Budget of the address. Undefined if nothing is counted. */
  readonly budget: AddressBudget | undefined;
  /** Counts what waits for the address. */
  readonly hold: Hold;
  /** Whether the client used https. */
  readonly isHttps: boolean;
  readonly limits: Limits;
  readonly connectionLimit: ConnectionLimit;
  /** Rate of POSTs, by address and author. */
  readonly posts: Buckets;
  /** Secret that signs payloads of GitHub. Undefined accepts payloads without a signature. */
  readonly githubSecret: string | undefined;
  /** Registers a connection to be closed when the client signs out. Undefined without authentication. */
  readonly trackConnection: TrackConnection | undefined;
}

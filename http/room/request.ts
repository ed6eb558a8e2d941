// A request for a room: which room, who makes it, and what it takes to answer.
import type { Principal } from "../../auth/principal.ts";
import type { TrackConnection } from "../../client.ts";
import type { Hub } from "../../hub.ts";
import type { Limits } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { Buckets } from "../../base/rate_limit.ts";
import type { ConnectionLimit } from "../connection_limit.ts";

export interface RoomRequest {
  readonly hub: Hub;
  readonly log: Log;
  /** Origins of other sites' pages that may speak with us. */
  readonly allowOrigins: readonly string[];
  readonly room: string;
  readonly principal: Principal;
  /** IP address of whoever makes it. */
  readonly address: string;
  /** What connections, posts and pages from there are counted by; empty where they are not. */
  readonly addressKey: string;
  /** Whether it came to us by https. */
  readonly isHttps: boolean;
  readonly limits: Limits;
  readonly connectionLimit: ConnectionLimit;
  /** What addresses may still post. */
  readonly posts: Buckets;
  /** Pages of what was said before that addresses may still read. */
  readonly reads: Buckets;
  /** Where signing out closes what it opens. */
  readonly trackConnection: TrackConnection | undefined;
}

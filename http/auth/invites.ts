// /invites lets `confab invite` create, list and revoke invites. sign_in.ts redeems them.
import type { ListedInvite } from "../../auth/session_store.ts";
import { ChatError } from "../../protocol/errors.ts";
import { parseRoomName } from "../../protocol/names.ts";
import { badField, parseObject } from "../../protocol/confab_v1.ts";
import { readText } from "../body.ts";
import { type AccessDeps, identify, refuseWith } from "./authenticate.ts";
import { refuseMethod } from "../respond.ts";

const MAX_BODY_BYTES = 4096;

/** Lifetime of an invite: default and maximum. */
const DEFAULT_HOURS = 24;
const MAX_HOURS = 365 * 24;
const HOUR_MS = 3_600_000;

/** Serves `/invites` and the paths below; undefined for any other path. */
export function serveInvites(request: Request, deps: AccessDeps): Promise<Response> | undefined {
  const match = /^\/invites(?:\/([^/]*))?$/.exec(deps.path);
  if (!match) return undefined;
  return answer(request, match[1], deps).catch((error) => refuseWith(error));
}

async function answer(
  request: Request,
  id: string | undefined,
  deps: AccessDeps,
): Promise<Response> {
  const { role } = await identify(request, deps);
  if (role !== "member" && role !== "operator") {
    const message = "Cannot manage invites: this requires the password or the operator key";
    throw new ChatError("sign_in_first", { message });
  }
  const { authenticator } = deps;
  if (id !== undefined) {
    if (request.method !== "DELETE") return refuseMethod("DELETE");
    if (!/^\d{1,15}$/.test(id) || !authenticator.revoke(Number(id))) {
      throw new ChatError("not_found");
    }
    return new Response(null, { status: 204 });
  }
  if (request.method === "GET") {
    return json(200, { invites: authenticator.listInvites().map(describe) });
  }
  if (request.method !== "POST") return refuseMethod("GET, POST");
  const { token, ...invite } = authenticator.createInvite(await readOptions(request));
  return json(201, { ...describe(invite), token });
}

/** @throws {ChatError} `bad_field` */
async function readOptions(
  request: Request,
): Promise<{ room: string | undefined; lastsMs: number }> {
  const body = await readText(request, MAX_BODY_BYTES);
  const { room: name, hours = DEFAULT_HOURS } = body === "" ? {} : parseObject(body);
  if (typeof hours !== "number" || !(hours > 0 && hours <= MAX_HOURS)) {
    throw badField("hours", `a number above 0 and at most ${MAX_HOURS}`, hours);
  }
  if (name === undefined) return { room: undefined, lastsMs: hours * HOUR_MS };
  const room = typeof name === "string" ? parseRoomName(encodeURIComponent(name)) : undefined;
  if (room === undefined) throw badField("room", "a room name", name);
  return { room, lastsMs: hours * HOUR_MS };
}

function describe({ expiresAt, ...invite }: Omit<ListedInvite, "sessions">): object {
  return { ...invite, expiresAt: new Date(expiresAt).toISOString() };
}

function json(status: number, body: object): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    // Never compressed, not by a proxy either: it may contain a token.
    headers: { "content-type": "application/json", "cache-control": "no-store, no-transform" },
  });
}

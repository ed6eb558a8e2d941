// `confab invite` creates an invite link on a server, lists the invites or revokes one.
import type { InviteConfig } from "../config/config.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import type { BearerHeaders } from "../secret.ts";
import { note, writeLine } from "../stdio.ts";
import { notConfab, request } from "./request.ts";

/** Fields of an invite in the responses of a server. */
interface InviteRow {
  readonly id: number;
  readonly room?: string;
  readonly expiresAt: string;
  readonly sessions?: number;
  readonly token?: string;
}

/**
 * Does the action, and resolves to the exit code 0.
 * @throws {Error} with a sentence, if the server refuses.
 */
export async function invite(
  { base, action }: InviteConfig,
  bearer: BearerHeaders,
): Promise<number> {
  if (action.type === "list") await list(base, bearer);
  else if (action.type === "revoke") await revoke(base, action.id, bearer);
  else await create(base, action, bearer);
  return 0;
}

/** Creates an invite. Standard output contains only the link. */
async function create(
  base: string,
  { room, hours }: { room: string | undefined; hours: number },
  bearer: BearerHeaders,
): Promise<void> {
  const url = `${base}invites`;
  const { status, json } = await request(url, {
    method: "POST",
    redirect: "manual",
    headers: { ...bearer, "content-type": "application/json" },
    body: JSON.stringify({ room, hours }),
  });
  const { token, id } = (json ?? {}) as Partial<InviteRow>;
  if (status !== 201 || typeof token !== "string" || !/^[\w-]+$/.test(token)) {
    throw notConfab(url, `the server responded with status ${status}`);
  }
  writeLine(`${base}invite/${token}`);
  const where = room === undefined ? "every room" : `room ${room}`;
  note(`Invite ${Number(id)}: this link grants access to ${where} and expires in ${hours} h`);
}

async function list(base: string, bearer: BearerHeaders): Promise<void> {
  const url = `${base}invites`;
  const { status, json } = await request(url, { headers: bearer });
  const { invites } = (json ?? {}) as { invites?: readonly InviteRow[] };
  if (!Array.isArray(invites)) throw notConfab(url, `the server responded with status ${status}`);
  for (const { id, room, expiresAt, sessions } of invites as readonly InviteRow[]) {
    const where = room === undefined ? "every room" : `room ${room}`;
    writeLine(escapeForTerminal(`${id}  ${where}  until ${expiresAt}  sessions: ${sessions}`));
  }
  if (invites.length === 0) note("There are no invites");
}

async function revoke(base: string, id: number, bearer: BearerHeaders): Promise<void> {
  const url = `${base}invites/${id}`;
  const { status } = await request(url, { method: "DELETE", redirect: "manual", headers: bearer });
  if (status !== 204) throw notConfab(url, `the server responded with status ${status}`);
  note(`Revoked invite ${id} and signed out all who used it`);
}

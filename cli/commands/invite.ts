// `confab invite`: asks a server for a link that lets somebody in, lists such links or revokes one.
import type { InviteConfig } from "../config/config.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import type { BearerHeaders } from "../secret.ts";
import { note, writeLine } from "../stdio.ts";
import { notConfab, request } from "./request.ts";

/** An invite, as far as the server is understood. */
interface InviteRow {
  readonly id: number;
  readonly room?: string;
  readonly expiresAt: string;
  readonly sessions?: number;
  readonly token?: string;
}

/** Resolves to 0. @throws {Error} with a sentence, when the server refuses. */
export async function invite(
  { base, wish }: InviteConfig,
  bearer: BearerHeaders,
): Promise<number> {
  if (wish.type === "list") await list(base, bearer);
  else if (wish.type === "revoke") await revoke(base, wish.id, bearer);
  else await make(base, wish, bearer);
  return 0;
}

/** The link alone is on standard output. */
async function make(
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
  note(`InviteRow ${Number(id)}: this link grants access to ${where} and expires in ${hours} h`);
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

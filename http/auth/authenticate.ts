// Whether a request is let in, and what it is told when it is not. Stands before every room and its socket.
import type { Principal } from "../../auth/principal.ts";
import type { Authenticator, Identity } from "../../auth/authenticator.ts";
import { ChatError, type ErrorRow, ERRORS } from "../../protocol/errors.ts";
import { credentialsOf, renewCookie } from "./credentials.ts";
import { corsHeaders, isAllowedOrigin } from "../origin.ts";
import { problemOf } from "../problem.ts";
import { pathFrom, serveSignIn } from "./sign_in_page.ts";
import type { ClientAddress } from "../visitor.ts";

export interface AccessDeps {
  readonly authenticator: Authenticator;
  readonly allowOrigins: readonly string[];
  readonly clientAddress: ClientAddress;
  /** The request's path, without the one that everything is below. */
  readonly path: string;
}

export interface RoomAccessDeps extends AccessDeps {
  readonly room: string;
  /** Whether it asks for the page, so that somebody reads the answer. */
  readonly isPage: boolean;
}

/** Answers as `serve` does to who is let in. Others are told why not; people, by the sign-in page. */
export async function requireAccess(
  request: Request,
  deps: RoomAccessDeps,
  serve: (principal: Principal) => Response | Promise<Response>,
): Promise<Response> {
  let identity: Identity;
  try {
    identity = await identify(request, deps);
    const { room } = identity.principal;
    if (![undefined, deps.room].includes(room)) throw new ChatError("not_invited");
  } catch (error) {
    return refuseAccess(request, error, deps);
  }
  const response = await serve(identity.principal);
  // With the page, which everybody comes by: a socket's or a stream's answer is on its way already.
  if (deps.isPage && identity.isByCookie) renewCookie(request, response, deps.clientAddress);
  return response;
}

/**
 * Who makes the request. What does more than read must come from a page of ours where nothing but a cookie says who it is.
 * @throws {ChatError} as `Authenticator.authenticate` does, and `foreign_origin`.
 */
export async function identify(
  request: Request,
  { authenticator, allowOrigins, clientAddress }: AccessDeps,
): Promise<Identity> {
  const { method, headers } = request;
  const isRead = (method === "GET" || method === "HEAD") && !headers.has("upgrade");
  // Before anybody is asked: another site's page may not even guess.
  const { isHttps } = clientAddress;
  if (!isRead && !isAllowedOrigin(request, { allowOrigins, isHttps })) {
    throw new ChatError("foreign_origin");
  }
  const identity = await authenticator.authenticate(
    credentialsOf(headers, clientAddress),
    clientAddress.key,
  );
  if (!isRead && identity.isByCookie && !headers.has("origin")) {
    throw new ChatError("foreign_origin");
  }
  return identity;
}

/** A problem document that says how to be let in. */
export function refuseWith(error: unknown, headers: Record<string, string> = {}): Response {
  const isUnknown = error instanceof ChatError &&
    (ERRORS[error.code] as ErrorRow).status === 401;
  return problemOf(error, {
    "cache-control": "no-store",
    ...headers,
    ...isUnknown ? { "www-authenticate": "Bearer" } : {},
  });
}

function refuseAccess(request: Request, error: unknown, deps: RoomAccessDeps): Response {
  if (!deps.isPage || !(error instanceof ChatError)) {
    const vary = "Accept, Cookie, Authorization, Origin";
    return refuseWith(error, { vary, ...corsHeaders(request, deps.allowOrigins) });
  }
  const asked = { request, path: deps.path };
  return serveSignIn(asked, { next: pathFrom(asked), isInPlace: true, error });
}

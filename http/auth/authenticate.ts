// Every request for a room or its socket is authenticated here first, and refused if it has no access.
import type { Principal } from "../../auth/principal.ts";
import type { Authenticator, Credentials, Identity } from "../../auth/authenticator.ts";
import { ChatError, type ErrorRow, ERRORS } from "../../protocol/errors.ts";
import { basicOf, credentialsOf, inviteOf, renewSessionCookie } from "./credentials.ts";
import { isAllowedOrigin } from "../origin.ts";
import { problemOf } from "../problem.ts";
import { isRead } from "../respond.ts";
import { pathOf, serveSignIn } from "./sign_in_page.ts";
import type { ClientAddress } from "../client_address.ts";

export interface AccessDeps {
  readonly authenticator: Authenticator;
  readonly allowOrigins: readonly string[];
  readonly clientAddress: ClientAddress;
  /** Path of the request, without the base path. */
  readonly path: string;
}

export interface RoomAccessDeps extends AccessDeps {
  readonly room: string;
  /** Whether the request is for the page, so that a person reads the response. */
  readonly isPage: boolean;
}

/** Calls `serve` if the request has access. Otherwise responds with the refusal: with the sign-in page to a person. */
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
  // Renewed with the page, which every browser loads: the response of a socket or a stream is already sent.
  const { cookie } = identity;
  if (deps.isPage && cookie) renewSessionCookie(response, cookie, deps.clientAddress);
  return response;
}

/**
 * Authenticates a request. If it does more than read and has only a cookie, it must come from one of the server's own pages.
 * @throws {ChatError} as `Authenticator.authenticate` does, and `foreign_origin`.
 */
export async function identify(
  request: Request,
  { authenticator, allowOrigins, clientAddress }: AccessDeps,
): Promise<Identity> {
  const { headers } = request;
  const isReadOnly = isRead(request) && !headers.has("upgrade");
  // Checked before any credentials: another site's page must not even guess a password.
  const { isHttps } = clientAddress;
  if (!isReadOnly && !isAllowedOrigin(request, { allowOrigins, isHttps })) {
    throw new ChatError("foreign_origin");
  }
  const { bearer = inviteOf(request), cookies } = credentialsOf(headers, clientAddress);
  const authenticate = (credentials: Credentials) =>
    authenticator.authenticate(credentials, clientAddress.key);
  const identity = await authenticate({ bearer, cookies }).catch((error) => {
    // A session comes first: a browser sends a proxy's password with every request.
    const password = basicOf(headers);
    if (password === undefined || error.code !== "sign_in_first") throw error;
    return authenticate({ bearer: password, cookies: [] });
  });
  if (!isReadOnly && identity.cookie && !headers.has("origin")) {
    throw new ChatError("foreign_origin");
  }
  return identity;
}

/** Responds with a problem document that says how to authenticate. */
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
    return refuseWith(error, { vary: "Accept, Cookie, Authorization, Origin" });
  }
  const target = { request, path: deps.path };
  return serveSignIn(target, { next: pathOf(target), isInPlace: true, error });
}

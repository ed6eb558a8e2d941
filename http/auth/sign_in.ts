// Browsers sign in with the password or with an invite's link, and sign out. A session is a cookie.
import { ChatError } from "../../protocol/errors.ts";
import { readText } from "../body.ts";
import { clearSessionCookie, credentialsOf, setSessionCookie } from "./credentials.ts";
import { type AccessDeps, identify } from "./authenticate.ts";
import { isAllowedOrigin } from "../origin.ts";
import { refuse } from "../problem.ts";
import { isRead, refuseMethod } from "../respond.ts";
import {
  localPath,
  serveBadInvite,
  serveRedirectPage,
  serveSignedIn,
  serveSignIn,
  serveSignInFile,
} from "./sign_in_page.ts";
import type { ClientAddress } from "../client_address.ts";

/** Maximum size of a form, which has a password and a path. */
const MAX_FORM_BYTES = 16 * 1024;

const INVITE_PATH = "/invite/";

/** Serves `/sign-in`, `/sign-out`, `/invite/TOKEN` and the files of their pages; undefined for any other path. */
export function serveSignInPath(
  request: Request,
  deps: AccessDeps,
): Response | Promise<Response> | undefined {
  const { path } = deps;
  const { method } = request;
  if (path === "/sign-in") {
    if (isRead(request)) return showSignIn(request, deps);
    if (method === "POST") return signIn(request, deps);
    return refuseMethod("GET, HEAD, POST");
  }
  if (path === "/sign-out") {
    return method === "POST" ? signOut(request, deps) : refuseMethod("POST");
  }
  if (!path.startsWith(INVITE_PATH)) return serveSignInFile({ request, path });
  if (!isRead(request)) return refuseMethod("GET, HEAD");
  return acceptInvite(request, path.slice(INVITE_PATH.length), deps);
}

async function showSignIn(request: Request, deps: AccessDeps): Promise<Response> {
  const next = localPath(new URL(request.url).searchParams.get("next") ?? "");
  const role = await identify(request, deps).then(({ role }) => role, ignoreRefusal);
  const target = { request, path: deps.path };
  return role ? serveSignedIn(target, next) : serveSignIn(target, { next });
}

async function signIn(
  request: Request,
  { authenticator, clientAddress, path }: AccessDeps,
): Promise<Response> {
  if (!isSameOrigin(request, clientAddress)) return refuse("foreign_origin");
  let next = "./";
  try {
    const form = new URLSearchParams(await readText(request, MAX_FORM_BYTES));
    next = localPath(form.get("next") ?? "");
    const token = await authenticator.signIn(form.get("password")?.trim() ?? "", clientAddress.key);
    const response = redirect(next);
    setSessionCookie(response.headers, token, clientAddress);
    return response;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return serveSignIn({ request, path }, { next, error });
  }
}

async function signOut(request: Request, deps: AccessDeps): Promise<Response> {
  if (!isSameOrigin(request, deps.clientAddress)) return refuse("foreign_origin");
  const identity = await identify(request, deps).catch(ignoreRefusal);
  const sessionId = identity?.isByCookie ? identity.principal.sessionId : undefined;
  if (sessionId !== undefined) deps.authenticator.signOut(sessionId);
  const response = redirect("./sign-in");
  clearSessionCookie(response.headers, deps.clientAddress);
  return response;
}

/** Starts a session with an invite. A HEAD starts none: it comes from a program that only looks. */
function acceptInvite(request: Request, token: string, deps: AccessDeps): Response {
  const { authenticator, clientAddress, path } = deps;
  const { cookie } = credentialsOf(request.headers, clientAddress);
  if (cookie === undefined && isCrossSiteLink(request)) {
    return serveRedirectPage({ request, path }, `.${path}?here`);
  }
  try {
    const isPreview = request.method === "HEAD";
    const invite = authenticator.acceptInvite(token, {
      cookie,
      address: clientAddress.key,
      isPreview,
    });
    const next = invite.room === undefined ? "./" : `./r/${encodeURIComponent(invite.room)}`;
    const response = serveRedirectPage({ request, path }, next);
    if (invite.session) setSessionCookie(response.headers, invite.session, clientAddress);
    return response;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return serveBadInvite({ request, path }, error);
  }
}

/** Returns whether the request comes from no other site's page, not even from an allowed origin. */
function isSameOrigin(request: Request, { isHttps }: ClientAddress): boolean {
  return isAllowedOrigin(request, { allowOrigins: [], isHttps });
}

/**
 * Returns whether the browser may have a cookie that it does not send, because the user followed a link of another site.
 * With `?here` the request comes from our own page, and has its cookies.
 */
function isCrossSiteLink({ headers, url }: Request): boolean {
  return headers.get("sec-fetch-site") === "cross-site" && new URL(url).search === "";
}

function redirect(path: string): Response {
  return new Response(null, { status: 303, headers: { location: path } });
}

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof ChatError)) throw error;
}

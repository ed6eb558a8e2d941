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
  serveInvite,
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
  if (!isRead(request) && method !== "POST") return refuseMethod("GET, HEAD, POST");
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
  if (!isOwnForm(request, clientAddress)) return refuse("foreign_origin");
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

function signOut(request: Request, { authenticator, clientAddress }: AccessDeps): Response {
  if (!isOwnForm(request, clientAddress)) return refuse("foreign_origin");
  authenticator.signOut(credentialsOf(request.headers, clientAddress).cookies);
  const response = redirect("./sign-in");
  clearSessionCookie(response.headers, clientAddress);
  return response;
}

/**
 * Starts a session with an invite. A link that another site may have started only shows a button, which sends a POST: it comes
 * from our own page, with the cookie of a session that may have more rights.
 */
function acceptInvite(request: Request, token: string, deps: AccessDeps): Response {
  const { authenticator, clientAddress, path } = deps;
  const target = { request, path };
  const isForm = request.method === "POST";
  if (isForm && !isOwnForm(request, clientAddress)) return refuse("foreign_origin");
  try {
    const { room, session, hasAccess } = authenticator.acceptInvite(token, {
      cookies: credentialsOf(request.headers, clientAddress).cookies,
      address: clientAddress.key,
      isPreview: !isForm && !isDeliberate(request),
    });
    if (!session && !hasAccess) return serveInvite(target, { room, token });
    const next = room === undefined ? "./" : `./r/${encodeURIComponent(room)}`;
    const response = isForm ? redirect(`.${next}`) : serveRedirectPage(target, next);
    if (session) setSessionCookie(response.headers, session, clientAddress);
    return response;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return serveBadInvite(target, error);
  }
}

/**
 * Returns whether a form comes from no other site's page, not even from an allowed origin. A browser sends `Origin: null`
 * with a form of our own page if a proxy or a setting withholds referrers. Then, and if the `Origin` is missing,
 * `Sec-Fetch-Site` decides: no page can set it, and a sandboxed frame of another site has `cross-site`.
 */
function isOwnForm(request: Request, { isHttps }: ClientAddress): boolean {
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  if (origin === "null") return site === "same-origin";
  if (origin === null && site !== null) return site === "same-origin" || site === "none";
  return isAllowedOrigin(request, { allowOrigins: [], isHttps });
}

/**
 * Returns whether an invite's link was opened deliberately: typed, from a bookmark or another app (`Sec-Fetch-Site: none`), or
 * by a program. Over plain http a browser sends no `Sec-Fetch-Site`, but accepts HTML. A HEAD only looks.
 */
function isDeliberate({ headers, method }: Request): boolean {
  if (method === "HEAD") return false;
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "none";
  return !(headers.get("accept") ?? "").includes("text/html");
}

function redirect(path: string): Response {
  return new Response(null, { status: 303, headers: { location: path } });
}

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof ChatError)) throw error;
}

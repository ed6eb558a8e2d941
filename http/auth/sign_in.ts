// Signing in, with the password or by an invite's link, and signing out. For browsers: what comes of it is a cookie.
import { ChatError } from "../../protocol/errors.ts";
import { decodeText } from "../../protocol/plain_lines.ts";
import { readBody } from "../body.ts";
import { credentialsOf, giveCookie, takeCookie } from "./credentials.ts";
import { type AccessDeps, identify } from "./authenticate.ts";
import { isAllowedOrigin } from "../origin.ts";
import { refuse } from "../problem.ts";
import {
  localPath,
  serveBadInvite,
  serveGoOn,
  serveSignedIn,
  serveSignIn,
  serveSignInFile,
} from "./sign_in_page.ts";
import type { ClientAddress } from "../visitor.ts";

/** A form with a password and a path. */
const MAX_FORM_BYTES = 16 * 1024;

const INVITE_PATH = "/invite/";

/** Answers what is asked of these paths; undefined for any other. */
export function serveAccess(
  request: Request,
  deps: AccessDeps,
): Response | Promise<Response> | undefined {
  const { path } = deps;
  const { method } = request;
  const isRead = method === "GET" || method === "HEAD";
  if (path === "/sign-in") {
    if (isRead) return showSignIn(request, deps);
    if (method === "POST") return signIn(request, deps);
    return refuse("method_not_allowed", { allow: "GET, HEAD, POST" });
  }
  if (path === "/sign-out") {
    return method === "POST"
      ? signOut(request, deps)
      : refuse("method_not_allowed", { allow: "POST" });
  }
  if (!path.startsWith(INVITE_PATH)) return serveSignInFile({ request, path });
  if (!isRead) return refuse("method_not_allowed", { allow: "GET, HEAD" });
  return acceptInvite(request, path.slice(INVITE_PATH.length), deps);
}

async function showSignIn(request: Request, deps: AccessDeps): Promise<Response> {
  const next = localPath(new URL(request.url).searchParams.get("next") ?? "");
  const role = await identify(request, deps).then(({ role }) => role, ignoreRefusal);
  const asked = { request, path: deps.path };
  return role ? serveSignedIn(asked, next) : serveSignIn(asked, { next });
}

async function signIn(
  request: Request,
  { authenticator, clientAddress, path }: AccessDeps,
): Promise<Response> {
  if (!isOurs(request, clientAddress)) return refuse("foreign_origin");
  let next = "./";
  try {
    const form = new URLSearchParams(decodeText(await readBody(request, MAX_FORM_BYTES)));
    next = localPath(form.get("next") ?? "");
    const token = await authenticator.signIn(form.get("password")?.trim() ?? "", clientAddress.key);
    const response = goTo(next);
    giveCookie(response.headers, token, clientAddress);
    return response;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return serveSignIn({ request, path }, { next, error });
  }
}

async function signOut(request: Request, deps: AccessDeps): Promise<Response> {
  if (!isOurs(request, deps.clientAddress)) return refuse("foreign_origin");
  const identity = await identify(request, deps).catch(ignoreRefusal);
  const sessionId = identity?.isByCookie ? identity.principal.sessionId : undefined;
  if (sessionId !== undefined) deps.authenticator.signOut(sessionId);
  const response = goTo("./sign-in");
  takeCookie(response.headers, deps.clientAddress);
  return response;
}

/** A HEAD begins no session: it is of a program that only looks. */
function acceptInvite(request: Request, token: string, deps: AccessDeps): Response {
  const { authenticator, clientAddress, path } = deps;
  const { cookie } = credentialsOf(request.headers, clientAddress);
  if (cookie === undefined && isFirstFromElsewhere(request)) {
    return serveGoOn({ request, path }, `.${path}?here`);
  }
  try {
    const isPreview = request.method === "HEAD";
    const invite = authenticator.acceptInvite(token, {
      cookie,
      address: clientAddress.key,
      isPreview,
    });
    const next = invite.room === undefined ? "./" : `./r/${encodeURIComponent(invite.room)}`;
    const response = serveGoOn({ request, path }, next);
    if (invite.session) giveCookie(response.headers, invite.session, clientAddress);
    return response;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return serveBadInvite({ request, path }, error);
  }
}

/** Whether no other site's page sends it: not even one that may chat here. */
function isOurs(request: Request, { isHttps }: ClientAddress): boolean {
  return isAllowedOrigin(request, { allowOrigins: [], isHttps });
}

/** Whether it may well have a cookie that it does not show: another site's link arrives without. From our own page it comes with it. */
function isFirstFromElsewhere({ headers, url }: Request): boolean {
  return headers.get("sec-fetch-site") === "cross-site" && new URL(url).search === "";
}

function goTo(path: string): Response {
  return new Response(null, { status: 303, headers: { location: path } });
}

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof ChatError)) throw error;
}

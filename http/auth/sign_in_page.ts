// The sign-in page and the pages of invites work without a script. Every URL in them is relative, so that they also work
// below a base path.
import { type ChatError, type ErrorRow, ERRORS } from "../../protocol/errors.ts";
import { SIGN_IN_CSS, SIGN_IN_HTML, SIGN_IN_JS } from "../../page/sign_in/files.ts";
import { Asset } from "../../page/assets.ts";
import { securityHeaders, serveAsset } from "../assets.ts";
import { respond } from "../respond.ts";

/** Files of these pages, by their path. */
const FILES = new Map([
  ["/sign-in/sign_in.css", new Asset("sign_in.css", SIGN_IN_CSS)],
  ["/sign-in/sign_in.js", new Asset("sign_in.js", SIGN_IN_JS)],
]);

/** Request for one of these pages, or for one that a page replaces. */
export interface PageTarget {
  readonly request: Request;
  /** Path of the request, without the base path. */
  readonly path: string;
}

export interface SignInOptions {
  /** Destination after signing in: a path as {@linkcode localPath} returns it. */
  readonly next: string;
  /** Whether the page replaces the one at `next`, so that reloading may succeed later. */
  readonly isInPlace?: boolean;
  /** Reason for the refusal; undefined before the first attempt. */
  readonly error?: ChatError;
}

/** Responds with the form for the password, with the reason and status of a refusal. */
export function serveSignIn(
  target: PageTarget,
  { next, isInPlace, error }: SignInOptions,
): Response {
  const root = rootFrom(target);
  const isFirst = error === undefined || error.code === "sign_in_first";
  const waitS = Math.ceil((error?.retryAfterMs ?? 0) / 1000);
  const wait = waitS > 0 ? ` Try again in ${waitS} s.` : "";
  const body = `<form method="post" action="${root}sign-in">
    <input type="hidden" name="next" value="${escapeHtml(next)}"${isInPlace ? " data-retry" : ""}>
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password"
      aria-describedby="why" required autofocus>
    <button id="send">Sign in</button>
    </form>`;
  const row: ErrorRow | undefined = error && ERRORS[error.code];
  return servePage(target, {
    title: "Sign in",
    why: isFirst ? "" : `${error.message}.${wait}`,
    body,
    status: row?.status ?? 200,
    headers: {
      ...row?.status === 401 ? { "www-authenticate": "Bearer" } : {},
      ...waitS > 0 ? { "retry-after": `${waitS}` } : {},
    },
  });
}

/** Responds to a client that is signed in: with a link to continue and a button to sign out. */
export function serveSignedIn(target: PageTarget, next: string): Response {
  const root = rootFrom(target);
  const body = `<p><a href="${escapeHtml(root + next)}">Continue</a></p>
    <form method="post" action="${root}sign-out"><button>Sign out</button></form>`;
  return servePage(target, { title: "You are signed in", why: "", body });
}

/**
 * Responds with a page that redirects by itself. After a link of another site, an HTTP redirect would be followed without the
 * cookie.
 */
export function serveRedirectPage(target: PageTarget, next: string): Response {
  const url = escapeHtml(rootFrom(target) + next);
  return servePage(target, {
    title: "Redirecting",
    why: "",
    head: `<meta http-equiv="refresh" content="0;url=${url}">`,
    body: `<p><a href="${url}">Continue</a></p>`,
  });
}

/** Responds to an invite's link with a button that accepts it. */
export function serveInvite(
  target: PageTarget,
  { room, token }: { readonly room: string | undefined; readonly token: string },
): Response {
  const where = room === undefined ? "every room" : `the room <strong>${escapeHtml(room)}</strong>`;
  const action = `${rootFrom(target)}invite/${escapeHtml(token)}`;
  const body = `<p>This link lets you join ${where}.</p>
    <form method="post" action="${action}"><button>Join</button></form>`;
  return servePage(target, { title: "You are invited", why: "", body });
}

/** Responds to an invite that is not valid, or not now. */
export function serveBadInvite(target: PageTarget, error: ChatError): Response {
  const waitS = Math.ceil((error.retryAfterMs ?? 0) / 1000);
  const { status = 403 }: ErrorRow = ERRORS[error.code];
  const remedy = status === 403 ? "<p>Ask the sender for a new invite.</p>" : "";
  return servePage(target, {
    title: "Invite not accepted",
    why: `${error.message}.`,
    body: waitS > 0 ? `<p>Try again in ${waitS} s.</p>` : remedy,
    status,
    headers: waitS > 0 ? { "retry-after": `${waitS}` } : {},
  });
}

/** Serves a file of these pages; undefined for any other path. */
export function serveSignInFile({ request, path }: PageTarget): Promise<Response> | undefined {
  const file = FILES.get(path);
  return file && serveAsset(request, file);
}

/** Returns the path of a URL of this site, relative to the root. Returns the root for a URL of another site. */
export function localPath(next: string): string {
  const base = "http://here.invalid";
  if (!URL.canParse(next, base)) return "./";
  const { origin, pathname, search, hash } = new URL(next, base);
  return origin === base ? `.${pathname}${search}${hash}` : "./";
}

/** Returns the path of the request itself, in the form of {@linkcode localPath}. */
export function pathOf({ request, path }: PageTarget): string {
  return `.${path}${new URL(request.url).search}`;
}

/** Returns the relative path from a page to the root: a proxy may serve the root below a path that is not known here. */
function rootFrom({ path }: PageTarget): string {
  return "../".repeat(path.split("/").length - 2);
}

interface PageContent {
  readonly title: string;
  readonly why: string;
  /** HTML, like `body`. */
  readonly head?: string;
  readonly body: string;
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

function servePage(target: PageTarget, content: PageContent): Response {
  const { request } = target;
  const { title, why, head = "", body, status = 200, headers = {} } = content;
  const parts = { root: rootFrom(target), head, body, title, why: escapeHtml(why) };
  const html = SIGN_IN_HTML.replace(
    /\{\{ (\w+) \}\}/g,
    (_, name: string) => parts[name as keyof typeof parts],
  );
  return respond(request, html, {
    status,
    headers: {
      ...securityHeaders(request),
      "content-type": "text/html; charset=utf-8",
      // Never compressed, not by a proxy either: it contains part of the URL beside content for one user only.
      "cache-control": "no-store, no-transform",
      vary: "Accept, Cookie",
      ...headers,
    },
  });
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

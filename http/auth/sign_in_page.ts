// The sign-in page and its kin, as they are served. They work without a script. Every address in them is relative, so that
// they also work below a path.
import { type ChatError, type ErrorRow, ERRORS } from "../../protocol/errors.ts";
import { SIGN_IN_CSS, SIGN_IN_HTML, SIGN_IN_JS } from "../../page/sign_in/files.ts";
import { Asset } from "../../page/assets.ts";
import { securityHeaders, serveAsset } from "../assets.ts";
import { respond } from "../respond.ts";

/** Its files by the path that they are served at. */
const FILES = new Map([
  ["/sign-in/sign_in.css", new Asset("sign_in.css", SIGN_IN_CSS)],
  ["/sign-in/sign_in.js", new Asset("sign_in.js", SIGN_IN_JS)],
]);

/** What is asked for. */
export interface Asked {
  readonly request: Request;
  /** Its path, without the one that everything is below. */
  readonly path: string;
}

export interface SignInOptions {
  /** Where to go afterwards: a path as {@linkcode localPath} gives it. */
  readonly next: string;
  /** Whether it comes in place of that page, which may be there for whoever asks again. */
  readonly isInPlace?: boolean;
  /** Why whoever asks is not let in; undefined where nobody has tried. */
  readonly error?: ChatError;
}

/** The form that asks for the password, with the reason and its status. */
export function serveSignIn(asked: Asked, { next, isInPlace, error }: SignInOptions): Response {
  const root = rootFrom(asked);
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
  return servePage(asked, {
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

/** For who is signed in: the way on, and the way out. */
export function serveSignedIn(asked: Asked, next: string): Response {
  const root = rootFrom(asked);
  const body = `<p><a href="${escapeHtml(root + next)}">Continue</a></p>
    <form method="post" action="${root}sign-out"><button>Sign out</button></form>`;
  return servePage(asked, { title: "You are signed in", why: "", body });
}

/**
 * A page that goes on by itself. A redirect would not do: from another site's link it arrives without the cookie, which is
 * set on the way.
 */
export function serveGoOn(asked: Asked, next: string): Response {
  const url = escapeHtml(rootFrom(asked) + next);
  return servePage(asked, {
    title: "Redirecting",
    why: "",
    head: `<meta http-equiv="refresh" content="0;url=${url}">`,
    body: `<p><a href="${url}">Continue</a></p>`,
  });
}

/** For an invite that lets nobody in, or not now. */
export function serveBadInvite(asked: Asked, error: ChatError): Response {
  const waitS = Math.ceil((error.retryAfterMs ?? 0) / 1000);
  return servePage(asked, {
    title: "Invite not accepted",
    why: `${error.message}.`,
    body: waitS > 0 ? `<p>Try again in ${waitS} s.</p>` : "<p>Ask the sender for a new invite.</p>",
    status: (ERRORS[error.code] as ErrorRow).status ?? 403,
    headers: waitS > 0 ? { "retry-after": `${waitS}` } : {},
  });
}

/** A file of these pages; undefined where there is none of that path. */
export function serveSignInFile({ request, path }: Asked): Promise<Response> | undefined {
  const file = FILES.get(path);
  return file && serveAsset(request, file);
}

/** What a URL leads to here, relative to the root; the root where it leads to another site. */
export function localPath(next: string): string {
  const base = "http://here.invalid";
  if (!URL.canParse(next, base)) return "./";
  const { origin, pathname, search, hash } = new URL(next, base);
  return origin === base ? `.${pathname}${search}${hash}` : "./";
}

/** As {@linkcode localPath}, of what is asked for itself. */
export function pathFrom({ request, path }: Asked): string {
  return `.${path}${new URL(request.url).search}`;
}

/** From a page to the root, without naming it: a proxy may have it below a path. */
function rootFrom({ path }: Asked): string {
  return "../".repeat(path.split("/").length - 2);
}

interface PageContent {
  readonly title: string;
  readonly why: string;
  /** HTML, as is `body`. */
  readonly head?: string;
  readonly body: string;
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

function servePage(asked: Asked, content: PageContent): Response {
  const { request } = asked;
  const { title, why, head = "", body, status = 200, headers = {} } = content;
  const parts = { root: rootFrom(asked), head, body, title, why: escapeHtml(why) };
  const html = SIGN_IN_HTML.replace(
    /\{\{ (\w+) \}\}/g,
    (_, name: string) => parts[name as keyof typeof parts],
  );
  return respond(request, html, {
    status,
    headers: {
      ...securityHeaders(request),
      // With the page's own policy a browser would send "Origin: null" with the form.
      "referrer-policy": "same-origin",
      "content-type": "text/html; charset=utf-8",
      // Never compressed, by nobody on the way either: it repeats what the URL says beside what is for one visitor only.
      "cache-control": "no-store, no-transform",
      vary: "Accept, Cookie",
      ...headers,
    },
  });
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

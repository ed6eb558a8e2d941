// Stand-in for jsr:@std/http/cookie: the part that Confab uses, with upstream's contract.

/** Cookie with the attributes that Confab sets. */
export interface Cookie {
  name: string;
  value: string;
  expires?: Date | number;
  /** In seconds. */
  maxAge?: number;
  path?: string;
  secure?: boolean;
  httpOnly?: boolean;
  sameSite?: "Strict" | "Lax" | "None";
}

/** Printable ASCII without white space and separators. */
const NAME = /^[!#-'*+\-./0-9A-Z^-z|~]+$/;
const VALUE = /^[!#-+\--:<-[\]-~]*$/;
const PATH = /^[ -:<-~]+$/;

/**
 * Adds a `Set-Cookie` header to those of a response. Without a name it adds nothing. It adds the attributes that the
 * prefixes `__Secure` and `__Host` demand.
 * @throws {SyntaxError} if name, value or path has a forbidden character.
 * @throws {RangeError} if `maxAge` is negative.
 */
export function setCookie(headers: Headers, cookie: Cookie): void {
  const { name, value, maxAge, httpOnly, sameSite } = cookie;
  if (!name) return;
  const isHost = name.startsWith("__Host");
  const isSecure = cookie.secure || isHost || name.startsWith("__Secure");
  const path = isHost ? "/" : cookie.path;
  check("name", name, NAME);
  check("value", value, VALUE);
  if (maxAge !== undefined && maxAge < 0) {
    throw new RangeError(
      `Cannot set cookie "${name}": Max-Age must be at least 0, received ${maxAge}`,
    );
  }
  if (path) check("path", path, PATH);
  const parts = [`${name}=${value}`];
  if (isSecure) parts.push("Secure");
  if (httpOnly) parts.push("HttpOnly");
  if (Number.isInteger(maxAge)) parts.push(`Max-Age=${maxAge}`);
  if (sameSite) parts.push(`SameSite=${sameSite}`);
  if (path) parts.push(`Path=${path}`);
  if (cookie.expires) parts.push(`Expires=${new Date(cookie.expires).toUTCString()}`);
  headers.append("set-cookie", parts.join("; "));
}

/** Adds a `Set-Cookie` header that removes the cookie with this name and these attributes. */
export function deleteCookie(
  headers: Headers,
  name: string,
  attributes?: Pick<Cookie, "path" | "secure" | "httpOnly">,
): void {
  setCookie(headers, { name, value: "", expires: new Date(0), ...attributes });
}

function check(part: string, text: string, pattern: RegExp): void {
  if (pattern.test(text)) return;
  throw new SyntaxError(`Cannot set cookie: ${part} has a character that is not allowed`);
}

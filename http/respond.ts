// Responses are made here: HEAD gets no body, and a method that a URL does not support gets 405.
import { refuse } from "./problem.ts";

/** Returns whether the request only reads. */
export function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** Responds with 405. @param allow the methods that the URL supports */
export function refuseMethod(allow: string): Response {
  return refuse("method_not_allowed", { allow });
}

/** Responds with a body, or with its headers alone if the request is a HEAD. */
export function respond(
  { method }: Request,
  body: string | Uint8Array<ArrayBuffer>,
  init: ResponseInit,
): Response {
  return new Response(method === "HEAD" ? null : body, init);
}

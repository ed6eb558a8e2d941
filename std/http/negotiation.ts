// Stand-in for jsr:@std/http/negotiation: the part that Confab uses, over npm:negotiator.
// @ts-types="@types/negotiator"
import Negotiator from "negotiator";

/** The first of the types that the request's `Accept` header likes best; undefined when it takes none of them. */
export function accepts(request: Pick<Request, "headers">, ...types: string[]): string | undefined {
  const accept = request.headers.get("accept") ?? "*/*";
  return new Negotiator({ headers: { accept } }).mediaType(types);
}

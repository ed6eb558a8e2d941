// Content negotiation chooses a coding that the client accepts, and compresses responses with it. Decision 0024 lists what is
// compressed and what never is.
import { setImmediate } from "node:timers";
import { createGzip } from "node:zlib";
import { respond } from "./respond.ts";

/** Content codings that the server has (RFC 9110, section 8.4.1). */
export type Coding = "br" | "gzip" | "identity";

/**
 * Minimum size of a response that is compressed for its request. A smaller one fits into one TCP segment with its headers, so
 * that compressing it saves no packet.
 */
const MIN_BYTES = 1024;

/**
 * Level of gzip for such responses. Deno compresses on the thread of the event loop, whichever of its interfaces is used. A
 * megabyte takes 9 ms at this level, 20 at level 4 and 35 at the usual 6.
 */
const LEVEL = 1;

/** Bytes compressed in one iteration of the event loop: about half a millisecond. */
const PART_BYTES = 64 * 1024;

/**
 * Returns the available coding with the highest weight in an `Accept-Encoding` header; among equals, the server's first.
 * A client without such a header gets identity, and so does one that accepts no available coding. RFC 9110, section
 * 12.5.3, allows both.
 * @param available codings in the server's order of preference
 */
export function chooseCoding(header: string | null, available: readonly Coding[]): Coding {
  const weights = parseWeights(header ?? "");
  const weigh = (coding: Coding) =>
    weights.get(coding) ?? weights.get("*") ??
      // Acceptable unless it is excluded, and never preferred to a listed coding.
      (coding === "identity" ? Math.min(1, ...[...weights.values()].filter((q) => q > 0)) : 0);
  const [best] = available.filter((coding) => weigh(coding) > 0)
    .toSorted((a, b) => weigh(b) - weigh(a)); // stable: keeps the server's order among equals
  return best ?? "identity";
}

/** Parses the list of codings with their weights. An invalid weight excludes its coding. */
function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const [, q] = /^q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(weight ?? "q=1") ?? [];
    if (coding) weights.set(coding, Number(q ?? 0));
  }
  return weights;
}

/** Responds with content in a coding. HEAD gets the headers of GET, including the length. */
export function respondInCoding(
  request: Request,
  { body, coding, headers }: {
    body: Uint8Array<ArrayBuffer>;
    coding: Coding;
    headers: Record<string, string>;
  },
): Response {
  return respond(request, body, {
    headers: {
      ...headers,
      ...coding === "identity" ? {} : { "content-encoding": coding },
      "content-length": String(body.length),
    },
  });
}

/**
 * Responds with text that was made for this request. The text is compressed if it is large enough and the client accepts
 * that. It must not contain a secret. The only coding is gzip: every client that supports a coding supports gzip.
 */
export async function respondWithText(
  request: Request,
  text: string,
  headers: Record<string, string>,
): Promise<Response> {
  const bytes = new TextEncoder().encode(text);
  const coding = chooseCoding(
    request.headers.get("accept-encoding"),
    bytes.length < MIN_BYTES ? ["identity", "gzip"] : ["gzip", "identity"],
  );
  const body = coding === "gzip" ? await gzip(bytes) : bytes;
  return respondInCoding(request, {
    body,
    coding,
    headers: { vary: "Accept-Encoding", ...headers },
  });
}

/** Settles when the bodies that are being compressed, and those that wait, are done. */
let queue: Promise<unknown> = Promise.resolve();

/**
 * Compresses part by part, and lets the event loop run between two parts. Bodies are compressed one after another: otherwise
 * the loop would compress a part of each before it runs again.
 */
export function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const result = queue.then(() => compress(bytes));
  queue = result.catch(() => {});
  return result;
}

async function compress(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = createGzip({ level: LEVEL, chunkSize: PART_BYTES });
  const parts: Uint8Array<ArrayBuffer>[] = [];
  stream.on("data", (part) => parts.push(part));
  const ended = new Promise<void>((resolve, reject) =>
    stream.on("end", resolve).on("error", reject)
  );
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    if (at > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    stream.write(bytes.subarray(at, at + PART_BYTES));
  }
  stream.end();
  await ended;
  return await new Blob(parts).bytes();
}

/** Adds names to a `Vary` header, before those that it has. */
export function addVary(headers: Headers, names: string): void {
  const others = headers.get("vary");
  headers.set("vary", others ? `${names}, ${others}` : names);
}

// Makes what the page consists of ready to be served: without comments, and compressed once. No other file is ever served.
import { eTag } from "@std/http/etag";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import * as sdkFiles from "../sdk/files.ts";
import { completeDocument, versionOf } from "./document.ts";
import * as pageFiles from "./files.ts";

/** Maps endings of file names to media types. */
const TYPES = new Map([
  ["css", "text/css; charset=utf-8"],
  ["html", "text/html; charset=utf-8"],
  ["js", "text/javascript; charset=utf-8"],
  ["png", "image/png"],
  ["svg", "image/svg+xml"],
  ["webmanifest", "application/manifest+json"],
]);

/** Brotli quality. All files together take 20 ms with it. The best quality takes 180 ms, delays the start, and saves 2 KiB. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } };
const GZIP = { level: 9 };

/** Content of a file in one coding. */
export interface Representation {
  readonly coding: "br" | "gzip" | "identity";
  readonly body: Uint8Array<ArrayBuffer>;
  /** Strong validator, computed from the bytes that are sent: each coding has its own. */
  readonly etag: string;
}

/** Embedded file. */
export class Asset {
  /** Media type. */
  readonly type: string;
  readonly #source: string | Uint8Array<ArrayBuffer>;
  #representations: Promise<readonly Representation[]> | undefined;

  /** @throws {TypeError} when the name's ending has no media type. */
  constructor(name: string, source: string | Uint8Array<ArrayBuffer>) {
    const type = TYPES.get(name.slice(name.lastIndexOf(".") + 1));
    if (!type) throw new TypeError(`Cannot serve ${name}: no media type for its ending`);
    this.type = type;
    this.#source = source;
  }

  /**
   * Returns the representations in the server's order of preference, identity last. A file that is not text is compressed
   * already and has that one only. The first call compresses: commands that serve nothing do not pay for it.
   */
  represent(): Promise<readonly Representation[]> {
    return this.#representations ??= represent(this.#source);
  }
}

const { "home.html": home, ...files } = pageFiles;
/** Sources of the files by the paths that they are served at, without the document. */
export const SOURCES: ReadonlyMap<string, string | Uint8Array<ArrayBuffer>> = new Map([
  ...listFiles("/page/", files),
  ...listFiles("/sdk/", sdkFiles),
]);

/** Version of the files. Below `/v/VERSION` they never change. */
export const VERSION = versionOf(SOURCES);

/** Maps the paths that the files are served at to the files. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["/", new Asset("home.html", completeDocument(home, VERSION, SOURCES))],
  ...[...SOURCES].map(([path, source]): [string, Asset] => [path, new Asset(path, source)]),
]);

function listFiles(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>,
): [string, string | Uint8Array<ArrayBuffer>][] {
  return Object.entries(files).map(([name, source]) => [folder + name, source]);
}

async function represent(source: string | Uint8Array<ArrayBuffer>): Promise<Representation[]> {
  if (typeof source !== "string") return [await encode("identity", source)];
  const bytes = new TextEncoder().encode(compact(source));
  return Promise.all([
    encode("br", brotliCompressSync(bytes, BROTLI)),
    encode("gzip", gzipSync(bytes, GZIP)),
    encode("identity", bytes),
  ]);
}

async function encode(
  coding: Representation["coding"],
  bytes: Uint8Array,
): Promise<Representation> {
  const body = new Uint8Array(bytes); // of its own: small buffers of Node share one
  return { coding, body, etag: await eTag(body) };
}

/** Start and end of a comment that begins its line. */
const COMMENTS = [["/*", "*/"], ["<!--", "-->"]] as const;

/** Strings and regular expressions of a line, in which a backtick opens no template literal. */
const QUOTED = /"(?:[^"\\]|\\.)*"|\/(?![/*])(?:[^/\\\n]|\\.)+\/[a-z]*/g;

/**
 * Returns a file without the comments and the indentation, which are for readers of the source. Names and code stay as
 * written, line by line. A comment that begins on a line of code stays, but for a type; so does all that a template literal
 * has on several lines.
 */
export function compact(source: string): string {
  const kept: string[] = [];
  let commentEnd: string | undefined;
  let isInTemplate = false;
  for (const line of source.split("\n")) {
    let code = line;
    if (!isInTemplate) {
      ({ code, commentEnd } = skipComments(line, commentEnd));
      code = code.replace(/\/\*\* @type \{.*?\} \*\/ /g, "").trimStart();
      if (code === "" || code.startsWith("//")) continue;
    }
    kept.push(code);
    if (code.replace(QUOTED, "").split("`").length % 2 === 0) isInTemplate = !isInTemplate;
  }
  return `${kept.join("\n")}\n`;
}

/** Skips the comments that a line begins with. `commentEnd` is the end of a comment that continues on the next line. */
function skipComments(line: string, commentEnd: string | undefined) {
  let code = line;
  for (;;) {
    if (commentEnd === undefined) {
      code = code.trimStart();
      const [start, end] = COMMENTS.find(([start]) => code.startsWith(start)) ?? [];
      if (start === undefined || end === undefined) return { code, commentEnd };
      code = code.slice(start.length);
      commentEnd = end;
    }
    const at = code.indexOf(commentEnd);
    if (at < 0) return { code: "", commentEnd };
    code = code.slice(at + commentEnd.length);
    commentEnd = undefined;
  }
}

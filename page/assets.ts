// What each of the page's files is served as. The only files that are ever served.
import { eTag } from "@std/http/etag";
import * as files from "./files.ts";

/** One embedded file. */
export interface Asset {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Its media type. */
  readonly type: string;
  readonly etag: string;
}

/** Media types by the ending of a file's name. */
const TYPES = new Map([
  ["css", "text/css; charset=utf-8"],
  ["html", "text/html; charset=utf-8"],
  ["js", "text/javascript; charset=utf-8"],
  ["png", "image/png"],
  ["svg", "image/svg+xml"],
  ["webmanifest", "application/manifest+json"],
]);

/** The files by the path that they are served at. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map(
  await Promise.all(Object.entries(files).map(asset)),
);

async function asset([name, source]: [string, Asset["body"]]): Promise<[string, Asset]> {
  const body = typeof source === "string" ? compact(source) : source;
  const type = TYPES.get(name.slice(name.lastIndexOf(".") + 1));
  if (!type) throw new TypeError(`Cannot serve ${name}: no media type for its ending`);
  const path = name === "home.html" ? "/" : `/page/${name}`;
  return [path, { body, type, etag: await eTag(body) }];
}

/**
 * A file as it is served: without the comments and most of the white space, which are for readers of the source. Goes by
 * what a line begins or ends with, and by signs that stand in no text, so that it need not know the language.
 */
export function compact(source: string): string {
  return source
    .replace(/^ *\/\*(?:(?!\*\/)[^])*\*\/$/gm, "")
    .replace(/^ *(?:\/\/.*|<!--.*-->)$/gm, "")
    .replace(/\/\*\* @type \{.*?\} \*\/ /g, "")
    .replace(/^\s+/gm, "")
    .replace(/^([\w-]+:) /gm, "$1")
    .replace(/^((?:\} )?(?:else )?if|import|const|for|while|switch|return) (?=[[({])/gm, "$1")
    .replace(/\s([=!<>&|?:]+)\s/g, "$1")
    .replace(/ \{$/gm, "{")
    .replace(/^[^'`<\n]+$/gm, compactLine)
    .replace(/(?<=\{) | (?=\})/g, "")
    .replace(/;(?=\n\})/g, "")
    .replace(/(?<=[{([,])\n|,?\n(?=[})\]])/g, "")
    .replace(/(?<=;)\n/g, "");
}

/** A line without a tag has no text but between quotes, of which it may have only this one kind. */
function compactLine(line: string): string {
  return line.replace(/("(?:[^"\\]|\\.)*")|([,:}]|\)(?= (?!and\b)\w)) | (?=")/g, "$1$2");
}

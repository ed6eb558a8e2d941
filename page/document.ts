// Completes the page's document: its files have URLs that change with their content, and are all requested at once. Otherwise the
// browser would find each module only in the one that imports it, a round trip later.
import { createHash } from "node:crypto";

/** Sources of the page's files by path, as served: `/page/chat.js`. Other types than text are of no interest here. */
export type Sources = ReadonlyMap<string, string | Uint8Array>;

const STATIC_IMPORT = /^import .*?"(\.[^"]+)";$/gms;

/** Returns the version of the files: it changes with the content of any of them. */
export function versionOf(sources: Sources): string {
  const hash = createHash("sha256");
  for (const [path, source] of sources) hash.update(path).update("\0").update(source).update("\0");
  return hash.digest("hex").slice(0, 12);
}

/** Returns the paths of a module and of all that it imports, without those that it imports on demand. Sorted by first use. */
export function listModules(entry: string, sources: Sources): string[] {
  const found = new Set([entry]);
  for (const path of found) {
    for (const [, specifier = ""] of String(sources.get(path)).matchAll(STATIC_IMPORT)) {
      found.add(new URL(specifier, `file://${path}`).pathname);
    }
  }
  return [...found];
}

/**
 * Completes a document. Its links to `page/` become links to the files of this version, and `<!-- preload -->` becomes links to
 * the modules of its script.
 */
export function completeDocument(html: string, version: string, sources: Sources): string {
  const entry = /<script type="module" src="([^"]+)">/.exec(html)?.[1];
  const modules = entry ? listModules(`/${entry}`, sources) : [];
  const preloads = modules.map((path) => `<link rel="modulepreload" href="${path.slice(1)}">`);
  return html.replace("<!-- preload -->", preloads.join("\n"))
    .replaceAll(/(href|src)="((?:page|sdk)\/[^"]+)"/g, `$1="v/${version}/$2"`);
}

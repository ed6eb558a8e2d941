// Reads the program's modules and what each imports, as Deno itself resolves it, so that no import is missed.

/** A production module. Paths are relative to the root of the repository. */
export interface Module {
  readonly path: string;
  /** Modules of this repository that it imports. Types count, and so do those that a JSDoc comment imports. */
  readonly imports: readonly string[];
}

interface InfoTarget {
  readonly specifier?: string;
}

/** A module as `deno info --json` lists it. */
export interface InfoModule {
  readonly specifier: string;
  /** Absent for a file that is embedded as text. */
  readonly kind?: string;
  readonly dependencies?: readonly {
    readonly code?: InfoTarget;
    readonly type?: InfoTarget;
    readonly specifier?: string;
  }[];
}

/** Folders that hold no part of the program. */
const APART = /^(?:bench|dist|docs|examples|node_modules|std|tasks|tests)\/|(?:^|\/)\.|_test\.ts$/;

/** Data that every module may import. */
const DATA = ["deno.json"];

/** Lists the paths of all production modules below the root, sorted. */
export async function listModules(root: URL): Promise<string[]> {
  const paths: string[] = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
      const path = `${folder}${name}${isDirectory ? "/" : ""}`;
      if (APART.test(path)) continue;
      if (isDirectory) folders.push(path);
      else if (/\.[jt]s$/.test(name)) paths.push(path);
    }
  }
  return paths.toSorted();
}

/** Reads every production module. Embedded scripts of the page are modules like all others. */
export async function readModules(root: URL): Promise<Module[]> {
  const modules = new Map<string, Module>();
  for (const path of ["main.ts", ...await listModules(root)]) {
    if (modules.has(path)) continue;
    for (const module of toModules(await runInfo(path, root), root)) {
      modules.set(module.path, module);
    }
  }
  return [...modules.values()];
}

/** Converts what `deno info` lists. Files that are embedded as text, and those outside the program, are left out. */
export function toModules(modules: readonly InfoModule[], root: URL): Module[] {
  return modules.flatMap(({ specifier, kind, dependencies = [] }) => {
    const path = localPath(specifier, root);
    if (!path || kind === "external" || !/\.[jt]s$/.test(path)) return [];
    const imports = dependencies
      .map(({ code, type }) => localPath((code ?? type)?.specifier ?? "", root))
      .filter((target) => target !== undefined);
    return { path, imports };
  });
}

function localPath(specifier: string, { href }: URL): string | undefined {
  const path = specifier.startsWith(href) ? specifier.slice(href.length) : undefined;
  return path === undefined || APART.test(path) || DATA.includes(path) ? undefined : path;
}

async function runInfo(path: string, root: URL): Promise<InfoModule[]> {
  const options = { args: ["info", "--json", path], cwd: root };
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), options).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

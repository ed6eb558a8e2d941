// The disk model replays steps and returns a disk as a power cut may leave it: everything that was synced, and any part of
// the rest. A sync of a file covers its bytes and its size; its name is covered by a sync of the folder alone.
import type { Random } from "../support/random.ts";
import type { DiskStep } from "./trace.ts";

/** Bytes that a disk writes as a whole. */
export const SECTOR = 512;

/** Files by path. Folders end in a slash and are empty. */
export type Files = ReadonlyMap<string, Uint8Array>;

type Change = { readonly at: number; readonly data: Uint8Array } | { readonly size: number };

interface Inode {
  readonly isFolder: boolean;
  /** Bytes at the last sync. */
  synced: Uint8Array;
  /** Changes since then, oldest first. */
  changes: Change[];
}

/** Names that change together: a rename changes two. */
type Renaming = ReadonlyMap<string, Inode | undefined>;

/** The disk of one machine. The root exists, and is durable. */
export class Disk {
  /** As programs see them. */
  readonly #names = new Map<string, Inode>();
  readonly #syncedNames = new Map<string, Inode>();
  /** Changes of names since the last sync of their folder, oldest first. */
  #renamings: Renaming[] = [];

  replay(step: DiskStep): void {
    const { kind, path } = step;
    switch (kind) {
      case "create":
        if (!this.#names.has(path)) this.#rename([path, makeInode(false)]);
        return;
      case "folder":
        return this.#rename([path, makeInode(true)]);
      case "unlink":
        return this.#rename([path, undefined]);
      case "link":
        return this.#rename([step.to, this.#find(path)]);
      case "rename":
        return this.#rename([path, undefined], [step.to, this.#find(path)]);
      case "write":
        this.#find(path).changes.push({ at: step.at, data: step.data });
        return;
      case "truncate":
        this.#find(path).changes.push({ size: step.size });
        return;
      case "sync":
        return this.#sync(path);
    }
  }

  /** Returns everything as programs see it. */
  read(): Files {
    return toFiles(
      this.#names,
      (inode) => writeBack(inode, () => ({ parts: () => true, size: true })),
    );
  }

  /** Returns a disk that a power cut may leave now. */
  cut(random: Random): Files {
    const names = new Map(this.#syncedNames);
    const keepsName = chooseFate(random);
    for (const renaming of this.#renamings) if (keepsName().size) applyNames(names, renaming);
    return toFiles(names, (inode) => writeBack(inode, chooseFate(random)));
  }

  #find(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw new Error(`Cannot replay: there is no "${path}"`);
    return inode;
  }

  #rename(...changes: (readonly [string, Inode | undefined])[]): void {
    const renaming = new Map(changes);
    applyNames(this.#names, renaming);
    this.#renamings.push(renaming);
  }

  #sync(path: string): void {
    const inode = path === "" ? undefined : this.#find(path);
    if (inode && !inode.isFolder) {
      inode.synced = writeBack(inode, () => ({ parts: () => true, size: true }));
      inode.changes = [];
      return;
    }
    // A rename between two folders is whole as soon as one of them is synced.
    const isHere = (renaming: Renaming) => renaming.keys().some((name) => folderOf(name) === path);
    for (const renaming of this.#renamings.filter(isHere)) applyNames(this.#syncedNames, renaming);
    this.#renamings = this.#renamings.filter((renaming) => !isHere(renaming));
  }
}

/** Decides which parts of a change are on the disk, and whether its change of the size is. */
interface Fate {
  readonly parts: () => boolean;
  readonly size: boolean;
}

/** Returns a source of fates. Each disk is of another kind: nothing, all, all up to a moment, or anything. */
function chooseFate(random: Random): () => Fate {
  const NONE: Fate = { parts: () => false, size: false };
  const ALL: Fate = { parts: () => true, size: true };
  const torn = (): Fate => ({ parts: () => random.next() < 0.5, size: random.next() < 0.5 });
  const share = random.next();
  switch (random.integer(0, 4)) {
    case 0:
      return () => NONE;
    case 1:
      return () => ALL;
    case 2: {
      // In their order up to some change, which is torn.
      let isOver = false;
      return () => {
        if (isOver) return NONE;
        isOver = random.next() < share / 4;
        return isOver ? torn() : ALL;
      };
    }
    case 3:
      return torn;
    default:
      return () => random.next() < share ? ALL : random.next() < 0.5 ? NONE : torn();
  }
}

/**
 * Writes the changes of a file back, sector by sector, as far as their fates allow. A sector is written as programs see it
 * at that moment, with earlier changes of the same sector.
 */
function writeBack({ synced, changes }: Inode, nextFate: () => Fate): Uint8Array {
  const cache = new Growing(synced);
  const disk = new Growing(synced);
  for (const change of changes) {
    const { parts, size } = nextFate();
    if ("size" in change) {
      cache.resize(change.size);
      if (size) disk.resize(change.size);
      continue;
    }
    cache.write(change.at, change.data);
    const end = change.at + change.data.length;
    for (let at = change.at - change.at % SECTOR; at < end; at += SECTOR) {
      if (parts()) disk.write(at, cache.bytes().subarray(at, at + SECTOR));
    }
    // The size may be on the disk before the bytes are.
    if (size && disk.size < end) disk.resize(Math.min(end, cache.size));
  }
  return disk.bytes().slice();
}

/** Bytes whose number changes. New ones are zero. */
class Growing {
  size: number;
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
    this.size = bytes.length;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }

  write(at: number, data: Uint8Array): void {
    if (at + data.length > this.size) this.resize(at + data.length);
    this.#bytes.set(data, at);
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2));
      larger.set(this.bytes());
      this.#bytes = larger;
    }
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }
}

function makeInode(isFolder: boolean): Inode {
  return { isFolder, synced: new Uint8Array(), changes: [] };
}

function applyNames(names: Map<string, Inode>, renaming: Renaming): void {
  for (const [path, inode] of renaming) {
    if (inode) names.set(path, inode);
    else names.delete(path);
  }
}

/** Returns the files that the root leads to. */
function toFiles(
  names: ReadonlyMap<string, Inode>,
  readBytes: (inode: Inode) => Uint8Array,
): Files {
  const isReached = (path: string): boolean => {
    const folder = folderOf(path);
    return folder === "" || (names.has(folder) && isReached(folder));
  };
  const files = new Map<string, Uint8Array>();
  const bytes = new Map<Inode, Uint8Array>(); // two names of one file have the same bytes
  for (const [path, inode] of names) {
    if (!isReached(path)) continue;
    if (!bytes.has(inode)) bytes.set(inode, readBytes(inode));
    files.set(inode.isFolder ? `${path}/` : path, bytes.get(inode)!);
  }
  return files;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

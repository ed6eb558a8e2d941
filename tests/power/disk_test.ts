import { assert, assertEquals, assertThrows } from "@std/assert";
import { chooseSeed, Random } from "../support/random.ts";
import { Disk, SECTOR } from "./disk.ts";
import type { DiskStep } from "./trace.ts";

const CUTS = 2_000;

const FOLDER: readonly DiskStep[] = [{ kind: "folder", path: "data" }, { kind: "sync", path: "" }];
const FILE: readonly DiskStep[] = [
  ...FOLDER,
  { kind: "create", path: "data/a" },
  { kind: "sync", path: "data/a" },
  { kind: "sync", path: "data" },
];

function write(letters: string, at = 0): DiskStep {
  const data = [...letters].flatMap((letter) => Array(SECTOR).fill(letter.charCodeAt(0)));
  return { kind: "write", path: "data/a", at: at * SECTOR, data: Uint8Array.from(data) };
}

/** Returns all disks that power cuts leave, each as a line: files with a letter for each sector. */
function cutAll(steps: readonly DiskStep[]): Set<string> {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  const random = new Random(seed);
  const disk = new Disk();
  for (const step of steps) disk.replay(step);
  return new Set(Array.from({ length: CUTS }, () => show(disk.cut(random))));
}

function show(files: ReadonlyMap<string, Uint8Array>): string {
  return [...files].map(([path, bytes]) => {
    const sectors = Array.from({ length: bytes.length / SECTOR }, (_, n) => bytes[n * SECTOR]!);
    return `${path} ${sectors.map((byte) => byte ? String.fromCharCode(byte) : "0").join("")}`
      .trim();
  }).toSorted().join(", ");
}

function disks(...contents: string[]): Set<string> {
  return new Set(contents.map((content) => `data/, data/a ${content}`.trim()));
}

Deno.test("Disk.cut() keeps what was synced: bytes, size and names", () => {
  assertEquals(cutAll([...FILE, write("xy"), { kind: "sync", path: "data/a" }]), disks("xy"));
});

Deno.test("Disk.cut() keeps any sectors of a write that was not synced, or its size alone", () => {
  assertEquals(cutAll([...FILE, write("xy")]), disks("", "x", "0y", "xy", "x0", "00"));
  const over = [...FILE, write("ab"), { kind: "sync", path: "data/a" }, write("xy")] as const;
  assertEquals(cutAll(over), disks("ab", "xb", "ay", "xy"));
});

Deno.test("Disk.cut() keeps a later write without an earlier one", () => {
  assert(cutAll([...FILE, write("x"), write("y", 1)]).isSupersetOf(disks("0y", "x", "xy")));
});

Deno.test("Disk.cut() keeps a change of size, or not", () => {
  const steps = [...FILE, write("ab"), { kind: "sync", path: "data/a" }] as const;
  const shorter = { kind: "truncate", path: "data/a", size: 0 } as const;
  assertEquals(cutAll([...steps, shorter]), disks("", "ab"));
  assert(cutAll([...steps, shorter, write("x")]).isSupersetOf(disks("", "ab", "xb", "x")));
});

Deno.test("Disk.cut() keeps a name only if its folder was synced", () => {
  const created = [...FOLDER, { kind: "create", path: "data/a" }, { kind: "sync", path: "data/a" }];
  assertEquals(cutAll(created as DiskStep[]), new Set(["data/", "data/, data/a"]));
  assertEquals(cutAll(FILE.toSpliced(1, 1)), new Set(["", "data/, data/a"]));
  const removed = [...FILE, { kind: "unlink", path: "data/a" }] as const;
  assertEquals(cutAll(removed), new Set(["data/", "data/, data/a"]));
  assertEquals(cutAll([...removed, { kind: "sync", path: "data" }]), new Set(["data/"]));
});

Deno.test("Disk.cut() keeps a rename as a whole, and either name of a link", () => {
  const renamed = [...FILE, { kind: "rename", path: "data/a", to: "data/b" }] as const;
  assertEquals(cutAll(renamed), new Set(["data/, data/a", "data/, data/b"]));
  const linked = [...FILE, { kind: "link", path: "data/a", to: "data/b" }, write("x")] as const;
  assert(cutAll(linked).isSupersetOf(new Set(["data/, data/a x, data/b x", "data/, data/a x"])));
});

Deno.test("Disk.read() returns everything that was written", () => {
  const disk = new Disk();
  for (const step of [...FILE, write("xyz"), write("b", 1)]) disk.replay(step);
  assertEquals(show(disk.read()), "data/, data/a xbz");
  assertThrows(() => disk.replay({ kind: "sync", path: "data/b" }), Error, `there is no "data/b"`);
});

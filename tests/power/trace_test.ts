import { assertEquals, assertRejects } from "@std/assert";
import { makeTracer, readTrace } from "./trace.ts";

const ROOT = "/root";
const encoder = new TextEncoder();

/** Text as strace prints it. */
function hex(text: string): string {
  return [...encoder.encode(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`)
    .join("");
}

/** Writes `'text'` as a string of strace, and `<path>` as the path of a descriptor. */
function print(line: string): string {
  return line.replaceAll(/'([^']*)'/g, (_, text) => `"${hex(text)}"`)
    .replaceAll(/<(\/[^>]*|socket[^>]*)>/g, (_, path) => `<${hex(path)}>`);
}

async function read(lines: readonly string[], files: Record<string, string> = {}) {
  const readFile = (path: string) => encoder.encode(files[path]);
  async function* printed() {
    for (const line of lines) yield await print(line);
  }
  return await readTrace(printed(), { root: ROOT, readFile, output: "done" });
}

Deno.test("readTrace() returns the changes of files below the root, and nothing else", async () => {
  const steps = await read([
    `7 mkdir('/root/data', 0700) = 0`,
    `7 mkdir('/root/data', 0700) = -1 EEXIST (File exists)`,
    `7 openat(AT_FDCWD</elsewhere>, '/root/data/a', O_RDWR|O_CREAT, 0600) = 3</root/data/a>`,
    `7 openat(AT_FDCWD</elsewhere>, '/root/data/a', O_RDONLY) = 4</root/data/a>`,
    `7 pwrite64(3</root/data/a>, 'hello', 5, 512) = 3`,
    `7 pwrite64(5</elsewhere/a>, 'hello', 5, 512) = 5`,
    `7 pwrite64(6</root/data/a-shm>, 'hello', 5, 512) = 5`,
    `7 ftruncate(3</root/data/a>, 99) = 0`,
    `7 fdatasync(3</root/data/a>) = 0`,
    `7 fsync(4</root>) = 0`,
    `7 link('/root/data/a', '/root/data/b') = 0`,
    `7 rename('/root/data/b', '/root/data/c') = 0`,
    `7 unlink('/root/data/c') = 0`,
  ]);
  assertEquals(steps, [
    { kind: "folder", path: "data" },
    { kind: "create", path: "data/a" },
    // Shorter than it was meant to be.
    { kind: "write", path: "data/a", at: 512, data: encoder.encode("hel") },
    { kind: "truncate", path: "data/a", size: 99 },
    { kind: "sync", path: "data/a" },
    { kind: "sync", path: "" },
    { kind: "link", path: "data/a", to: "data/b" },
    { kind: "rename", path: "data/b", to: "data/c" },
    { kind: "unlink", path: "data/c" },
  ]);
});

Deno.test("readTrace() puts acknowledgements where the call begins, and changes where it ends", async () => {
  const steps = await read([
    `7 fsync(3</root/a> <unfinished ...>`,
    `8 writev(9<socket:[1]>, [{iov_base='x', iov_len=1}, {iov_base='{"type":"ack","id":"w-1","seq":4}\n{"type":"ack","id":"w-2","seq":5}', iov_len=70}], 2 <unfinished ...>`,
    `7 <... fsync resumed>) = 0`,
    `8 <... writev resumed>) = 71`,
    `8 write(1<socket:[2]>, 'it is done\n', 11) = 11`,
  ]);
  assertEquals(steps, [
    { kind: "ack", id: "w-1", seq: 4 },
    { kind: "ack", id: "w-2", seq: 5 },
    { kind: "sync", path: "a" },
    { kind: "output", text: "it is done\n" },
  ]);
});

Deno.test("readTrace() takes interrupted calls as far as the files show their effect", async () => {
  const ends = [
    (call: string) => [`7 ${call} <unfinished ...>) = ?`],
    (call: string) => [`7 ${call} <detached ...>`],
    (
      call: string,
    ) => [`7 ${call} <unfinished ...>`, `7 <... ${/\w+/.exec(call)} resumed> <detached ...>`],
  ];
  const steps = async (call: string, content: string) => {
    const [found, ...others] = await Promise.all(
      ends.map((end) => read(end(call), { a: content })),
    );
    for (const other of others) assertEquals(other, found);
    return found;
  };
  assertEquals(await steps(`fsync(3</root/a>`, "123"), []);
  assertEquals(await steps(`ftruncate(3</root/a>, 2`, "123"), []);
  assertEquals(await steps(`ftruncate(3</root/a>, 3`, "123"), [
    { kind: "truncate", path: "a", size: 3 },
  ]);
  assertEquals(await steps(`pwrite64(3</root/a>, 'xyz', 3, 3`, "123"), []);
  assertEquals(await steps(`pwrite64(3</root/a>, 'xyz', 3, 1`, "1xy"), [
    { kind: "write", path: "a", at: 1, data: encoder.encode("xy") },
  ]);
  await assertRejects(() => steps(`unlink('/root/a'`, ""), Error, "killed during the call");
});

Deno.test("readTrace() refuses what it cannot replay", async () => {
  const refuses = (lines: string[], why: string) => assertRejects(() => read(lines), Error, why);
  await refuses([`7 fallocate(3</root/a>, 0, 0, 99) = 0`], `Cannot replay fallocate on "a"`);
  await refuses([`7 write(3</root/a>, 'x', 1) = 1`], `Cannot replay write on "a"`);
  await refuses([`7 pwrite64(3</root/a>, 'x'..., 1, 0) = 1`], "cut short");
  await refuses([
    `7 fsync(3</root/a> <unfinished ...>`,
    `8 fsync(4</root/b>) = 0`,
    `7 <... fsync resumed>) = 0`,
  ], "another call overlaps");
  await refuses([`7 <... fsync resumed>) = 0`], "nothing begins");
});

Deno.test("makeTracer() lets strace filter calls in the kernel unless it kills", () => {
  assertEquals(makeTracer("t").includes("--seccomp-bpf"), true);
  assertEquals(makeTracer("t", 9).includes("--seccomp-bpf"), false);
  assertEquals(makeTracer("t", 9).includes("inject=fsync,fdatasync:signal=SIGKILL:when=9"), true);
});

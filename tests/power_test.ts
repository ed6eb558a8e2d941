// Acknowledged entries survive a power cut: recorded system calls, cut at many moments. Counts are checked, never time.
import { assertEquals, assertGreater } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openSqliteJournal } from "../journal/sqlite/sqlite_journal.ts";
import { describe, runPower, writeFiles } from "./power.ts";
import { Disk, type Files } from "./power/disk.ts";
import { findObstacle, isOnDisk, recordCommand } from "./power/recording.ts";
import { chooseSeed, Random } from "./support/random.ts";

const obstacle = await findObstacle();
const why = obstacle && ` (ignored: ${obstacle})`;

Deno.test({
  name: "power: 250 cuts of a server that is killed, stopped and killed: everything acknowledged " +
    `is there, once, without a hole, and nothing that was deleted${why}`,
  ignore: obstacle !== "",
  async fn() {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const report = await runPower({ states: 250, seed, keepsBad: true });
    console.log(describe(report));
    assertEquals([report.lost, report.bad, report.faults], [0, 0, []]);
    assertEquals(report.states, 250);
    assertGreater(report.acked, 1_500);
    assertGreater(report.compared, 80_000);
    assertGreater(report.wraps, 0);
  },
});

Deno.test({
  name: `power: a server that does not sync before it acknowledges is found${why}`,
  ignore: obstacle !== "",
  async fn() {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const report = await runPower({
      states: 30,
      seed,
      lives: [{ mayDelete: false, end: { acks: 150, signal: "SIGKILL" } }],
      denoFlags: ["--preload", new URL("power/synchronous_normal.ts", import.meta.url).pathname],
    });
    console.log(describe(report));
    assertGreater(report.lost, 0);
  },
});

const ENTRIES = 300;

Deno.test({
  name: `power: a backup and a restored journal are whole or absent, and there once reported${why}`,
  ignore: obstacle !== "",
  async fn(t) {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const folder = await Deno.makeTempDir({ prefix: "confab-power-" });
    try {
      await makeJournal(`${folder}/data`);
      for (const root of ["backup", "restored"]) await Deno.mkdir(`${folder}/${root}`);
      const backup = `${folder}/backup/chat.db`;
      const restored = `${folder}/restored/state/chat`;
      await t.step("backup", () => {
        const args = ["backup", backup, "--data", `${folder}/data`];
        return checkCommand(args, { root: `${folder}/backup`, path: "chat.db", seed });
      });
      await t.step("restore", () => {
        const args = ["restore", backup, "--data", restored];
        const path = "state/chat/journal.db";
        return checkCommand(args, { root: `${folder}/restored`, path, seed });
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function makeJournal(folder: string): Promise<void> {
  using journal = openSqliteJournal(folder);
  const text = "lorem ipsum ".repeat(20);
  const draft = {
    room: "lobby",
    at: 1,
    kind: "say",
    author: "",
    name: "",
    tag: "",
    id: "",
  } as const;
  await journal.append(
    Array.from({ length: ENTRIES }, () => ({ ...draft, text, ref: 0, on: true })),
  );
}

/** Records a command that makes a journal, and checks the disks that cuts at all moments leave. */
async function checkCommand(
  args: readonly string[],
  { root, path, seed }: { root: string; path: string; seed: number },
): Promise<void> {
  const random = new Random(seed);
  const disk = new Disk();
  let isReported = false;
  for (const step of await recordCommand(args, { root, output: `${ENTRIES} entries` })) {
    if (isOnDisk(step)) disk.replay(step);
    isReported ||= step.kind === "output";
    for (let n = isReported ? 40 : 3; n > 0; n--) {
      const files = disk.cut(random);
      assertEquals(files.has(path) || !isReported, true, `there is no "${path}"`);
      if (files.has(path)) assertEquals(countEntries(files, path), ENTRIES);
    }
  }
  assertEquals(isReported, true);
}

function countEntries(files: Files, path: string): unknown {
  const root = Deno.makeTempDirSync({ prefix: "confab-cut-" });
  try {
    writeFiles(files, root);
    using db = new DatabaseSync(`${root}/${path}`, { readOnly: true });
    assertEquals(db.prepare("PRAGMA integrity_check").get()!["integrity_check"], "ok");
    return db.prepare("SELECT count(*) AS n FROM entries").get()!["n"];
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

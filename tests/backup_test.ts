// Backup and restore by the program itself, with writers at work: nothing that was acknowledged before is missing.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { JsonSocket } from "./support/json_socket.ts";
import { runProgram, startProgram } from "./support/program.ts";

const WRITERS = 4;

/** Messages that a writer has sent and that are not acknowledged. */
const IN_FLIGHT = 20;

/** What was acknowledged: the id of each message with its number. */
type Acked = Map<string, number>;

/** Says one message after the other until it is told to end. */
async function write(
  port: number,
  name: string,
  { acked, end }: { acked: Acked; end: AbortSignal },
) {
  const { socket } = await JsonSocket.join(port, { name, path: "/r/ops/ws", history: 0 });
  await using writer = socket;
  let sent = 0;
  const say = () => {
    writer.send({
      type: "say",
      id: `${name} ${++sent}`,
      text: `${name} ${sent} ${"x".repeat(200)}`,
    });
  };
  for (let n = 0; n < IN_FLIGHT; n++) say();
  while (!end.aborted || acked.size === 0) {
    const ack = await writer.read("ack");
    assert(ack, "the connection ended");
    acked.set(ack.id, ack.seq);
    say();
  }
}

async function makeFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await Deno.makeTempDir({ prefix: "confab-backup-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function inspect(file: string): { ok: unknown; epoch: unknown; ids: Acked } {
  const db = new DatabaseSync(file, { readOnly: true });
  const ok = db.prepare("PRAGMA integrity_check").get()!["integrity_check"];
  const epoch = db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()!["value"];
  const rows = db.prepare("SELECT id, seq FROM entries ORDER BY seq").all();
  db.close();
  return {
    ok,
    epoch,
    ids: new Map(rows.map((row) => [row["id"] as string, row["seq"] as number])),
  };
}

/** That the copy has all of these, and numbers without a hole. */
function checkHolds(ids: Acked, acked: Acked): void {
  for (const [id, seq] of acked) assertEquals(ids.get(id), seq, id);
  assertEquals([...ids.values()], Array.from(ids, (_, n) => n + 1));
}

Deno.test("confab backup and restore: all that was acknowledged before, while writers go on; a new epoch", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/ops.db`;
  const data = `${folder.path}/data`;
  const again = `${folder.path}/again`;
  let before: Acked;
  let epoch: unknown;
  {
    await using program = await startProgram({ data });
    const acked: Acked = new Map();
    const stop = new AbortController();
    const names = Array.from({ length: WRITERS }, (_, n) => `w${n}`);
    const writers = names.map((name) => write(program.port, name, { acked, end: stop.signal }));
    while (acked.size < 1_000) await new Promise((resolve) => setTimeout(resolve, 5));
    before = new Map(acked);
    const { code, stdout, stderr } = await runProgram(["backup", file, "--data", data]);
    const after = acked.size;
    stop.abort();
    await Promise.all(writers);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /ops\.db: [\d,]+ entries in 1 room\n$/);
    assert(after > before.size, "nobody wrote meanwhile");
    const copy = inspect(file);
    checkHolds(copy.ids, before);
    assertEquals([copy.ok, Deno.statSync(file).mode! & 0o777], ["ok", 0o600]);
    assertEquals(copy.ids.size, Number(/([\d,]+) entr/.exec(stdout)![1]!.replace(",", "")));
    epoch = copy.epoch;
    // Another process has read the journal, and the server goes on.
    const { socket, welcome } = await JsonSocket.join(program.port, { path: "/r/ops/ws" });
    await socket[Symbol.asyncDispose]();
    assertEquals(welcome.epoch, epoch);
    assert(welcome.head >= after);
  }
  const { code, stdout } = await runProgram(["restore", file, "--data", again]);
  assertEquals(code, 0);
  assertMatch(stdout, /again: [\d,]+ entries in 1 room\n$/);
  await using program = await startProgram({ data: again });
  const { socket, welcome } = await JsonSocket.join(program.port, {
    name: "w0",
    path: "/r/ops/ws",
    after: before.size,
    epoch,
  });
  await using client = socket;
  assertEquals([welcome.resumed, welcome.epoch === epoch], [false, false]);
  const [id, seq] = before.entries().find(([id]) => id.startsWith("w0 "))!;
  client.send({ type: "say", id, text: `${id} ${"x".repeat(200)}` });
  assertEquals((await client.read("ack"))?.seq, seq);
  program.kill("SIGKILL");
  await program.status;
  checkHolds(inspect(`${again}/journal.db`).ids, before);
});

Deno.test("confab backup and restore: replace nothing, and take nothing that is no journal, exit 4", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  const data = `${path}/data`;
  await (await startProgram({ data }))[Symbol.asyncDispose]();
  const refuse = async (args: string[], reason: string) => {
    const { code, stdout, stderr } = await runProgram(args);
    assertEquals([code, stdout], [4, ""], stderr);
    assertStringIncludes(stderr, reason);
    assertEquals(stderr.split("\n").length, 2);
  };
  await Deno.writeTextFile(`${path}/there`, "precious");
  await refuse(["backup", `${path}/there`, "--data", data], "is never replaced");
  assertEquals(await Deno.readTextFile(`${path}/there`), "precious");
  await refuse(["backup", `${path}/new.db`, "--data", `${path}/none`], "it contains no journal");
  await refuse(["backup", `${path}/none/new.db`, "--data", data], "Cannot back up");
  assertEquals((await runProgram(["backup", `${path}/new.db`, "--data", data])).code, 0);
  await refuse(["restore", `${path}/new.db`, "--data", data], "is never replaced");
  await refuse(
    ["restore", `${path}/there`, "--data", `${path}/fresh`],
    'there": file is not a database\n',
  );
  await refuse(["restore", `${path}/none.db`, "--data", `${path}/fresh`], "Cannot restore");
  // SQLite would play it into the journal.
  await Deno.mkdir(`${path}/moved`);
  await Deno.writeTextFile(`${path}/moved/journal.db-wal`, "of a journal that was moved away");
  await refuse(["restore", `${path}/new.db`, "--data", `${path}/moved`], "journal.db-wal");
  const bytes = await Deno.readFile(`${path}/new.db`);
  await Deno.writeFile(`${path}/other.db`, bytes.fill(7, 68, 72)); // the id of the program
  await refuse(
    ["restore", `${path}/other.db`, "--data", `${path}/fresh`],
    "not a Confab journal",
  );
  assertEquals(
    [...Deno.readDirSync(path)].map(({ name }) => name).toSorted(),
    ["data", "moved", "new.db", "other.db", "there"],
  );
});

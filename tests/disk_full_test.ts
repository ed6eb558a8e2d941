// A disk that is full, for real: the journal is on a file system of a few megabytes. What cannot be stored is not
// acknowledged, whoever said it is told, and everything goes on as soon as there is space.
import { assert, assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { JsonSocket, type Line } from "./support/json_socket.ts";
import { type Program, startProgram } from "./support/program.ts";
import { OPCODE, RawSocket } from "./support/raw_socket.ts";

const MIB = 1024 * 1024;

/** On the small disk the write-ahead log alone finds no space; on the other one the file that it goes into. */
const DISKS_MIB = [2, 16];

/** Deno's client waits 40 ms in the midst of a message of 1,000 bytes or more (Nagle's algorithm). */
const TEXT = "x".repeat(800);

/** A disk that holds so many is not full. */
const MOST_MESSAGES = Math.max(...DISKS_MIB) * MIB / TEXT.length;

async function run(command: string, ...args: string[]): Promise<boolean> {
  const options = { args, stdout: "null", stderr: "null" } as const;
  return await new Deno.Command(command, options).output()
    .then(({ success }) => success, () => false);
}

async function mount(folder: string, mib: number): Promise<boolean> {
  return await run("mount", "-t", "tmpfs", "-o", `size=${mib}m`, "none", folder);
}

/** Why this machine cannot have a small disk; empty when it can. */
async function findObstacle(): Promise<string> {
  if (Deno.build.os !== "linux") return "the small disk is a tmpfs, of Linux";
  const folder = await Deno.makeTempDir({ prefix: "confab-disk-" });
  const isMounted = await mount(folder, 1);
  if (isMounted) await run("umount", folder);
  await Deno.remove(folder);
  return isMounted ? "" : "mounting a tmpfs is not permitted";
}

const obstacle = await findObstacle();

for (const mib of DISKS_MIB) {
  Deno.test({
    name:
      `disk full: of ${mib} MiB: no false ack, senders are told, history reads; with space again ` +
      "nothing is missing" + (obstacle && ` (ignored: ${obstacle})`),
    ignore: obstacle !== "",
    async fn(t) {
      const disk = await Deno.makeTempDir({ prefix: "confab-disk-" });
      assert(await mount(disk, mib));
      try {
        // The filler is what the test takes away again.
        await Deno.writeFile(`${disk}/filler`, new Uint8Array(mib * MIB / 4));
        await checkFullDisk(t, disk);
      } finally {
        assert(await run("umount", disk));
        await Deno.remove(disk);
      }
    },
  });
}

async function checkFullDisk(t: Deno.TestContext, disk: string): Promise<void> {
  const start = () =>
    startProgram({ data: `${disk}/data`, args: ["--addr", "127.0.0.1:0", "--keep", "0"] });
  const acked = new Map<string, number>();
  const refused: string[] = [];
  let lines = 0; // that were delivered
  {
    await using program = await start();
    const { port } = program;
    await using ann = (await JsonSocket.join(port, { name: "Ann" })).socket;

    await t.step("what cannot be stored is refused, by its id, and not acknowledged", async () => {
      for (let n = 0; refused.length < 20 && n < MOST_MESSAGES; n++) {
        const answer = await say(ann, `n ${n}`);
        if (answer.type === "ack") acked.set(answer.id, answer.seq);
        else refused.push(checkRefusal(answer, `n ${n}`));
      }
      assertEquals(refused.length, 20);
      assertGreater(acked.size, 50);
      assertMatch(program.log(), / error append failed /);
    });

    await t.step("history still reads, for those who are here and for those who come", async () => {
      const { socket, welcome } = await JsonSocket.join(port, { name: "Ben", history: 5 });
      await using ben = socket;
      assertEquals(welcome.head, acked.size);
      const seqs = [];
      for (let n = 0; n < 5; n++) seqs.push((await ben.read("entry"))!.seq);
      assertEquals(seqs, [-4, -3, -2, -1, 0].map((back) => acked.size + back));
      ann.send({ type: "history", before: acked.size + 1, limit: 20 });
      const page = await ann.read("page", "error");
      assertEquals(page?.entries.length, 20);
      assertEquals(page?.entries.at(-1)?.id, [...acked.keys()].at(-1));
    });

    await t.step("a client of lines, whose message cannot be refused, is closed", async () => {
      using peer = await RawSocket.open(port);
      // A short line may still fit where a long text did not. It is delivered then, and counts.
      for (let n = 0; n < MOST_MESSAGES; n++) {
        await peer.send("short");
        const frame = await peer.readFrame();
        if (frame?.opcode === OPCODE.text) {
          lines++;
          continue;
        }
        assertEquals(frame?.opcode, OPCODE.close);
        const [high = 0, low = 0, ...reason] = frame!.payload;
        assertEquals(high * 256 + low, 1011);
        assertMatch(String.fromCharCode(...reason), /^not_stored: /);
        return;
      }
      throw new Error("it was not closed");
    });

    await t.step("with space again the same ids are acknowledged, each once", async () => {
      await Deno.remove(`${disk}/filler`);
      for (const id of [...refused, ...refused.slice(0, 5), ...[...acked.keys()].slice(0, 5)]) {
        const answer = await say(ann, id);
        assertEquals(answer.type, "ack");
        assertEquals(acked.get(id) ?? answer.seq, answer.seq);
        acked.set(id, answer.seq);
      }
    });
    program.kill("SIGKILL");
  }
  await t.step("after a restart everything acknowledged is there", async () => {
    await using program = await start();
    await checkJournal(program, { acked, lines });
    program.kill("SIGTERM");
    await program.status;
  });
  await t.step("after a clean stop too, on a disk without room for a single page", async () => {
    using filler = await Deno.open(`${disk}/filler`, { create: true, write: true });
    await assertRejects(async () => {
      for (;;) await filler.write(new Uint8Array(4096));
    });
    await using program = await start();
    await checkJournal(program, { acked, lines });
  });
}

/** Says it and resolves with what is answered: an ack or an error. */
async function say(socket: JsonSocket, id: string): Promise<Line> {
  socket.send({ type: "say", id, text: `${id} ${TEXT}` });
  const answer = await socket.read("ack", "error");
  assert(answer, "the connection ended");
  assertEquals(answer.id, id);
  return answer;
}

function checkRefusal(answer: Line, id: string): string {
  const { retryAfterMs } = answer;
  assertEquals([answer.type, answer.code, answer.id], ["error", "not_stored", id]);
  assertGreater(Number(retryAfterMs), 0);
  return id;
}

async function checkJournal(
  { port }: Program,
  { acked, lines }: { acked: ReadonlyMap<string, number>; lines: number },
): Promise<void> {
  const { socket, welcome } = await JsonSocket.join(port, { after: 0 });
  await using _socket = socket;
  assertEquals(welcome.head, acked.size + lines);
  const ids = new Map<string, number>();
  for (let seq = 1; seq <= welcome.head; seq++) {
    const entry = await socket.read("entry", "gap");
    assertEquals(entry?.seq, seq);
    if (!entry?.id) continue; // said by the client of lines
    assertEquals(entry.text, `${entry.id} ${TEXT}`);
    ids.set(entry.id, seq);
  }
  assertEquals(ids, new Map([...acked].sort(([, a], [, b]) => a - b)));
}

// Tests --max-data on the whole program: one address fills the folder, which stays within its limit at every step. Rooms that
// exist go on; a deletion is possible in a full folder; a larger limit ends it.
import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { JsonSocket, makeKey } from "./support/json_socket.ts";
import { type Program, startProgram } from "./support/program.ts";
import { OPCODE, RawSocket } from "./support/raw_socket.ts";

const LIMIT = 20 * 1024 * 1024;

/** Largest text that the server accepts. */
const TEXT = "x".repeat(16 * 1024);

/** Rooms or messages that certainly do not fit. */
const MAX_STEPS = 3_000;

/** Messages to send at once. */
const AT_ONCE = 8;

const KEY = makeKey("Ann");

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly seq: number;
}

async function post({ port }: Program, room: string, body: object): Promise<Answer> {
  const headers = { "content-type": "application/json", "confab-key": KEY };
  const init = { method: "POST", headers, body: JSON.stringify({ name: "Ann", ...body }) };
  const response = await fetch(`http://127.0.0.1:${port}/r/${room}`, init);
  const { code, seq } = await response.json();
  return { status: response.status, code, seq };
}

async function readMetric({ port }: Program, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^confab_${name} (.*)$`, "m").exec(text)![1]);
}

function checkSize(folder: string): void {
  const sizes = [...Deno.readDirSync(folder)]
    .map(({ name }) => `${name} ${Deno.statSync(`${folder}/${name}`).size}`);
  const sum = sizes.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);
  assert(sum <= LIMIT, sizes.join(", "));
}

Deno.test("--max-data bounds the folder at every step; rooms that exist go on, and a larger limit ends it", async (t) => {
  const data = await Deno.makeTempDir({ prefix: "confab-limit-" });
  const start = (limit: string) =>
    startProgram({ data, args: ["--addr", "127.0.0.1:0", "--max-data", limit] });
  /** Posts until a message is refused. Returns the refusal, and the number of messages before. */
  const fill = async (program: Program, roomOf: (n: number) => string, atOnce = AT_ONCE) => {
    for (let count = 0; count < MAX_STEPS; count += atOnce) {
      const posts = Array.from(
        { length: atOnce },
        (_, n) => post(program, roomOf(count + n), { text: TEXT }),
      );
      const answers = await Promise.all(posts);
      checkSize(data);
      const refusal = answers.find(({ status }) => status !== 201);
      if (refusal) return { ...refusal, count };
    }
    throw new Error("nothing was refused");
  };
  try {
    {
      await using program = await start("20M");
      assertEquals((await post(program, "lobby", { text: "hi" })).status, 201);

      await t.step("new rooms are refused first", async () => {
        const { status, code, count } = await fill(program, (n) => `room-${n}`);
        assertEquals([status, code], [507, "data_full"]);
        assertGreater(count, 300);
        assertMatch(program.log(), / warn limit reached flag="--max-data"/);
      });

      await t.step(
        "a room that exists goes on, also for new people; then messages are refused",
        async () => {
          await using ben = (await JsonSocket.join(program.port, { name: "Ben" })).socket;
          ben.send({ type: "say", id: "b", text: "hi" });
          assertEquals((await ben.read("ack"))?.seq, 2);
          const { status, code, count } = await fill(program, () => "lobby");
          assertEquals([status, code], [507, "data_full"]);
          assertGreater(count, 50);
          await fill(program, () => "lobby", 1);
          ben.send({ type: "say", id: "c", text: TEXT });
          const error = await ben.read("error");
          assertEquals([error?.code, error?.id], ["data_full", "c"]);
          using line = await RawSocket.open(program.port);
          await line.send(TEXT);
          for (let frame = await line.readFrame();; frame = await line.readFrame()) {
            if (frame?.opcode === OPCODE.text) continue;
            assertEquals(frame?.opcode, OPCODE.close);
            break;
          }
          assertEquals(await readMetric(program, "data_limit_bytes"), LIMIT);
          assertGreater(await readMetric(program, "data_stored_bytes"), 0.8 * LIMIT);
          assertGreater(LIMIT, await readMetric(program, "data_file_bytes"));
          assertEquals(program.log().match(/--max-data/g)?.length, 1);
        },
      );

      await t.step("deletions free space for messages", async () => {
        for (let n = 0; n < 10; n++) {
          const answer = await post(program, `room-${n}`, { type: "delete", ref: 1 });
          assertEquals(answer.status, 201);
          checkSize(data);
        }
        assertEquals((await post(program, "lobby", { text: TEXT })).status, 201);
      });
      program.kill("SIGKILL");
    }
    await t.step("after a restart with a larger limit everything goes on", async () => {
      await using program = await start("40M");
      assertEquals((await post(program, "lobby", { text: TEXT })).status, 201);
      assertEquals((await post(program, "another", { text: TEXT })).status, 201);
    });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

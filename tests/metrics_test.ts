// What /metrics tells of the whole program, compared with what was done; and to whom it tells it.
import { assert, assertEquals, assertGreater } from "@std/assert";
import deno from "../deno.json" with { type: "json" };
import { JsonSocket } from "./support/json_socket.ts";
import { type Program, startProgram } from "./support/program.ts";
import { RawSocket } from "./support/raw_socket.ts";

/** Of more than ASCII, as a password may be. */
const TOKEN = "a tökén of some length €";

/** The values by name and labels, as they are written. */
async function scrape({ port }: Program): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await response.text();
  assertEquals([response.status, response.headers.get("content-type")], [
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  const line = /^([a-z_]+(?:\{[^{}]*\})?) (\S+)$/;
  return new Map(
    text.split("\n").filter((text) => text && !text.startsWith("#")).map((text) => {
      const [, name, value] = line.exec(text) ?? [];
      assert(name, text);
      return [name, Number(value)];
    }),
  );
}

/** The status of a request with exactly this head. */
async function ask(port: number, headers: readonly string[]): Promise<number> {
  const head = ["GET /metrics HTTP/1.1", ...headers, "Connection: close"].join("\r\n");
  using socket = await RawSocket.connect(port, `${head}\r\n\r\n`);
  return Number((await socket.readHead()).split(" ")[1]);
}

for (const transport of ["deno", "ws"]) {
  Deno.test(`/metrics (${transport}) tells what was done, to this machine or with the token`, async (t) => {
    const args = ["--addr", "127.0.0.1:0", "--host", "127.0.0.1", "--transport", transport];
    await using program = await startProgram({ args, env: { CONFAB_METRICS_TOKEN: TOKEN } });
    const { port } = program;
    await t.step("what was done", async () => {
      const path = "/r/ops/ws";
      const { socket: ann } = await JsonSocket.join(port, { name: "Ann", path });
      const { socket: ben } = await JsonSocket.join(port, { name: "Ben", path });
      using cleo = await RawSocket.open(port);
      await cleo.send("first");
      await cleo.readText();
      for (let n = 1; n <= 3; n++) ann.send({ type: "say", id: `${n}`, text: "hi" });
      ann.send({ type: "edit", id: "4", ref: 99, text: "of nothing" });
      while ((await ben.read("entry"))!.seq < 3);
      await ann.read("error");
      const url = `http://127.0.0.1:${port}/r/ops`;
      const posted = await fetch(url, { method: "POST", body: "x".repeat(16_385) });
      assertEquals((await posted.body?.cancel(), posted.status), 413);
      const found = await scrape(program);
      const value = (name: string) => found.get(name) ?? found.get(`confab_${name}`);
      assertEquals(value(`build_info{version="${deno.version}"}`), 1);
      assertEquals([value('members{wire="confab.v1"}'), value('members{wire="lines"}')], [2, 1]);
      assertEquals([value("rooms"), value("people"), value("lagging_members")], [2, 3, 0]);
      assertEquals(value("batch_entries_sum"), 4);
      assertEquals(value("delivered_lines_total"), 1 + 3 * 2);
      assertEquals(value('refused_messages_total{code="unknown_ref"}'), 1);
      assertEquals(value('refused_messages_total{code="too_long"}'), 1);
      const commits = value("commit_seconds_count")!;
      assertGreater(commits, 1);
      assertEquals(value('commit_seconds_bucket{le="+Inf"}'), commits);
      assertGreater(value("commit_seconds_sum")!, 0);
      assertGreater(value("process_resident_memory_bytes")!, 1e7);
      assertGreater(value("process_cpu_seconds_total")!, 0);
      assert(Math.abs(value("process_start_time_seconds")! - Date.now() / 1000) < 60);
      await ann[Symbol.asyncDispose]();
      await ben[Symbol.asyncDispose]();
    });
    await t.step("to whom", async () => {
      const host = `Host: 127.0.0.1:${port}`;
      assertEquals(await ask(port, [host]), 200);
      assertEquals(await ask(port, [`Host: localhost:${port}`]), 200);
      for (const sign of ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 a"]) {
        assertEquals(await ask(port, [host, sign]), 404, sign);
        const authorization = `Authorization: Bearer ${TOKEN}`;
        assertEquals(await ask(port, [host, sign, authorization]), 200, sign);
        assertEquals(await ask(port, [host, sign, `${authorization}x`]), 404, sign);
      }
      assertEquals(await ask(port, ["Host: rebound.example"]), 404);
    });
  });
}

const address = Deno.networkInterfaces()
  .find(({ family, address }) => family === "IPv4" && !address.startsWith("127."))?.address;
const obstacle = address ? "" : "this machine has no network";

Deno.test({
  name: "/metrics is not there for another machine, as nothing else that is not there" +
    (obstacle && ` (ignored: ${obstacle})`),
  ignore: obstacle !== "",
  async fn() {
    await using program = await startProgram({ args: ["--addr", `${address}:0`] });
    const get = async (path: string) => {
      const response = await fetch(`http://${address}:${program.port}${path}`);
      return [response.status, await response.text()];
    };
    assertEquals(await get("/metrics"), await get("/nothing"));
    assertEquals((await get("/metrics"))[0], 404);
  },
});

// The files in deploy/ against the program: flags that it knows, folders that fit each other, and systemd's own judgement.
import { assert, assertEquals, assertLess } from "@std/assert";
import { COMMANDS } from "../cli/config/command_table.ts";
import { parseConfig } from "../cli/config/parse.ts";
import { type ErrorRow, ERRORS } from "../protocol/errors.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const EXECUTABLE = "/usr/local/bin/confab";

/** Exposure that systemd finds, of 10. What remains is the network, which a server is for. */
const MAX_EXPOSURE = 1.5;

const unit = await Deno.readTextFile(`${ROOT}deploy/confab.service`);
const dockerfile = await Deno.readTextFile(`${ROOT}deploy/Dockerfile`);

/** The values that a setting of the unit has, in order. */
function settings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);
}

/** What follows an instruction of the Dockerfile, each time. */
function instructions(name: string): string[] {
  return [...dockerfile.matchAll(new RegExp(`^${name} (.*)$`, "gm"))].map(([, rest]) => rest!);
}

/** What the program makes of `NAME=VALUE …`, of which it must know each name. */
function parse(assignments: readonly string[], args: readonly string[] = []) {
  const env = Object.fromEntries(assignments.map((assignment) => assignment.split("=", 2)));
  const known = Object.values(COMMANDS.serve.flags).flatMap((flag) =>
    "env" in flag ? flag.env : []
  );
  for (const name of Object.keys(env)) assert((known as string[]).includes(name), name);
  return parseConfig(args, env);
}

Deno.test("deploy/confab.service starts the program as it can be started, on a folder of its own", () => {
  assertEquals(settings("ExecStart"), [EXECUTABLE]);
  const config = parse(settings("Environment"));
  assert(config.command === "serve");
  assertEquals([config.hostname, config.port], ["127.0.0.1", 8080]);
  assertEquals(config.data, `%S/${settings("StateDirectory")[0]}`);
  const codes = Object.values<ErrorRow>(ERRORS).flatMap(({ exitCode }) => exitCode ?? []);
  for (const code of settings("RestartPreventExitStatus")[0]!.split(" ")) {
    assert(codes.includes(Number(code)), code);
  }
});

/** What systemd-analyze prints; undefined where there is none. */
async function analyze(...args: string[]): Promise<{ code: number; text: string } | undefined> {
  try {
    const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    return { code, text };
  } catch {
    return undefined;
  }
}

const version = Number(/systemd (\d+)/.exec((await analyze("--version"))?.text ?? "")?.[1] ?? 0);
const obstacle = version < 250 ? "there is no systemd-analyze of version 250 here" : "";

Deno.test({
  name: "deploy/confab.service is what systemd understands, and bounds nearly everything" +
    (obstacle && ` (ignored: ${obstacle})`),
  ignore: obstacle !== "",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "confab-unit-" });
    try {
      const path = `${folder}/confab.service`;
      // The one thing that is not here is the executable.
      await Deno.writeTextFile(path, unit.replace(`=${EXECUTABLE}`, `=${Deno.execPath()}`));
      assertEquals(await analyze("verify", path), { code: 0, text: "" });
      const judged = await analyze("security", "--offline=true", "--no-pager", path);
      const exposure = /exposure level for confab\.service: ([\d.]+)/.exec(judged!.text)?.[1];
      assertLess(Number(exposure), MAX_EXPOSURE, judged!.text);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("deploy/Dockerfile copies what is there, and fits the program", () => {
  const copied = instructions("COPY").map((rest) => rest.split(" "))
    .filter(([first]) => !first!.startsWith("--from"));
  assertEquals(copied.map((words) => words.slice(-2)), [["dist/confab", EXECUTABLE]]);
  const assignments = instructions("ENV").flatMap((rest) => rest.split(" "));
  const config = parse(assignments);
  assert(config.command === "serve");
  assertEquals([config.hostname, String(config.port)], ["", instructions("EXPOSE")[0]]);
  assertEquals(instructions("VOLUME"), [config.data]);
  const [program, ...args] = JSON.parse(/CMD (\[.*\])$/m.exec(dockerfile)![1]!);
  assertEquals(program, EXECUTABLE);
  assertEquals(parse(assignments, args), {
    command: "health",
    url: `http://localhost:${config.port}/healthz`,
  });
  assertEquals(instructions("ENTRYPOINT"), [`["${EXECUTABLE}"]`]);
  assert(instructions("FROM").at(-1)!.endsWith(":nonroot"));
});

// The whole program with a password: its own client commands, an invite, and what is in its log.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runProgram, startProgram } from "./support/program.ts";

const PASSWORD = "open sesame, ключ";
const OPERATOR_KEY = "an operator's long key";

Deno.test("program: with a password its own commands come in by it, and an invite is a link for a room", async () => {
  const password = await Deno.makeTempFile({ prefix: "confab-password-" });
  const state = await Deno.makeTempDir({ prefix: "confab-state-" });
  try {
    await Deno.writeTextFile(password, `${PASSWORD}\n`);
    const env = { CONFAB_OPERATOR_KEY: OPERATOR_KEY };
    const args = ["--addr", "127.0.0.1:0", "--password-file", password];
    await using program = await startProgram({ args, env });
    assertStringIncludes(program.output(), "requires the password");
    const server = `http://127.0.0.1:${program.port}/`;
    const room = `${server}r/ops`;
    const known = { CONFAB_PASSWORD: PASSWORD };
    const chat = ["chat", room, "--name", "Ann"];
    const run = (args: string[], env: Record<string, string> = {}, input = "") =>
      runProgram(args, { env: { XDG_STATE_HOME: state, ...env }, input });
    const [unknown, wrong, said, chatted, chatUnknown, invited] = await Promise.all([
      run(["send", room, "hi"]),
      run(["send", room, "hi"], { CONFAB_PASSWORD: "guess" }),
      run(["send", room, "sent", "--password-file", password]),
      run(chat, known, "chatted\n"),
      run(chat, {}, "chatted\n"),
      run(["invite", server, "--room", "ops", "--hours", "1"], env),
    ]);
    assertEquals([said.code, chatted.code], [0, 0], said.stderr + chatted.stderr);
    const hint = `Sign in first. Add --password-file FILE or set CONFAB_PASSWORD\n`;
    assertEquals([unknown.code, unknown.stderr], [1, `confab: Cannot use ${room}: ${hint}`]);
    assertEquals([chatUnknown.code, chatUnknown.stderr], [
      1,
      `confab: Cannot use ${room}: ${hint}`,
    ]);
    assertEquals(wrong.stderr, `confab: Cannot use ${room}: Wrong password\n`);
    assertMatch(invited.stdout, new RegExp(`^${server}invite/inv_[\\w-]{43}\n$`));
    assertEquals(
      invited.stderr,
      "confab: Invite 1: this link grants access to room ops and expires in 1 h\n",
    );
    const link = invited.stdout.trim();
    const accepted = await fetch(link);
    await accepted.body?.cancel();
    const cookie = accepted.headers.getSetCookie()[0]!.split(";")[0]!;
    const read = async (path: string) => {
      const response = await fetch(server + path, { headers: { cookie, accept: "text/plain" } });
      return [response.status, await response.text()] as const;
    };
    const [status, text] = await read("r/ops");
    assertEquals([status, text.includes("sent"), /Ann#\w+: chatted/.test(text)], [200, true, true]);
    assertEquals((await read("r/kitchen"))[0], 403);
    const [exported, listed] = await Promise.all([
      run(["export", room, "--format", "text"], known),
      run(["invite", server, "--list"], known),
    ]);
    assertMatch(exported.stdout, /Ann#\w+: chatted/);
    assertMatch(listed.stdout, /^1 {2}room ops {2}until 20\S+Z {2}sessions: 1\n$/);
    assertEquals((await run(["invite", server, "--revoke", "1"], known)).code, 0);
    assertEquals((await read("r/ops"))[0], 401);
    for (const secret of [PASSWORD, OPERATOR_KEY, "guess", link.slice(-43), cookie.slice(-43)]) {
      assert(!`${program.output()}${program.log()}`.includes(secret), program.log());
    }
    assertStringIncludes(program.log(), "wrong password");
    assert(!program.log().includes("open to other users"), "makeTempFile() makes a private file");
  } finally {
    await Deno.remove(password);
    await Deno.remove(state, { recursive: true });
  }
});

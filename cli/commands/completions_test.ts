import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../config/command_table.ts";
import { makeCompletions } from "./completions.ts";
import type { CommandSpec } from "../config/flags.ts";

const commands = Object.entries<CommandSpec>(COMMANDS);

/** Reports whether the shell is installed. */
async function hasShell(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["-c", "exit"] }).output()).success;
  } catch {
    return false; // not found
  }
}

async function run(shell: string, script: string, cwd?: string): Promise<string> {
  const command = new Deno.Command(shell, { args: ["-c", script], ...(cwd ? { cwd } : {}) });
  const { success, stdout, stderr } = await command.output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success && error === "", `${shell}: ${error}`);
  return out!;
}

/** Returns the completions of bash for the last word. */
async function completeInBash(words: readonly string[], cwd?: string): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const out = await run(
    "bash",
    `${makeCompletions("bash")}
    COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _confab
    [ "\${#COMPREPLY[@]}" = 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`,
    cwd,
  );
  return out.split("\n").slice(0, -1);
}

const noBash = await hasShell("bash") ? "" : " (ignored: there is no bash here)";

Deno.test({
  name: "makeCompletions() completes commands, flags and values in bash" + noBash,
  ignore: noBash !== "",
  async fn() {
    const flags = ({ flags }: CommandSpec) => Object.keys(flags).map((flag) => `--${flag}`);
    const names = commands.map(([name]) => name);
    const cases: [string[], string[]][] = [
      [["confab", ""], names],
      [["confab", "se"], ["serve", "send"]],
      [["confab", "-"], flags(COMMANDS.serve)],
      [["confab", "--qr"], ["--qr"]],
      [["confab", "--qr", ""], flags(COMMANDS.serve)],
      [["confab", "--journal", ""], ["sqlite", "memory"]],
      [["confab", "--journal", "=", "m"], ["memory"]],
      [["confab", "--journal", "="], ["sqlite", "memory"]],
      [["confab", "--addr", ""], []],
      [["confab", "serve", "--transport", "w"], ["ws"]],
      [["confab", "export", "--format", ""], ["ndjson", "text", "json"]],
      [["confab", "completions", ""], ["bash", "zsh", "fish"]],
      ...commands.map(([name, command]): [string[], string[]] => [
        ["confab", name, "-"],
        flags(command),
      ]),
    ];
    for (const [words, expected] of cases) {
      assertEquals(await completeInBash(words), expected, words.join(" "));
    }
  },
});

Deno.test({
  name: "makeCompletions() completes names of folders and files with spaces in bash" + noBash,
  ignore: noBash !== "",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "confab-completions-" });
    try {
      await Deno.mkdir(`${folder}/my data`);
      await Deno.writeTextFile(`${folder}/my secret`, "");
      assertEquals(await completeInBash(["confab", "--data", "my"], folder), ["my data"]);
      const files = await completeInBash(["confab", "--hook-secret-file", "my"], folder);
      assertEquals(files.toSorted(), ["my data", "my secret"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "makeCompletions() registers the function for confab in bash" + noBash,
  ignore: noBash !== "",
  async fn() {
    const script = `${makeCompletions("bash")}\ncomplete -p confab`;
    assertEquals(await run("bash", script), "complete -F _confab confab\n");
  },
});

for (const shell of ["zsh", "fish"] as const) {
  Deno.test(`makeCompletions() lists every command and flag with its help in ${shell}`, async () => {
    const script = makeCompletions(shell);
    const lines = script.split("\n");
    for (const [name, { flags }] of commands) {
      assertStringIncludes(script, shell === "zsh" ? `\n    ${name}) ` : ` -a ${name} -d `);
      for (const [flag, { help }] of Object.entries(flags)) {
        const words = shell === "zsh" ? `--${flag}[` : ` -l ${flag} `;
        const start = help.split(/[\n:[]/)[0]!.replaceAll("'", "");
        assert(lines.some((line) => line.includes(words) && line.includes(start)), flag);
      }
    }
    if (await hasShell(shell)) {
      await run(shell, `${shell === "zsh" ? "compdef() { : }\n" : ""}${script}`);
    }
  });

  Deno.test(`makeCompletions() closes every quote in ${shell}`, () => {
    for (const line of makeCompletions(shell).split("\n")) {
      const bare = line.replaceAll("'\\''", "").replaceAll("\\'", "");
      assertEquals(bare.split("'").length % 2, 1, line);
    }
  });
}

// What a server may still do once it serves: asked of the process itself, which is the real program with one more line.
import { assertEquals } from "@std/assert";
import { FROM_SOURCE, startProgram } from "./support/program.ts";

const MAIN = new URL("../main.ts", import.meta.url).href;

/** Prints what is still granted when the program has said that it is ready. */
const SPY = `
const write = Deno.stdout.write.bind(Deno.stdout);
Deno.stdout.write = (bytes) => {
  queueMicrotask(() => console.log("granted:", ["env", "ffi", "net", "read", "run", "sys", "write"].filter((name) =>
    Deno.permissions.querySync({ name }).state === "granted" ||
    name === "env" && Deno.permissions.querySync({ name, variable: "CONFAB_ADDR" }).state === "granted" ||
    name === "sys" && Deno.permissions.querySync({ name, kind: "networkInterfaces" }).state === "granted"
  ).join(" ") + "."));
  return write(bytes);
};
await import("${MAIN}");`;

Deno.test("the server gives up files, environment and system once it serves, whatever its transport", async () => {
  const script = await Deno.makeTempFile({ prefix: "confab-spy-", suffix: ".js" });
  try {
    await Deno.writeTextFile(script, SPY);
    const config = new URL("../deno.json", import.meta.url).pathname;
    const command = [...FROM_SOURCE.slice(0, -1), "--config", config, script];
    for (const transport of ["deno", "ws"]) {
      const args = ["--addr", "127.0.0.1:0", "--transport", transport];
      await using program = await startProgram({ command, args });
      const until = Date.now() + 10_000;
      while (!program.output().includes("granted:") && Date.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assertEquals(/granted: .*/.exec(program.output())?.[0], "granted: net.", transport);
    }
  } finally {
    await Deno.remove(script);
  }
});

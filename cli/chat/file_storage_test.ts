import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "node:path";
import { FileStorage, findStateFile, MemoryStorage } from "./file_storage.ts";
import { SafeStorage } from "../../sdk/storage.js";

/** A missing file in a missing folder, inside of a temporary one. */
class StateFolder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "confab-state-" });
  readonly file = join(this.path, "deep", "confab", "chat.json");
  readonly reports: string[] = [];

  open(scope = "http://a/"): FileStorage {
    return new FileStorage({
      file: this.file,
      scope,
      onFailure: (text) => this.reports.push(text),
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

Deno.test("FileStorage keeps items for the next run, separately for each server", () => {
  using folder = new StateFolder();
  const storage = folder.open();
  assertEquals([storage.length, storage.key(0), storage.getItem("name")], [0, null, null]);
  storage.setItem("name", "Ann");
  storage.setItem("key", "secret");
  storage.setItem("gone", "x");
  storage.removeItem("gone");
  folder.open("http://b/").setItem("name", "Bob");
  const again = folder.open();
  const keys = Array.from({ length: again.length }, (_, index) => again.key(index));
  assertEquals(keys, ["name", "key"]);
  assertEquals([again.getItem("name"), again.getItem("key")], ["Ann", "secret"]);
  assertEquals(folder.open("http://c/").getItem("name"), null);
});

Deno.test("FileStorage makes files that only their owner can read, and no others", {
  ignore: Deno.build.os === "windows",
}, () => {
  using folder = new StateFolder();
  const path = join(folder.path, "deep", "confab");
  folder.open().setItem("key", "secret");
  const files = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  assertEquals(files, ["chat.json", "chat.json.lock"]);
  assertEquals([modeOf(path), ...files.map((file) => modeOf(join(path, file)))], [
    "700",
    "600",
    "600",
  ]);
});

Deno.test("FileStorage does not overwrite what another terminal has written", () => {
  using folder = new StateFolder();
  const [one, other] = [folder.open(), folder.open()];
  one.setItem("outbox.1", "hi");
  other.setItem("outbox.2", "ho");
  one.setItem("outbox.3", "hu");
  other.removeItem("outbox.1");
  assertEquals([one.getItem("outbox.1"), one.getItem("outbox.2")], [null, "ho"]);
  assertEquals(other.getItem("outbox.3"), "hu");
  one.setMissing("key", "first");
  other.setMissing("key", "second");
  assertEquals([one.getItem("key"), other.getItem("key")], ["first", "first"]);
});

Deno.test("FileStorage loses nothing when two processes write at the same time", async () => {
  using folder = new StateFolder();
  const module = new URL("./file_storage.ts", import.meta.url).href;
  const write = async (who: string) => {
    const code = `import { FileStorage } from ${JSON.stringify(module)};
      const options = { scope: "s", onFailure: (text) => { throw new Error(text) } };
      const storage = new FileStorage({ file: ${JSON.stringify(folder.file)}, ...options });
      for (let n = 0; n < 100; n++) storage.setItem("${who}" + n, "text");`;
    const args = ["eval", code];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  await Promise.all([write("a"), write("b")]);
  assertEquals(folder.open("s").length, 200);
});

Deno.test("FileStorage moves a broken file away, reports it once and continues", () => {
  const broken = ["{", "", "[]", '{"http://a/":{"name":1}}', '{"http://a/":null}'];
  for (const text of broken) {
    using folder = new StateFolder();
    folder.open().setItem("name", "Ann");
    Deno.writeTextFileSync(folder.file, text);
    const storage = folder.open();
    assertEquals(storage.getItem("name"), null);
    assertEquals(folder.reports, [
      `Cannot read ${folder.file}: moved it to ${folder.file}.broken and started a new file`,
    ]);
    storage.setItem("name", "Bob");
    assertEquals(folder.open().getItem("name"), "Bob");
    assertEquals(Deno.readTextFileSync(`${folder.file}.broken`), text);
    assertEquals(folder.reports.length, 1);
  }
});

Deno.test("FileStorage reports once that it cannot write, and throws; SafeStorage keeps the items", () => {
  using folder = new StateFolder();
  Deno.writeTextFileSync(join(folder.path, "deep"), "no folder");
  assertThrows(() => folder.open().setItem("name", "Ann"));
  assertMatch(
    folder.reports.splice(0).join(),
    /^Cannot save name, key and unsent messages to .*chat\.json: /,
  );
  const safe = new SafeStorage(folder.open());
  safe.set("name", "Ann");
  safe.set("key", "secret");
  assertEquals(safe.get("name"), "Ann");
  assertEquals(folder.reports.length, 1);
});

Deno.test("MemoryStorage stores and removes items", () => {
  const storage = new MemoryStorage();
  storage.setItem("a", "1");
  storage.setItem("b", "2");
  storage.removeItem("a");
  assertEquals([storage.length, storage.key(0), storage.key(1)], [1, "b", null]);
  assertEquals([storage.getItem("a"), storage.getItem("b")], [null, "2"]);
});

Deno.test("findStateFile() follows the conventions of each system", {
  ignore: Deno.build.os === "windows",
}, () => {
  const home = { HOME: "/home/ann", APPDATA: "C:\\ann" };
  const cases: [Parameters<typeof findStateFile>, string | undefined][] = [
    [[{ ...home, XDG_STATE_HOME: "/state" }, "linux"], "/state/confab/chat.json"],
    [[{ ...home, XDG_STATE_HOME: "state" }, "linux"], "/home/ann/.local/state/confab/chat.json"],
    [[{ ...home, XDG_STATE_HOME: "" }, "darwin"], "/home/ann/.local/state/confab/chat.json"],
    [[home, "windows"], "C:\\ann/confab/chat.json"],
    [[{ HOME: "/home/ann" }, "windows"], undefined],
    [[{ HOME: "" }, "linux"], undefined],
    [[{}, "linux"], undefined],
  ];
  for (const [args, file] of cases) assertEquals(findStateFile(...args), file);
});

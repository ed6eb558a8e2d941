import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "node:path";
import { FileStorage, findStateFile, MemoryStorage } from "./file_storage.ts";
import { SafeStorage } from "../../sdk/storage.js";

/** A file that is not there yet, in a folder that is not there yet. */
class Place implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "confab-state-" });
  readonly file = join(this.folder, "deep", "confab", "chat.json");
  readonly told: string[] = [];

  open(scope = "http://a/"): FileStorage {
    return new FileStorage({ file: this.file, scope, onFault: (text) => this.told.push(text) });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

Deno.test("FileStorage keeps items for the next run, and each server's apart", () => {
  using place = new Place();
  const storage = place.open();
  assertEquals([storage.length, storage.key(0), storage.getItem("name")], [0, null, null]);
  storage.setItem("name", "Ann");
  storage.setItem("key", "secret");
  storage.setItem("gone", "x");
  storage.removeItem("gone");
  place.open("http://b/").setItem("name", "Bob");
  const again = place.open();
  const keys = Array.from({ length: again.length }, (_, index) => again.key(index));
  assertEquals(keys, ["name", "key"]);
  assertEquals([again.getItem("name"), again.getItem("key")], ["Ann", "secret"]);
  assertEquals(place.open("http://c/").getItem("name"), null);
});

Deno.test("FileStorage lets nobody else read the file, and leaves no other one with a secret", {
  ignore: Deno.build.os === "windows",
}, () => {
  using place = new Place();
  const folder = join(place.folder, "deep", "confab");
  place.open().setItem("key", "secret");
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assertEquals(files, ["chat.json", "chat.json.lock"]);
  assertEquals([modeOf(folder), ...files.map((file) => modeOf(join(folder, file)))], [
    "700",
    "600",
    "600",
  ]);
});

Deno.test("FileStorage of two terminals: neither overwrites what the other has written since", () => {
  using place = new Place();
  const [one, other] = [place.open(), place.open()];
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

Deno.test("FileStorage of two processes that write at the same time loses nothing", async () => {
  using place = new Place();
  const module = new URL("./file_storage.ts", import.meta.url).href;
  const write = async (who: string) => {
    const code = `import { FileStorage } from ${JSON.stringify(module)};
      const options = { scope: "s", onFault: (text) => { throw new Error(text) } };
      const storage = new FileStorage({ file: ${JSON.stringify(place.file)}, ...options });
      for (let n = 0; n < 100; n++) storage.setItem("${who}" + n, "text");`;
    const args = ["eval", code];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  await Promise.all([write("a"), write("b")]);
  assertEquals(place.open("s").length, 200);
});

Deno.test("FileStorage sets a broken file aside, says so once and goes on", () => {
  const broken = ["{", "", "[]", '{"http://a/":{"name":1}}', '{"http://a/":null}'];
  for (const text of broken) {
    using place = new Place();
    place.open().setItem("name", "Ann");
    Deno.writeTextFileSync(place.file, text);
    const storage = place.open();
    assertEquals(storage.getItem("name"), null);
    assertEquals(place.told, [
      `Cannot read ${place.file}: moved it to ${place.file}.broken and started a new file`,
    ]);
    storage.setItem("name", "Bob");
    assertEquals(place.open().getItem("name"), "Bob");
    assertEquals(Deno.readTextFileSync(`${place.file}.broken`), text);
    assertEquals(place.told.length, 1);
  }
});

Deno.test("FileStorage that cannot write says so once and throws, and the session's storage remembers", () => {
  using place = new Place();
  Deno.writeTextFileSync(join(place.folder, "deep"), "no folder");
  assertThrows(() => place.open().setItem("name", "Ann"));
  assertMatch(
    place.told.splice(0).join(),
    /^Cannot save name, key and unsent messages to .*chat\.json: /,
  );
  const safe = new SafeStorage(place.open());
  safe.set("name", "Ann");
  safe.set("key", "secret");
  assertEquals(safe.get("name"), "Ann");
  assertEquals(place.told.length, 1);
});

Deno.test("MemoryStorage keeps items until the end", () => {
  const storage = new MemoryStorage();
  storage.setItem("a", "1");
  storage.setItem("b", "2");
  storage.removeItem("a");
  assertEquals([storage.length, storage.key(0), storage.key(1)], [1, "b", null]);
  assertEquals([storage.getItem("a"), storage.getItem("b")], [null, "2"]);
});

Deno.test("findStateFile() follows what each system says about a person's files", {
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

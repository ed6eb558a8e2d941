import { assert, assertEquals } from "@std/assert";
import { encode } from "uqr";
import { drawQr, greet, type Greeting } from "./greeting.ts";

const GREETING: Greeting = {
  version: "1.2.3",
  startupMs: 37.6,
  localUrl: "http://localhost:8080/",
  networkUrls: ["http://192.168.1.20:8080/", "http://10.0.0.7:8080/"],
  journal: "sqlite",
  data: "./confab-data",
  keep: 10_000,
  isLocal: true,
  hasPassword: false,
  hasQr: false,
  isTerminal: false,
  hasColor: true,
};

Deno.test("greet() shows the URLs, the data folder and the next step", () => {
  assertEquals(
    greet(GREETING),
    `confab 1.2.3   ready in 38 ms

  Local    http://localhost:8080/
  Network  http://192.168.1.20:8080/
  Network  http://10.0.0.7:8080/
  Names    local ones; for any other, add --host NAME
  Data     ./confab-data   (the last 10,000 messages of each room)

  Anyone who can reach this address can join. Lock it with --password-file.
  Try   curl -d "hello" http://localhost:8080/r/lobby
  Ctrl-C to stop, --help for options
`,
  );
});

Deno.test("greet() says how to name the server, unless it has a name or accepts any", () => {
  assert(!greet({ ...GREETING, isLocal: false }).includes("--host"));
});

Deno.test("greet() mentions the password and how to invite", () => {
  const text = greet({ ...GREETING, hasPassword: true });
  assert(
    text.includes(
      `  Joining requires the password or an invite.
  Try   confab invite http://localhost:8080/
`,
    ),
    text,
  );
  assert(!text.includes("Anyone"), text);
});

Deno.test("greet() distinguishes a memory journal and unlimited retention", () => {
  const data = (greeting: Partial<Greeting>) =>
    greet({ ...GREETING, ...greeting }).split("\n").find((line) => line.startsWith("  Data"));
  assertEquals(
    data({ journal: "memory", keep: 7 }),
    "  Data     in memory, until this program ends   (the last 7 messages of each room)",
  );
  assertEquals(data({ keep: 0 }), "  Data     ./confab-data   (every message of each room)");
});

Deno.test("greet() uses colors only on a terminal that allows them", () => {
  for (const isTerminal of [true, false]) {
    for (const hasColor of [true, false]) {
      const text = greet({ ...GREETING, isTerminal, hasColor, hasQr: true });
      assertEquals(text.includes("\x1b"), isTerminal && hasColor);
      // deno-lint-ignore no-control-regex -- escape sequences contain them
      const plain = text.replaceAll(/\x1b\[[\d;]*m/g, "");
      assertEquals(plain, greet({ ...GREETING, isTerminal, hasColor: false, hasQr: true }));
    }
  }
});

Deno.test("greet() draws a QR code of the first network URL, or of the local one", () => {
  const terminal = { ...GREETING, isTerminal: true, hasColor: false, hasQr: true };
  const code = (url: string) => drawQr(url).map((line) => `  ${line}\n`).join("");
  assert(greet(terminal).includes(code(GREETING.networkUrls[0]!)));
  assert(greet({ ...terminal, networkUrls: [] }).includes(code(GREETING.localUrl)));
});

Deno.test("greet() explains why it draws no code without a terminal", () => {
  const text = greet({ ...GREETING, hasQr: true });
  assert(text.includes("\n  No QR code: this is not a terminal\n"), text);
  assert(!/[▀▄█]/.test(text));
});

Deno.test("drawQr() draws every light module, with a border", () => {
  const { data, size } = encode("http://192.168.1.20:8080/", { border: 2 });
  const drawn = drawQr("http://192.168.1.20:8080/").flatMap((line) => [
    [...line].map((char) => !"▀█".includes(char)),
    [...line].map((char) => !"▄█".includes(char)),
  ]);
  assertEquals(drawn.slice(0, size), data);
  assert(drawn.slice(0, 2).flat().every((isDark) => !isDark), "the border is light");
});

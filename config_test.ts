import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ENV_NAMES, helpText, parseConfig } from "./config.ts";
import { ChatError } from "./errors.ts";

Deno.test("parseConfig() reads the address from flag, environment or default, in that order", () => {
  const cases: [string[], Record<string, string>, string, number][] = [
    [[], {}, "", 8080],
    [["--addr", ":9000"], {}, "", 9000],
    [["--addr=:9000"], {}, "", 9000],
    [["-addr", ":9000"], {}, "", 9000],
    [["-addr=:9000"], {}, "", 9000],
    [[], { CONFAB_ADDR: "127.0.0.1:81" }, "127.0.0.1", 81],
    [["--addr", ":9000"], { CONFAB_ADDR: "127.0.0.1:81" }, "", 9000],
    [[], { CONFAB_ADDR: "" }, "", 8080],
    [["--addr", "localhost:0"], {}, "localhost", 0],
    [["--addr", "[::1]:65535"], {}, "::1", 65535],
    [["--addr", ":1", "--addr", ":2"], {}, "", 2],
  ];
  for (const [args, env, hostname, port] of cases) {
    const config = parseConfig(args, env);
    assertEquals([config.hostname, config.port], [hostname, port], args.join(" "));
    assertEquals(config.command, "serve");
  }
});

Deno.test("parseConfig() knows the commands", () => {
  assertEquals(parseConfig(["--help"], {}).command, "help");
  assertEquals(parseConfig(["-h"], {}).command, "help");
  assertEquals(parseConfig(["-help"], {}).command, "help");
  assertEquals(parseConfig(["--version"], {}).command, "version");
  assertEquals(parseConfig(["-v"], {}).command, "version");
  assertEquals(parseConfig(["--debug"], {}).command, "serve");
  assertEquals(parseConfig(["--version", "--help"], {}).command, "help");
});

Deno.test("parseConfig() says what is wrong, where, and what it received", () => {
  const cases: [string[], Record<string, string>, string][] = [
    [["--addr", "99999"], {}, 'Cannot parse --addr: expected HOST:PORT, received "99999"'],
    [["--addr", ":99999"], {}, 'Cannot parse --addr: expected HOST:PORT, received ":99999"'],
    [["--addr", "::1:80"], {}, 'Cannot parse --addr: expected HOST:PORT, received "::1:80"'],
    [["--addr", "host:http"], {}, 'Cannot parse --addr: expected HOST:PORT, received "host:http"'],
    [[], { CONFAB_ADDR: "x" }, 'Cannot parse CONFAB_ADDR: expected HOST:PORT, received "x"'],
    [["--addr"], {}, 'Cannot parse flag "--addr": expected HOST:PORT, received none'],
    [["--addr="], {}, 'Cannot parse flag "--addr": expected HOST:PORT, received none'],
    [["--help=yes"], {}, 'Cannot parse flag "--help": expected no value, received "yes"'],
    [["--adr", ":1"], {}, 'Cannot parse flag "--adr": unknown. Did you mean "--addr"?'],
    [["-adr", ":1"], {}, 'Cannot parse flag "--adr": unknown. Did you mean "--addr"?'],
    [["--colour"], {}, 'Cannot parse flag "--colour": unknown'],
    [["-x"], {}, 'Cannot parse flag "-x": unknown'],
    [["--__proto__"], {}, 'Cannot parse flag "--__proto__": unknown'],
    [["9000"], {}, 'Cannot parse arguments: expected flags only, received "9000"'],
  ];
  for (const [args, env, message] of cases) {
    const error = assertThrows(() => parseConfig(args, env), ChatError);
    assertEquals(error.message, message);
    assertEquals(error.code, "bad_usage");
  }
});

Deno.test("helpText() leads with examples and lists each flag with its variable and default", () => {
  const help = helpText("1.2.3");
  assertStringIncludes(help, "confab 1.2.3");
  for (const word of ["--addr HOST:PORT", "default :8080", "--help", "--version", ...ENV_NAMES]) {
    assertStringIncludes(help, word);
  }
  assert(help.indexOf("Examples") < help.indexOf("Options"));
  assert(help.split("\n").every((line) => line.length <= 80), "fits a terminal");
});

Deno.test("parseConfig() reads where the journal is, and how much it keeps", () => {
  const { journal, data, keep } = parseConfig([], {});
  assertEquals({ journal, data, keep }, { journal: "sqlite", data: "./confab-data", keep: 10_000 });
  const args = ["--journal", "memory", "--data", "/srv/chat", "--keep=0"];
  const env = { CONFAB_JOURNAL: "memory", CONFAB_DATA: "/srv/chat", CONFAB_KEEP: "0" };
  for (const config of [parseConfig(args, {}), parseConfig([], env)]) {
    assertEquals([config.journal, config.data, config.keep], ["memory", "/srv/chat", 0]);
  }
  const wrong: [string[], string][] = [
    [["--journal", "disk"], 'Cannot parse --journal: expected sqlite or memory, received "disk"'],
    [["--keep=-1"], 'Cannot parse --keep: expected a number from 0 up, received "-1"'],
    [["--keep", "many"], 'Cannot parse --keep: expected a number from 0 up, received "many"'],
    [["--keep", "1e3"], 'Cannot parse --keep: expected a number from 0 up, received "1e3"'],
  ];
  for (const [given, message] of wrong) {
    assertStringIncludes(assertThrows(() => parseConfig(given, {}), ChatError).message, message);
  }
});

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { COMMANDS, ENV_NAMES } from "./command_table.ts";
import type { ServeConfig } from "./config.ts";
import type { CommandSpec } from "./flags.ts";
import { parseConfig } from "./parse.ts";
import { ChatError } from "../../protocol/errors.ts";
import { DEFAULT_LIMITS } from "../../base/limits.ts";

function parseServe(args: string[], env: Record<string, string> = {}): ServeConfig {
  const config = parseConfig(args, env);
  assert(config.command === "serve", config.command);
  return config;
}

/** Returns the error message for a wrong command line. */
function parseError(args: string[], env: Record<string, string> = {}): string {
  const error = assertThrows(() => parseConfig(args, env), ChatError);
  assertEquals(error.code, "bad_usage");
  return error.message;
}

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
    const config = parseServe(args, env);
    assertEquals([config.hostname, config.port], [hostname, port], args.join(" "));
    assertEquals(parseServe(["serve", ...args], env), config);
  }
});

Deno.test("parseConfig() recognizes the server, help and version", () => {
  assertEquals(parseConfig(["--help"], {}).command, "help");
  assertEquals(parseConfig(["-h"], {}).command, "help");
  assertEquals(parseConfig(["-help"], {}).command, "help");
  assertEquals(parseConfig(["--version"], {}).command, "version");
  assertEquals(parseConfig(["-v"], {}).command, "version");
  assertEquals(parseConfig(["--debug"], {}).command, "serve");
  assertEquals(parseConfig(["--version", "--help"], {}).command, "help");
});

Deno.test("parseConfig() reports the reason, the source and the received value", () => {
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
    [["-adr", ":1"], {}, 'Cannot parse flag "-adr": unknown. Did you mean "--addr"?'],
    [["-adr=:1"], {}, 'Cannot parse flag "-adr": unknown. Did you mean "--addr"?'],
    [["-colour"], {}, 'Cannot parse flag "-colour": unknown'],
    [["--addr", "-qr"], {}, 'Cannot parse --addr: expected HOST:PORT, received "-qr"'],
    [["--colour"], {}, 'Cannot parse flag "--colour": unknown'],
    [["-x"], {}, 'Cannot parse flag "-x": unknown'],
    [["--__proto__"], {}, 'Cannot parse flag "--__proto__": unknown'],
    [["serve", "x"], {}, 'Cannot parse arguments: expected flags only, received "x"'],
    [["--qr", "x"], {}, 'Cannot parse arguments: expected flags only, received "x"'],
  ];
  for (const [args, env, message] of cases) assertEquals(parseError(args, env), message);
});

Deno.test("parseConfig() suggests the flag for a typo or a name from other programs", () => {
  const cases: [string, string][] = [
    ["--port=9000", "--addr HOST:PORT"],
    ["--prot", "--addr HOST:PORT"],
    ["-p", "--addr HOST:PORT"],
    ["--listen", "--addr HOST:PORT"],
    ["--hostname", "--host NAME"],
    ["--tls", "--cert FILE"],
    ["--prefix", "--base PATH"],
    ["--lisen", "--addr HOST:PORT"],
    ["--dir", "--data DIR"],
    ["--db", "--data DIR"],
    ["--cors", "--allow-origin ORIGIN"],
    ["--dta", "--data"],
    ["--hok", "--hook"],
    ["-hepl", "--help"],
  ];
  for (const [flag, meant] of cases) {
    const [name] = flag.split("=");
    assertEquals(
      parseError([flag]),
      `Cannot parse flag "${name}": unknown. Did you mean "${meant}"?`,
    );
  }
});

Deno.test("parseConfig() suggests the command that was meant", () => {
  const cases: [string, string][] = [
    ["sned", '. Did you mean "send"?'],
    ["tial", '. Did you mean "tail"?'],
    ["start", '. Did you mean "serve"?'],
    ["help", '. Did you mean "--help"?'],
    ["9000", '. Did you mean "--addr :9000"?'],
    [":9000", '. Did you mean "--addr :9000"?'],
    ["frobnicate", ""],
    ["toString", ""],
  ];
  for (const [word, meant] of cases) {
    const message = `Cannot parse arguments: expected a command or flags, received "${word}"`;
    assertEquals(parseError([word]), message + meant);
  }
});

Deno.test("parseConfig() reads kind, folder and retention of the journal", () => {
  const { journal, data, keep } = parseServe([]);
  assertEquals({ journal, data, keep }, { journal: "sqlite", data: "./confab-data", keep: 10_000 });
  const args = ["--journal", "memory", "--data", "/srv/chat", "--keep=0"];
  const env = { CONFAB_JOURNAL: "memory", CONFAB_DATA: "/srv/chat", CONFAB_KEEP: "0" };
  for (const config of [parseServe(args), parseServe([], env)]) {
    assertEquals([config.journal, config.data, config.keep], ["memory", "/srv/chat", 0]);
  }
  const wrong: [string[], string][] = [
    [["--journal", "disk"], 'Cannot parse --journal: expected sqlite or memory, received "disk"'],
    [["--keep=-1"], 'Cannot parse --keep: expected a whole number, 0 or more, received "-1"'],
    [
      ["--keep", "many"],
      'Cannot parse --keep: expected a whole number, 0 or more, received "many"',
    ],
    [["--keep", "1e3"], 'Cannot parse --keep: expected a whole number, 0 or more, received "1e3"'],
  ];
  for (const [args, message] of wrong) {
    assertStringIncludes(parseError(args), message);
  }
});

Deno.test("parseConfig() reads the host names", () => {
  assertEquals(parseServe([]).hosts, []);
  const hosts = ["chat.example.org", "xn--bcher-kva.example", "[::1]", "127.0.0.1"];
  const value = "Chat.Example.org, bücher.example,[::1],127.0.0.1";
  assertEquals(parseServe(["--host", value]).hosts, hosts);
  assertEquals(parseServe([], { CONFAB_HOST: value }).hosts, hosts);
  assertEquals(parseServe(["--host", "a", "--host", "b"]).hosts, ["a", "b"]);
  for (const name of ["a:80", "http://a", "a/b", "u@a", "a b", "", "[::1]:80", "a,"]) {
    const shown = name === "a," ? "" : name;
    assertEquals(
      parseError([`--host=x,${name}`]),
      "Cannot parse --host: expected a host name without a port, such as chat.example.org, " +
        `received "${shown}"`,
    );
  }
});

Deno.test("parseConfig() reads the base path, with or without slashes around it", () => {
  for (const value of ["/chat", "chat", "chat/", "/chat/"]) {
    assertEquals(parseServe(["--base", value]).base, "/chat");
  }
  assertEquals(parseServe([]).base, "");
  assertEquals(parseServe(["--base", "/"]).base, "");
  assertEquals(parseServe([], { CONFAB_BASE: "/a/b.c~d_e-f" }).base, "/a/b.c~d_e-f");
  for (const value of ["//a", "/a//b", "/..", "/a/./b", "/a?b", "/a b", "/é", "/%41", "/a\\b"]) {
    assertStringIncludes(
      parseError(["--base", value]),
      "Cannot parse --base: expected a path of letters, digits and - . _ ~, ",
    );
  }
});

Deno.test("parseConfig() requires certificate and key together, and then defaults to the ws transport", () => {
  const files = ["--cert", "c.pem", "--key", "k.pem"];
  const config = parseServe(files);
  assertEquals(config.certificate, { cert: "c.pem", key: "k.pem" });
  assertEquals(parseServe([], { CONFAB_CERT: "c.pem", CONFAB_KEY: "k.pem" }), config);
  assertEquals(config.transport, "ws");
  assertEquals(parseServe([...files, "--transport", "deno"]).transport, "deno");
  assertEquals(parseServe([]).transport, "deno");
  assertEquals(parseServe([]).certificate, undefined);
  assertEquals(
    parseError(["--cert", "c.pem"]),
    "Cannot use --cert: it requires --key",
  );
  assertEquals(
    parseError([], { CONFAB_KEY: "k.pem" }),
    "Cannot use --key: it requires --cert",
  );
});

Deno.test("parseConfig() finds the server of this machine by its variables", () => {
  const url = (env: Record<string, string>) => {
    const config = parseConfig(["health"], env);
    assert(config.command === "health");
    return config.url;
  };
  assertEquals(url({}), "http://localhost:8080/healthz");
  assertEquals(
    url({ CONFAB_ADDR: ":9000", CONFAB_BASE: "chat" }),
    "http://localhost:9000/chat/healthz",
  );
  assertEquals(
    url({ CONFAB_CERT: "c", CONFAB_KEY: "k", CONFAB_HOST: "chat.example.org,other" }),
    "https://chat.example.org:8080/healthz",
  );
  // Without a certificate, the name may belong to a reverse proxy, and not lead to this port.
  const host = { CONFAB_HOST: "chat.example.org", CONFAB_BASE: "/chat" };
  assertEquals(url(host), "http://localhost:8080/chat/healthz");
  for (const [hostname, name] of [["127.0.0.1"], ["[::1]"], ["10.0.0.7", "chat.example.org"]]) {
    assertEquals(
      url({ ...host, CONFAB_ADDR: `${hostname}:80` }),
      `http://${name ?? hostname}:80/chat/healthz`,
    );
  }
});

Deno.test("parseConfig() reads limits; 0 is no limit", () => {
  assertEquals(parseServe([]).limits, DEFAULT_LIMITS);
  const values = {
    "max-message": 100,
    queue: 7,
    stall: 3,
    ping: 4,
    rate: 9,
    "max-connections": 8,
    "per-address": 2,
    "max-rooms": 6,
    "max-data": 30_000_000,
  };
  const limits = {
    textBytes: 100,
    queuedBatches: 7,
    stallMs: 3000,
    pingPeriodMs: 4000,
    messagesPerS: 9,
    connections: 8,
    connectionsPerAddress: 2,
    rooms: 6,
    dataBytes: 30_000_000,
  };
  const entries = Object.entries(values);
  const args = entries.map(([name, value]) => `--${name}=${value}`);
  assertEquals(parseServe(args).limits, limits);
  const env = entries.map(([name, value]) => [toVariable(name), String(value)]);
  assertEquals(parseServe([], Object.fromEntries(env)).limits, limits);
  const none = parseServe(entries.map(([name]) => `--${name}=0`)).limits;
  assertEquals(new Set(Object.values(none)), new Set([Infinity]));
  assertEquals(
    parseError(["--rate", "5/s"]),
    'Cannot parse --rate: expected a whole number, 0 or more, received "5/s"',
  );
});

Deno.test("parseConfig() reads the limit of the data folder with a unit, and refuses one that an empty folder exceeds", () => {
  const sizes = { "500M": 500, "2g": 2048, "3GiB": 3072, "1TB": 1024 ** 2, "20480k": 20 };
  for (const [size, mib] of Object.entries(sizes)) {
    assertEquals(parseServe(["--max-data", size]).limits.dataBytes, mib * 1024 * 1024, size);
  }
  for (const wrong of ["5M", "2000", "10X", "1.5G", "-1", "G"]) {
    const error = parseError([`--max-data=${wrong}`]);
    assertStringIncludes(error, "Cannot parse --max-data: expected a size of at least 20M");
  }
});

function toVariable(flag: string): string {
  return `CONFAB_${flag.toUpperCase().replace("-", "_")}`;
}

Deno.test("parseConfig() accepts only addresses and networks as proxies", () => {
  assertEquals(parseServe([]).trustProxy, []);
  const networks = ["10.0.0.0/8", "::1", "2001:db8::/32", "192.0.2.1"];
  assertEquals(parseServe(["--trust-proxy", networks.join(", ")]).trustProxy, networks);
  assertEquals(parseServe([], { CONFAB_TRUST_PROXY: networks.join() }).trustProxy, networks);
  for (const wrong of ["1", "localhost", "10.0.0.0/33", "010.0.0.1", "*", ""]) {
    assertEquals(
      parseError([], { CONFAB_TRUST_PROXY: `::1,${wrong}` }),
      "Cannot parse CONFAB_TRUST_PROXY: expected an IP address or a CIDR range such as 10.0.0.0/8, " +
        `received "${wrong}"`,
    );
  }
});

Deno.test("parseConfig() reads the log format", () => {
  assertEquals(parseServe([]).logFormat, "auto");
  assertEquals(parseServe([], { CONFAB_LOG_FORMAT: "json" }).logFormat, "json");
  assertEquals(
    parseServe(["--log-format", "text"], { CONFAB_LOG_FORMAT: "json" }).logFormat,
    "text",
  );
  const message = 'Cannot parse --log-format: expected text or json, received "xml"';
  assertEquals(parseError(["--log-format=xml"]), message);
});

Deno.test("parseConfig() accepts only exact origins as allowed ones", () => {
  assertEquals(parseServe([]).allowOrigins, []);
  const origins = ["https://x.example", "http://localhost:5173", "https://[::1]:8443"];
  assertEquals(parseServe(["--allow-origin", origins.join(", ")]).allowOrigins, origins);
  assertEquals(
    parseServe(origins.flatMap((origin) => ["--allow-origin", origin])).allowOrigins,
    origins,
  );
  assertEquals(parseServe([], { CONFAB_ALLOW_ORIGIN: origins.join() }).allowOrigins, origins);
  for (
    const wrong of [
      "*",
      "null",
      "x.example",
      "https://x.example/",
      "https://x.example:443",
      "https://X.example",
      "https://a@x.example",
      "ftp://x.example",
      "https://x.example https://y.example",
      "",
    ]
  ) {
    assertEquals(
      parseError([], { CONFAB_ALLOW_ORIGIN: `https://y.example,${wrong}` }),
      "Cannot parse CONFAB_ALLOW_ORIGIN: expected an origin such as https://example.org, " +
        `received "${wrong}"`,
    );
  }
});

const SECRET = { CONFAB_HOOK_SECRET: "a secret of some length" };

Deno.test("parseConfig() reads webhooks of one room and of all rooms", () => {
  assertEquals(parseServe([]).hooks, []);
  const expected = [
    { room: undefined, url: "https://x.example/a?b=c" },
    { room: "ops", url: "http://127.0.0.1:9/" },
    { room: "küche", url: "https://x.example" },
  ];
  const hooks = ["https://x.example/a?b=c", "ops=http://127.0.0.1:9/", "küche=https://x.example"];
  assertEquals(parseServe(hooks.flatMap((hook) => ["--hook", hook]), SECRET).hooks, expected);
  assertEquals(parseServe(["--hook", hooks.join(",")], SECRET).hooks, expected);
  assertEquals(parseServe([], { ...SECRET, CONFAB_HOOK: hooks.join(",") }).hooks, expected);
});

Deno.test("parseConfig() does not show the URL of a webhook that it refuses", () => {
  for (const url of ["ftp://x.example/token", "x.example/token", "https://token:99999/", "token"]) {
    const message = parseError(["--hook", `https://x.example/,${url}`], SECRET);
    assertStringIncludes(message, "Cannot parse --hook: expected [ROOM=]URL with http://");
    assertStringIncludes(message, "in item 2");
    assert(!message.includes("token"), message);
  }
  assertEquals(
    parseError(["--hook", "Ops=https://x.example/"], SECRET),
    'Cannot parse --hook: expected a room name, received "Ops"',
  );
});

Deno.test("parseConfig() requires a secret for webhooks, from a file or the environment", () => {
  const hook = ["--hook", "https://x.example/"];
  assertEquals(
    parseError(hook),
    "Cannot use --hook: it requires a secret to sign requests. " +
      "Add --hook-secret-file FILE or set CONFAB_HOOK_SECRET",
  );
  assertEquals(parseServe(hook, SECRET).hookSecret, { value: "a secret of some length" });
  const file = { file: "s.txt" };
  assertEquals(parseServe([...hook, "--hook-secret-file", "s.txt"], SECRET).hookSecret, file);
  assertEquals(parseServe(hook, { CONFAB_HOOK_SECRET_FILE: "s.txt" }).hookSecret, file);
  assertEquals(parseServe([]).hookSecret, undefined);
  assertEquals(parseServe([]).githubSecret, undefined);
  assertEquals(parseServe([], { CONFAB_GITHUB_SECRET: "t" }).githubSecret, { value: "t" });
  assertEquals(parseServe(["--github-secret-file", "t"]).githubSecret, { file: "t" });
  assertEquals(parseServe([]).metricsToken, undefined);
  assertEquals(parseServe([], { CONFAB_METRICS_TOKEN: "t" }).metricsToken, { value: "t" });
  assertEquals(parseServe(["--metrics-token-file", "t"]).metricsToken, { file: "t" });
  assert(!("hook-secret" in COMMANDS.serve.flags), "a flag shows in the list of processes");
});

Deno.test("parseConfig() reads send with a text or standard input", () => {
  const url = "http://h:1/r/ops";
  const nothing = {
    command: "send" as const,
    url,
    text: undefined,
    name: undefined,
    id: undefined,
    bearer: undefined,
  };
  assertEquals(parseConfig(["send", url], {}), { ...nothing, hasLines: false });
  assertEquals(parseConfig(["send", url, "-"], {}), { ...nothing, hasLines: false });
  assertEquals(parseConfig(["send", "--lines", url, "-"], {}), { ...nothing, hasLines: true });
  assertEquals(parseConfig(["send", url, "hi", "--name", "Ann", "--id=7"], {}), {
    ...nothing,
    text: "hi",
    name: "Ann",
    id: "7",
    hasLines: false,
  });
});

Deno.test("parseConfig() does not change a value, or a text after two dashes", () => {
  const cases: [args: string[], name: string | undefined, text: string | undefined][] = [
    [["--name", "-bob", "hi"], "-bob", "hi"],
    [["--name", "-name", "hi"], "-name", "hi"],
    [["-name", "-bob", "hi"], "-bob", "hi"],
    [["-name=-bob", "hi"], "-bob", "hi"],
    [["--name", "--", "hi"], "--", "hi"],
    [["--", "-5"], undefined, "-5"],
    [["--", "-name"], undefined, "-name"],
    [["--", "-hello there"], undefined, "-hello there"],
    [["--name", "Ann", "--", "--"], "Ann", "--"],
  ];
  for (const [args, name, text] of cases) {
    const config = parseConfig(["send", "h:1", ...args], {});
    assert(config.command === "send");
    assertEquals([config.name, config.text], [name, text], args.join(" "));
  }
  for (
    const text of ["-5", "-secret text", "--secret text", "-secret", "--secret=1", "---secret"]
  ) {
    assertEquals(
      parseError(["send", "h:1", text]),
      "Cannot parse flag: expected --name, --id, --lines, --password-file, --operator-file, --debug or --help. " +
        "Put -- before a TEXT that begins with a dash",
    );
  }
});

Deno.test("parseConfig() takes the name from the URL if no flag sets it", () => {
  const nameOf = (...args: string[]) => {
    const config = parseConfig(args, {});
    return "name" in config ? [config.name, config.url] : undefined;
  };
  const [address, url] = ["h:1/r/ops?name=Ann", "http://h:1/r/ops"];
  for (const command of ["send", "tail", "chat"]) {
    assertEquals(nameOf(command, address), ["Ann", url]);
    assertEquals(nameOf(command, address, "--name", "Bob"), ["Bob", url]);
  }
  for (const command of ["export", "health"]) {
    assertStringIncludes(parseError([command, address]), "expected no query");
  }
});

Deno.test("parseConfig() does not show the text of a message that it refuses", () => {
  const args = "Cannot parse arguments: expected URL [TEXT|-], received ";
  assertEquals(parseError(["send"]), `${args}none`);
  assertEquals(parseError(["send", "h:1", "secret", "text"]), `${args}3. Put the text in quotes`);
  assertEquals(
    parseError(["send", "h:1", "secret", "--lines"]),
    "Cannot use --lines with TEXT: --lines reads standard input",
  );
  assertEquals(
    parseError(["send", "h:1", "--lines", "--id", "7"]),
    "Cannot use --id with --lines: an id is for one message",
  );
});

Deno.test("parseConfig() reads tail, chat, export, health and completions", () => {
  const url = "http://h:1/r/ops";
  const name = undefined;
  const bearer = undefined;
  assertEquals(parseConfig(["tail", url], {}), {
    command: "tail",
    url,
    since: undefined,
    name,
    isJson: false,
    bearer,
  });
  assertEquals(parseConfig(["tail", url, "--since", "0", "--json", "--name", "Ann"], {}), {
    command: "tail",
    url,
    since: 0,
    name: "Ann",
    isJson: true,
    bearer,
  });
  assertStringIncludes(
    parseError(["tail", url, "--since", "x"]),
    "expected a whole number, 0 or more",
  );
  assertEquals(parseConfig(["chat", url], {}), { command: "chat", url, name, bearer });
  const format = "ndjson";
  const data = "./confab-data";
  assertEquals(parseConfig(["export", url], {}), {
    command: "export",
    from: { url },
    format,
    data,
    bearer,
  });
  assertEquals(parseConfig(["export", "ops", "--format=text"], { CONFAB_DATA: "/d" }), {
    command: "export",
    from: { room: "ops" },
    format: "text",
    data: "/d",
    bearer,
  });
  assertStringIncludes(parseError(["export", "Ops"]), "expected http://HOST:PORT/r/ROOM");
  assertEquals(parseConfig(["completions", "fish"], {}), { command: "completions", shell: "fish" });
  assertEquals(
    parseError(["completions", "sh"]),
    'Cannot parse SHELL: expected bash, zsh or fish, received "sh"',
  );
  assertEquals(
    parseError(["completions"]),
    "Cannot parse arguments: expected bash, zsh or fish, received none",
  );
});

Deno.test("parseConfig() checks the health of the server on this machine by default", () => {
  const cases: [string[], Record<string, string>, string][] = [
    [[], {}, "http://localhost:8080/healthz"],
    [[], { CONFAB_ADDR: ":9000" }, "http://localhost:9000/healthz"],
    [[], { CONFAB_ADDR: "0.0.0.0:9000" }, "http://localhost:9000/healthz"],
    [[], { CONFAB_ADDR: "10.0.0.7:9000" }, "http://10.0.0.7:9000/healthz"],
    [[], { CONFAB_ADDR: "[fd00::7]:9000" }, "http://[fd00::7]:9000/healthz"],
    [["https://x.example/"], {}, "https://x.example/healthz"],
    [["https://x.example/chat/r/ops"], {}, "https://x.example/chat/healthz"],
    [["h:1"], {}, "http://h:1/healthz"],
  ];
  for (const [args, env, url] of cases) {
    assertEquals(parseConfig(["health", ...args], env), { command: "health", url });
  }
  assertStringIncludes(parseError(["health"], { CONFAB_ADDR: "x" }), "CONFAB_ADDR");
});

Deno.test("parseConfig() reads --help of the program and of each command", () => {
  const about = (args: string[]) => {
    const config = parseConfig(args, {});
    return config.command === "help" ? config.about : config;
  };
  assertEquals(about(["--help"]), undefined);
  for (const name of Object.keys(COMMANDS)) {
    assertEquals(about([name, "--help"]), name as keyof typeof COMMANDS);
    assertEquals(about([name, "-h"]), name as keyof typeof COMMANDS);
  }
});

Deno.test("ENV_NAMES has every variable once", () => {
  const names = Object.values<CommandSpec>(COMMANDS)
    .flatMap(({ flags }) => Object.values(flags))
    .flatMap(({ env }) => env ?? []);
  assertEquals(
    new Set(ENV_NAMES),
    new Set([
      ...names,
      "CONFAB_HOOK_SECRET",
      "CONFAB_GITHUB_SECRET",
      "CONFAB_METRICS_TOKEN",
      "CONFAB_PASSWORD",
      "CONFAB_OPERATOR_KEY",
    ]),
  );
  assertEquals(ENV_NAMES.length, new Set(ENV_NAMES).size);
});

Deno.test("parseConfig() takes the password and the operator key from files or variables, never from a flag", () => {
  const none = parseServe([]);
  assertEquals([none.password, none.operatorKey], [undefined, undefined]);
  const env = { CONFAB_PASSWORD: "p", CONFAB_OPERATOR_KEY: "k" };
  const values = parseServe([], env);
  assertEquals([values.password, values.operatorKey], [{ value: "p" }, { value: "k" }]);
  const files = parseServe(["--password-file", "/p"], { ...env, CONFAB_OPERATOR_FILE: "/k" });
  assertEquals([files.password, files.operatorKey], [{ file: "/p" }, { file: "/k" }]);
  assertStringIncludes(parseError(["--password", "hush"]), 'Did you mean "--password-file FILE"?');
});

Deno.test("parseConfig() authenticates with the secret that a flag names, or else with the operator key", () => {
  const env = { CONFAB_PASSWORD: "p", CONFAB_OPERATOR_KEY: "k" };
  const [password, operator] = [{ kind: "password" }, { kind: "operator" }] as const;
  const cases: [string[], Record<string, string>, object | undefined][] = [
    [[], {}, undefined],
    [[], { CONFAB_PASSWORD: "p" }, { ...password, from: { value: "p" } }],
    [[], env, { ...operator, from: { value: "k" } }],
    [["--password-file", "/p"], env, { ...password, from: { file: "/p" } }],
    [["--operator-file", "/k"], { CONFAB_PASSWORD: "p" }, { ...operator, from: { file: "/k" } }],
  ];
  for (const command of ["send", "tail", "chat", "export", "invite"]) {
    for (const [args, env, expected] of cases) {
      const config = parseConfig([command, "http://h:1/r/ops", ...args], env);
      assert("bearer" in config);
      assertEquals(config.bearer as object | undefined, expected, `${command} ${args}`);
    }
  }
});

Deno.test("parseConfig() reads the actions on invites", () => {
  const parseInvite = (...args: string[]) => {
    const config = parseConfig(["invite", ...args], { CONFAB_ADDR: ":9000" });
    assert(config.command === "invite");
    return [config.base, config.action];
  };
  const here = "http://localhost:9000/";
  assertEquals(parseInvite(), [here, { type: "create", room: undefined, hours: 24 }]);
  assertEquals(parseInvite("https://h/chat/", "--room", "ops", "--hours", "2"), [
    "https://h/chat/",
    { type: "create", room: "ops", hours: 2 },
  ]);
  assertEquals(parseInvite("--list"), [here, { type: "list" }]);
  assertEquals(parseInvite("--revoke", "3"), [here, { type: "revoke", id: 3 }]);
  const env = { CONFAB_HOST: "chat.example.org,other", CONFAB_BASE: "/chat" };
  for (const args of [[], ["--list"], ["--revoke", "3"]]) {
    assertEquals(
      parseError(["invite", ...args], env),
      "Cannot determine the URL for guests: CONFAB_HOST is set without CONFAB_CERT, " +
        "so a reverse proxy may be in front. Pass the URL: confab invite https://chat.example.org/chat/",
    );
  }
  const secure = parseConfig(["invite"], { ...env, CONFAB_CERT: "c", CONFAB_KEY: "k" });
  assert(secure.command === "invite");
  assertEquals(secure.base, "https://chat.example.org:8080/chat/");
  assertStringIncludes(
    parseError(["invite", "--hours", "0"]),
    "expected a whole number, 1 or more",
  );
  assertStringIncludes(parseError(["invite", "--room", "A b"]), "expected a room name");
  assertStringIncludes(parseError(["invite", "--list", "--revoke", "1"]), "Cannot use --list");
});

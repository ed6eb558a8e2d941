// Runs the load client as a process of its own. It prints one JSON object when it is done; `idle` prints one more when
// all clients have joined. Errors go to standard error; the exit code is then 1, or 2 for a wrong command line.
//
//   deno run -A bench/load/main.ts SCENARIO --port 8080 [--dialect lines|confab.v1|socket.io] [--flag value …]
import { runBlast } from "./blast.ts";
import { type Defaults, type Flags, parseFlags } from "./flags.ts";
import { runFlood } from "./flood.ts";
import { runIdle } from "./idle.ts";
import { runRate } from "./rate.ts";
import { runStorm } from "./storm.ts";

interface Scenario {
  readonly flags: Defaults;
  /** Result of the scenario. */
  run(flags: Flags): Promise<object>;
}

const MEASURED = { clients: 100, senders: 20, seconds: 5, "warm-up": 1, pid: undefined };

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  flood: {
    flags: { ...MEASURED, "in-flight": 8, stuck: 0 },
    run: (flags) =>
      runFlood({
        ...readMeasured(flags),
        inFlight: flags.number("in-flight"),
        stuck: flags.number("stuck"),
      }),
  },
  rate: {
    flags: { ...MEASURED, "per-second": 500 },
    run: (flags) => runRate({ ...readMeasured(flags), perSecond: flags.number("per-second") }),
  },
  idle: {
    flags: { clients: 5000, rooms: undefined },
    run: ({ target, pathTemplate, number, optional }) => {
      const rooms = optional("rooms");
      return runIdle({
        target,
        clients: number("clients"),
        ...rooms !== undefined && { rooms },
        ...pathTemplate !== undefined && { pathTemplate },
        onReady: (report) => print({ ready: true, ...report }),
        until: Deno.stdin.readable.pipeTo(new WritableStream()),
      });
    },
  },
  storm: {
    flags: { clients: 1000, missed: 1000, watchers: 20, "per-second": 100 },
    run: ({ target, number }) =>
      runStorm({
        target: { ...target, dialect: "confab.v1" },
        clients: number("clients"),
        missed: number("missed"),
        watchers: number("watchers"),
        perSecond: number("per-second"),
      }),
  },
  blast: {
    // This scenario starts its own server.
    flags: { ...MEASURED, port: 0 },
    run: (flags) => runBlast(readMeasured(flags)),
  },
};

const FAILED_CODE = 1;
const USAGE_CODE = 2;

function readMeasured({ target, number, optional }: Flags) {
  return {
    target,
    clients: number("clients"),
    senders: number("senders"),
    seconds: number("seconds"),
    warmUpSeconds: number("warm-up"),
    serverPid: optional("pid"),
  };
}

function print(report: object): void {
  console.log(JSON.stringify(report));
}

async function main([name = "", ...args]: string[]): Promise<void> {
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (!scenario) {
    const known = Object.keys(SCENARIOS).join(", ");
    return fail(`Cannot start scenario: expected one of ${known}, received "${name}"`, USAGE_CODE);
  }
  let flags: Flags;
  try {
    flags = parseFlags(args, scenario.flags);
  } catch (error) {
    return fail((error as Error).message, USAGE_CODE);
  }
  setTimeout(
    () => fail(`Cannot finish ${name}: expected less than ${flags.deadlineSeconds} s`, FAILED_CODE),
    flags.deadlineSeconds * 1000,
  );
  try {
    print(await scenario.run(flags));
  } catch (error) {
    return fail((error as Error).message, FAILED_CODE);
  }
  Deno.exit(0);
}

function fail(message: string, code: number): never {
  console.error(message);
  Deno.exit(code);
}

await main(Deno.args);

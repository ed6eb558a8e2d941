// Lists and starts the servers: variants of Confab, other people's servers, and servers that are already running.
// bench/main.ts starts each in turn, as a process of its own on a free port of the loopback address.
import { FROM_SOURCE, type Program, startProgram } from "../tests/support/program.ts";
import { RawSocket } from "../tests/support/raw_socket.ts";
import {
  type ExternalPeer,
  findBunPeer,
  findNodePeer,
  type InstalledPeer,
  parsePeer,
  Unavailable,
} from "./peers.ts";

/** Protocol that the load speaks with a server. */
export type Dialect = "lines" | "confab.v1" | "socket.io";

/** Description of a server in the report, besides its figures. */
export interface ServerInfo {
  /** Unique id: letters, digits, `.` and `-`. For a `--peer` it is the name. */
  readonly id: string;
  readonly name: string;
  /** Text that distinguishes it from others of the same name; may be empty. */
  readonly detail: string;
  readonly isConfab: boolean;
  readonly dialect: Dialect;
  /** Guarantee behind a line that a client has received. */
  readonly stores: "nothing" | "disk, synced" | "not known";
}

export interface Server extends ServerInfo {
  /** Starts the server. @throws {Unavailable} if this machine cannot run it */
  start(options?: StartOptions): Promise<RunningServer>;
}

/** Options of Confab only. */
export interface StartOptions {
  /** Folder of its journal. Default: a new one, removed at the end. */
  readonly data?: string;
  /** Further flags. */
  readonly args?: readonly string[];
}

/** A running server. Disposing it ends the process if the benchmark has started it. */
export interface RunningServer extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** Path to connect to, if it differs from the dialect's. */
  readonly path: string;
  /** Process id; undefined for a server that the benchmark has not started. */
  readonly pid: number | undefined;
  /** Name and version, and the runtime. */
  readonly version: string;
  /** Time from the start of the process to the first answer to an HTTP request. */
  readonly startUpMs: number | undefined;
  /** Returns what the server has written to standard error so far. */
  readonly log: () => string;
}

export interface ServerOptions {
  /** Path of an executable of Confab; undefined to run it from source on this Deno. */
  readonly confab?: string | undefined;
  /** The values of `--peer`. */
  readonly peers?: readonly string[] | undefined;
}

const ROOT = new URL("../", import.meta.url);
const LINES_PATH = "/ws";
const TRANSPORTS = ["ws", "deno"];
const JOURNALS = ["sqlite", "memory"];
const CONFAB_DIALECTS: readonly Dialect[] = ["confab.v1", "lines"];

/**
 * Lists all servers, Confab first.
 * @throws {TypeError} if a `--peer` is invalid or its name is taken
 */
export function listServers(options: ServerOptions = {}): Server[] {
  const servers = [
    ...listConfabs(options.confab),
    ...listPeers(),
    ...(options.peers ?? []).map((text) => makeExternal(parsePeer(text))),
  ];
  const ids = servers.map(({ id }) => id);
  const doubled = ids.find((id, index) => ids.indexOf(id) !== index);
  if (doubled) {
    throw new TypeError(
      `Cannot use flag "--peer": expected a name that is not taken, received "${doubled}"`,
    );
  }
  return servers;
}

function listConfabs(path: string | undefined): Server[] {
  let build: Promise<Build> | undefined;
  const variants = JOURNALS.flatMap((journal) =>
    TRANSPORTS.flatMap((transport) =>
      CONFAB_DIALECTS.map((dialect) => ({ journal, transport, dialect }))
    )
  );
  return variants.map(({ journal, transport, dialect }) => ({
    id: `confab-${transport}-${journal}-${dialect}`,
    name: journal === "sqlite" ? "Confab" : "Confab in memory",
    detail: `transport ${transport}`,
    isConfab: true,
    dialect,
    stores: journal === "sqlite" ? "disk, synced" : "nothing",
    start: async ({ data, args = [] } = {}) => {
      const { command, version } = await (build ??= findConfab(path));
      const flags = ["--addr", "127.0.0.1:0", "--transport", transport, "--journal", journal];
      const options = { command, args: [...flags, ...args], ...data && { data } };
      return await startTimed(version, () => startProgram(options));
    },
  }));
}

function listPeers(): Server[] {
  const peer = { isConfab: false, stores: "nothing" } as const;
  return [
    {
      ...peer,
      id: "bun",
      name: "Bun",
      detail: "Bun.serve, publish",
      dialect: "lines",
      start: async () => await startPeer(await findBunPeer()),
    },
    {
      ...peer,
      id: "ws",
      name: "ws",
      detail: "on Node",
      dialect: "lines",
      start: async () => await startPeer(await findNodePeer("ws.cjs", "ws")),
    },
    {
      ...peer,
      id: "socket.io",
      name: "Socket.IO",
      detail: "on Node",
      dialect: "socket.io",
      start: async () => await startPeer(await findNodePeer("socket_io.cjs", "socket.io")),
    },
  ];
}

function makeExternal(peer: ExternalPeer): Server {
  return {
    id: peer.name,
    name: peer.name,
    detail: `port ${peer.port}`,
    isConfab: false,
    dialect: "lines",
    stores: "not known",
    start: () => reachExternal(peer),
  };
}

interface Build {
  readonly command: readonly string[];
  readonly version: string;
}

async function findConfab(path: string | undefined): Promise<Build> {
  const command = path === undefined ? FROM_SOURCE : [await findExecutable(path)];
  const [program, ...before] = [...command, "--version"];
  const options = { args: before, cwd: ROOT };
  const { stdout } = await new Deno.Command(program!, options).output();
  const number = new TextDecoder().decode(stdout).trim().split(" ").at(-1);
  const version = `Confab ${number}${path === undefined ? ` on Deno ${Deno.version.deno}` : ""}`;
  return { command, version };
}

/** Returns the absolute path of `--confab`. @throws {TypeError} if there is no such file */
export async function findExecutable(path: string): Promise<string> {
  return await Deno.realPath(path).catch(() => {
    throw new TypeError(`Cannot use flag "--confab": expected an executable, received "${path}"`);
  });
}

function startPeer({ command, cwd, version }: InstalledPeer): Promise<RunningServer> {
  return startTimed(version, () => startProgram({ command, cwd, args: [] }));
}

async function startTimed(
  version: string,
  start: () => Promise<Program>,
): Promise<RunningServer> {
  const startedMs = performance.now();
  const program = await start();
  const end = () => program[Symbol.asyncDispose]();
  try {
    await answer(program.port);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    hostname: "127.0.0.1",
    port: program.port,
    path: LINES_PATH,
    pid: program.pid,
    version,
    startUpMs: performance.now() - startedMs,
    log: program.log,
    [Symbol.asyncDispose]: end,
  };
}

/**
 * Waits for the head of an answer. It uses plain TCP, because the first `fetch` of a process takes longer than a
 * start.
 */
async function answer(port: number): Promise<void> {
  const head = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
  using socket = await RawSocket.connect(port, head);
  const line = (await socket.readHead()).split("\r\n", 1)[0]!;
  if (line.startsWith("HTTP/1.1 200")) return;
  throw new Error(`Cannot use the server on port ${port}: expected 200, received "${line}"`);
}

async function reachExternal(peer: ExternalPeer): Promise<RunningServer> {
  const { hostname, port, path } = peer;
  try {
    (await Deno.connect({ hostname, port })).close();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Unavailable(`Cannot reach ${peer.name} at ${hostname} port ${port}: ${reason}`);
  }
  return {
    hostname,
    port,
    path,
    pid: undefined,
    version: peer.name,
    startUpMs: undefined,
    log: () => "",
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

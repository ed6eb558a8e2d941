// The trace reader turns the output of strace into steps: changes of the files below a root, and acknowledgements. It
// rejects every call that it cannot replay exactly, so that a recording is complete or refused.
import { Buffer } from "node:buffer";

/** Calls that change files or their names, or carry output. */
const CALLS = "openat,creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate," +
  "fsync,fdatasync,sync_file_range,copy_file_range,sendfile,rename,renameat,renameat2,link,linkat," +
  "unlink,unlinkat,mkdir,mkdirat,rmdir,sendto,sendmsg";

/**
 * Returns a command that runs the command behind it and writes a trace that {@linkcode readTrace} understands.
 * @param killAtSync number of the sync at whose beginning to kill the process; 0 for none
 */
export function makeTracer(file: string, killAtSync = 0): string[] {
  const kill = ["-e", `inject=fsync,fdatasync:signal=SIGKILL:when=${killAtSync}`];
  return [
    "strace",
    "-D", // the traced program stays the child of its caller, which can kill it
    "-f",
    // With a filter in the kernel other calls run at full speed, and strace injects no signals.
    ...killAtSync ? kill : ["--seccomp-bpf"],
    "-qq",
    ...["-e", "signal=none"],
    "-y", // paths of descriptors
    "-xx",
    ...["-s", "16777216"], // whole payloads
    ...["-e", `trace=${CALLS}`],
    ...["-o", file],
  ];
}

/** A change of a file or a folder, by its path below the root. */
export type DiskStep =
  | {
    readonly kind: "write";
    readonly path: string;
    readonly at: number;
    readonly data: Uint8Array;
  }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  | { readonly kind: "create" | "folder" | "unlink" | "sync"; readonly path: string }
  | { readonly kind: "link" | "rename"; readonly path: string; readonly to: string };

/** The bytes of an acknowledgement, handed to a socket. */
export interface AckStep {
  readonly kind: "ack";
  readonly id: string;
  readonly seq: number;
}

/** Any output outside the root, such as a line on a terminal. */
export interface OutputStep {
  readonly kind: "output";
  readonly text: string;
}

export type Step = DiskStep | AckStep | OutputStep;

/** A system call as strace prints it. */
interface Call {
  readonly name: string;
  readonly args: string;
  /** Undefined if the process was killed during the call. */
  readonly result: number | undefined;
  /** Numbers of the lines on which the call began and ended. */
  readonly begin: number;
  readonly end: number;
}

export interface TraceOptions {
  readonly root: string;
  /** Returns what a file contains after the process has ended: decides whether an interrupted call took effect. */
  readonly readFile: (path: string) => Uint8Array;
  /** Text to look for in output outside the root. */
  readonly output?: string;
}

/** Reads the trace of a process that has ended, and returns its steps in their order. */
export async function readTrace(
  lines: AsyncIterable<string>,
  options: TraceOptions,
): Promise<Step[]> {
  const calls = new CallReader();
  const steps: { readonly step: Step; readonly line: number }[] = [];
  let busyUntil = -1;
  const add = (call: Call) => {
    // The bytes may be with the client from the moment at which the call begins.
    for (const step of toOutput(call, options)) steps.push({ step, line: call.begin });
    for (const step of toDisk(call, options)) {
      if (call.begin < busyUntil) {
        throw new Error(`Cannot replay ${call.name}: another call overlaps`);
      }
      busyUntil = call.end;
      steps.push({ step, line: call.end });
    }
  };
  for await (const line of lines) {
    const call = calls.read(line);
    if (call) add(call);
  }
  for (const call of calls.interrupted()) add(call);
  return steps.toSorted((a, b) => a.line - b.line).map(({ step }) => step);
}

/** Joins the halves of calls that others interrupted. */
class CallReader {
  readonly #begun = new Map<string, { readonly text: string; readonly line: number }>();
  #line = 0;

  read(line: string): Call | undefined {
    const number = this.#line++;
    const space = line.indexOf(" ");
    const pid = line.slice(0, space);
    const text = line.slice(space).trimStart();
    if (/^(?:\+\+\+|---)/.test(text)) return undefined;
    // A call of a process that is killed is "detached" if strace learns of the end before it has printed the whole line.
    if (/<(?:unfinished|detached) \.\.\.>(?:\) += \?)?$/.test(text.slice(-40))) {
      const isResumed = text.startsWith("<... "); // its beginning is known
      if (!isResumed) {
        this.#begun.set(pid, { text: text.slice(0, text.lastIndexOf(" <")), line: number });
      }
      return undefined;
    }
    const rest = /^<\.\.\. \w+ resumed>/.exec(text);
    const before = rest ? this.#begun.get(pid) : undefined;
    this.#begun.delete(pid);
    if (rest && !before) throw new Error(`Cannot read the trace: nothing begins "${rest[0]}"`);
    const whole = before ? before.text + text.slice(rest![0].length) : text;
    return parseCall(whole, before?.line ?? number, number);
  }

  /** Returns the calls that never ended. */
  interrupted(): Call[] {
    return [...this.#begun.values()].map(({ text, line }) =>
      parseCall(`${text}) = ?`, line, this.#line)
    );
  }
}

function parseCall(text: string, begin: number, end: number): Call {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(") ");
  const result = /^\) += (-?\d+|\?)/.exec(text.slice(close));
  if (open < 0 || !result) {
    // A buffer in hex would hide the end, which tells the reason.
    throw new Error(`Cannot read the trace: "${text.slice(0, 80)}" … "${text.slice(-120)}"`);
  }
  return {
    name: text.slice(0, open),
    args: text.slice(open + 1, close),
    result: result[1] === "?" ? undefined : Number(result[1]),
    begin,
    end,
  };
}

const OUTPUTS = new Set(["write", "writev", "sendto", "sendmsg"]);
const ACK = '{"type":"ack"';
const ACKS = /\{"type":"ack","id":"([^"]+)","seq":(\d+)\}/g;

function toOutput({ name, args }: Call, { output }: TraceOptions): (AckStep | OutputStep)[] {
  if (!OUTPUTS.has(name)) return [];
  const isOutput = output !== undefined && args.includes(encode(output));
  if (!isOutput && !args.includes(encode(ACK))) return [];
  const text = new TextDecoder().decode(Buffer.concat(strings(args)));
  if (isOutput) return [{ kind: "output", text }];
  return [...text.matchAll(ACKS)]
    .map(([, id, seq]) => ({ kind: "ack", id: id!, seq: Number(seq) }));
}

/** Returns the changes of a call, none if it failed or concerns nothing below the root. */
function toDisk(call: Call, { root, readFile }: TraceOptions): DiskStep[] {
  const { name, args, result } = call;
  if (result !== undefined && result < 0) return [];
  const paths = pathsOf(call).map((path) =>
    path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path === root ? "" : undefined
  );
  // SQLite makes the index of the WAL anew after a crash, and never reads the old one.
  const path = paths.find((path) => path !== undefined && !path.endsWith("-shm"));
  if (path === undefined) return [];
  if (result === undefined) return toInterrupted(call, { path, readFile });
  const last = lastNumber(args);
  switch (name) {
    case "openat": {
      if (!/\bO_(?:CREAT|TRUNC)\b/.test(args)) return [];
      const created: DiskStep[] = [{ kind: "create", path }];
      return /\bO_TRUNC\b/.test(args) ? [...created, { kind: "truncate", path, size: 0 }] : created;
    }
    case "pwrite64":
      return [{
        kind: "write",
        path,
        at: last,
        data: new Uint8Array(strings(args)[0]!.subarray(0, result)),
      }];
    case "ftruncate":
    case "truncate":
      return [{ kind: "truncate", path, size: last }];
    case "fsync":
    case "fdatasync": // it leaves out times only: a size that changed is synced
      return [{ kind: "sync", path }];
    case "mkdir":
    case "mkdirat":
      return [{ kind: "folder", path }];
    case "unlink":
      return [{ kind: "unlink", path }];
    case "link":
    case "linkat":
    case "rename":
      return [{ kind: name === "rename" ? "rename" : "link", path, to: paths.at(-1)! }];
  }
  throw new Error(`Cannot replay ${name} on "${path}"`);
}

/** Returns the change of a call during which the process was killed, as far as it took effect. */
function toInterrupted(
  { name, args }: Call,
  { path, readFile }: { path: string; readFile: TraceOptions["readFile"] },
): DiskStep[] {
  const last = lastNumber(args);
  switch (name) {
    case "fsync":
    case "fdatasync":
      return [];
    case "ftruncate":
      return readFile(path).length === last ? [{ kind: "truncate", path, size: last }] : [];
    case "pwrite64": {
      const data = readFile(path).slice(last, last + strings(args)[0]!.length);
      return data.length > 0 ? [{ kind: "write", path, at: last, data }] : [];
    }
  }
  throw new Error(`Cannot replay ${name} on "${path}": the process was killed during the call`);
}

/** Calls that name files by path, not by descriptor. */
const BY_NAME =
  /^(?:openat|creat|truncate|mkdir|mkdirat|rmdir|unlink|unlinkat|link|linkat|rename\w*)$/;

function pathsOf({ name, args }: Call): string[] {
  if (BY_NAME.test(name)) return strings(args).map((bytes) => bytes.toString());
  return /^\d+<([^>]+)>/.exec(args)?.slice(1).map((hex) => decode(hex).toString()) ?? [];
}

function lastNumber(args: string): number {
  return Number(args.slice(args.lastIndexOf(", ") + 2));
}

/** Returns the strings among arguments. @throws if strace has cut one short. */
function strings(args: string): Buffer[] {
  if (args.includes('"...')) throw new Error("Cannot read the trace: a string was cut short");
  return [...args.matchAll(/"([^"]*)"/g)].map(([, hex]) => decode(hex!));
}

function decode(hex: string): Buffer {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}

function encode(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

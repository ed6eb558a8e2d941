// What other processes use, from /proc. Linux only, and Deno opens /proc only for who has every permission. At once:
// a figure belongs to the moment at which it is asked for.

/** Ticks a second in which /proc counts, whatever the kernel's own. */
const TICKS_PER_SECOND = 100;

/** Largest resident memory of a process so far, in MiB. */
export function peakMemoryMiB(pid: number): number {
  return Math.round(readStatusKiB(pid, "VmHWM") / 1024);
}

/** Memory of a process that is resident now, in KiB. */
export function residentKiB(pid: number): number {
  return readStatusKiB(pid, "VmRSS");
}

/** What a process has used of the processors so far, all its threads together. In steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readProc(pid, "stat");
  // The name of the program comes second, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return (user + system) / TICKS_PER_SECOND;
}

function readStatusKiB(pid: number, name: string): number {
  const status = readProc(pid, "status");
  const kiB = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (!kiB) throw new Error(`Cannot read the memory of process ${pid}: no ${name} in /proc`);
  return Number(kiB);
}

function readProc(pid: number, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch (cause) {
    throw new Error(`Cannot read /proc/${pid}/${file}: ${(cause as Error).message}`, { cause });
  }
}

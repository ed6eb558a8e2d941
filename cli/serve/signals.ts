// Handles the signals of the server: they stop it, or reload its certificate. Installed by main.ts.
import { readCertificate } from "./certificate.ts";
import type { CertificateFiles } from "../config/config.ts";
import type { Log, OpenLog } from "../../base/log.ts";
import type { Listener } from "../../transport/transport.ts";

/** Time for connections to end after a signal. Less than {@linkcode EXIT_DEADLINE_MS}, to leave time for the journal. */
export const GRACE_MS = 3_000;

/** Time from the first signal until the process ends in any case. With the last lines of the log it must stay below 5 s. */
export const EXIT_DEADLINE_MS = 4_000;

/** `deno task` forwards a Ctrl-C that the terminal has also sent. Two signals within this time are one. */
const SAME_SIGNAL_MS = 300;

/** Signals that stop the program. Windows has no SIGTERM. */
const STOP_SIGNALS: Deno.Signal[] = [
  "SIGINT",
  Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM",
];

/** Signals that would end the process by default, but that are sent for other reasons: a terminal closes, a log is rotated. */
const HARMLESS_SIGNALS: Deno.Signal[] = Deno.build.os === "windows"
  ? []
  : ["SIGHUP", "SIGUSR1", "SIGUSR2"];

/** Keeps the process running on signals that do not ask it to end. Call it before anything is opened. */
export function surviveSignals(): void {
  for (const signal of HARMLESS_SIGNALS) Deno.addSignalListener(signal, () => {});
}

/**
 * Reloads the certificate on SIGHUP. One that cannot be used is logged, and the current one stays in use.
 * @param checkFile warns of a key that other users may read
 */
export function reloadOnHangUp(
  files: CertificateFiles,
  { listener, log, checkFile }: {
    readonly listener: Listener;
    readonly log: Log;
    readonly checkFile: (path: string) => void;
  },
): void {
  if (Deno.build.os === "windows") return; // Windows has no SIGHUP
  Deno.addSignalListener("SIGHUP", () => {
    try {
      listener.renew(readCertificate(files));
      log("info", "certificate renewed");
      checkFile(files.key);
    } catch (error) {
      log("error", "certificate not renewed", { error: (error as Error).message });
    }
  });
}

/** Runs `end` on the first signal, then exits with 0. A second signal exits at once, with 130. */
export function stopOnSignal({ log, flush }: OpenLog, end: () => Promise<void>): void {
  let stoppingAtMs: number | undefined;
  const exit = () => flush().finally(() => Deno.exit(0));
  const stop = async () => {
    if (stoppingAtMs !== undefined) {
      if (performance.now() - stoppingAtMs > SAME_SIGNAL_MS) Deno.exit(130);
      return;
    }
    stoppingAtMs = performance.now();
    setTimeout(exit, EXIT_DEADLINE_MS);
    log("info", "stopping");
    await end().finally(exit);
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, stop);
}

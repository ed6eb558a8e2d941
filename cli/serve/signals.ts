// Handles the signals of the server: they stop it, or reload its certificate. Installed by main.ts.
import { readCertificate } from "./certificate.ts";
import type { CertificateFiles } from "../config/config.ts";
import type { Log } from "../../base/log.ts";
import type { Listener } from "../../transport/transport.ts";

/** Time for connections to end after a signal. Less than {@linkcode EXIT_DEADLINE_MS}, to leave time for the journal. */
export const GRACE_MS = 3_000;

/** Time from the first signal until the process ends in any case. Must stay below 5 s. */
export const EXIT_DEADLINE_MS = 4_000;

/** `deno task` forwards a Ctrl-C that the terminal has also sent. Two signals within this time are one. */
const SAME_SIGNAL_MS = 300;

/** Signals that stop the program. Windows has no SIGTERM. */
const STOP_SIGNALS: Deno.Signal[] = [
  "SIGINT",
  Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM",
];

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
export function stopOnSignal(log: Log, end: () => Promise<void>): void {
  let stoppingAt = 0;
  const stop = async () => {
    if (stoppingAt > 0) {
      if (Date.now() - stoppingAt > SAME_SIGNAL_MS) Deno.exit(130);
      return;
    }
    stoppingAt = Date.now();
    setTimeout(() => Deno.exit(0), EXIT_DEADLINE_MS);
    log("info", "stopping");
    await end().finally(() => Deno.exit(0));
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, stop);
}

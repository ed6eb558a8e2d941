// A real browser for tests and screenshots: Debian's Chromium, driven by playwright-core. Talks to loopback only.
import { type Browser, chromium } from "playwright-core";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of the browser, or undefined when this machine has none. `CONFAB_CHROMIUM` names another. */
export function findChromium(): string | undefined {
  const chosen = Deno.env.get("CONFAB_CHROMIUM");
  return (chosen ? [chosen] : CANDIDATES).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Starts the browser. The caller closes it. */
export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

// Waiting for what no selector can say.
import { assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Page } from "playwright-core";
import { within } from "./deadline.ts";

const TIMEOUT_MS = 20_000;

/** Waits until an expression is true in the page. `waitForFunction` would use `eval`, which the page's policy forbids. */
export async function until(page: Page, expression: string): Promise<void> {
  let isOver = false;
  const look = async () => {
    while (!isOver && !await page.evaluate<boolean>(`Boolean(${expression})`)) {
      await delay(10);
    }
  };
  try {
    await within(TIMEOUT_MS, expression, look());
  } finally {
    isOver = true;
  }
}

/** Waits until it is so, wherever that is known. */
export async function eventually(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + TIMEOUT_MS; !await isSo(); await delay(10)) {
    assertLess(Date.now(), end, "waited in vain");
  }
}

/** Waits until nothing waits to be sent, or has failed. */
export function settled(page: Page): Promise<void> {
  return page.locator("#log .state").first().waitFor({ state: "detached" });
}

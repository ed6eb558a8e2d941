import { assertEquals } from "@std/assert";
import { measureGrowth } from "./samples.ts";

Deno.test("measureGrowth() is the slope of the memory over its mean, whatever the noise", () => {
  const sample = { descriptors: 0, sockets: 0, threads: 0 };
  const grow = (perSample: number) =>
    Array.from({ length: 101 }, (_, n) => {
      return { ...sample, atMs: n * 1000, residentMiB: 100 + n * perSample + (n % 2) };
    });
  assertEquals(Math.round(measureGrowth(grow(0)) * 1000), 0);
  assertEquals(Math.round(measureGrowth(grow(0.2)) * 1000), 181); // 20 MiB of 110.5
  assertEquals(Math.round(measureGrowth(grow(-0.2)) * 1000), -221);
  assertEquals(measureGrowth([]), 0);
});

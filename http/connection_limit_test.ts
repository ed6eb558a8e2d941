import { assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import { ConnectionLimit } from "./connection_limit.ts";

Deno.test("ConnectionLimit.acquire() refuses more connections than are allowed, in all and from one address", () => {
  const connectionLimit = new ConnectionLimit({ connections: 4, connectionsPerAddress: 2 });
  const refuse = (key: string) =>
    assertThrows(() => connectionLimit.acquire(key), ChatError, "Too many connections are open");
  const releases = ["a", "a"].map((key) => connectionLimit.acquire(key));
  assertEquals(refuse("a").retryAfterMs, 5000);
  releases.push(...["", ""].map((key) => connectionLimit.acquire(key)));
  refuse("");
  refuse("b");
  releases[0]!();
  releases[0]!(); // once more has no effect: one connection is free, not two
  releases.push(connectionLimit.acquire("a"));
  refuse("a");
  for (const release of releases) release();
  for (const key of ["a", "a", "b", "b"]) connectionLimit.acquire(key);
  refuse("c");
});

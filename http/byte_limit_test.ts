import { assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import { ByteLimit } from "./byte_limit.ts";

Deno.test("ByteLimit.acquire() bounds the bytes of an address and of all, until they are released", () => {
  const limit = new ByteLimit({ bytes: 10, bytesPerAddress: 6 });
  const release = limit.acquire("192.0.2.1", 6);
  assertThrows(() => limit.acquire("192.0.2.1", 1), ChatError);
  const other = limit.acquire("192.0.2.2", 4);
  assertThrows(() => limit.acquire("192.0.2.3", 1), ChatError);
  release();
  release(); // has no effect
  other();
  limit.acquire("", 10)(); // not counted by address
  limit.acquire("192.0.2.1", 6);
  assertThrows(() => limit.acquire("192.0.2.3", 5), ChatError);
});

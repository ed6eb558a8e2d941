// What a command shows a server to be let in. Read before the command gives up its access to files.
import { Buffer } from "node:buffer";
import type { Bearer } from "./config/config.ts";
import { OPERATOR_KEY, PASSWORD, readSecret } from "./secret.ts";

/** Headers of each request. */
export type BearerHeaders = Readonly<Record<string, string>>;

/** @throws {ChatError} `bad_usage` */
export function readBearer(bearer: Bearer | undefined): BearerHeaders {
  if (!bearer) return {};
  const secret = readSecret(bearer.from, bearer.kind === "operator" ? OPERATOR_KEY : PASSWORD);
  // A header's characters are its bytes.
  return { authorization: `Bearer ${Buffer.from(secret).toString("latin1")}` };
}

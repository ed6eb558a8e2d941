// Password compares guesses with a secret that people type: the password or the operator key. On disk it is known by a salted
// scrypt hash, in memory by a keyed hash. Comparing costs microseconds, so that a flood of guesses keeps nobody waiting; the
// authenticator bounds their number.
import { Buffer } from "node:buffer";
import { createHmac, randomBytes, scryptSync, timingSafeEqual } from "node:crypto";

/** N of scrypt. A guess by a reader of the disk costs 32 MiB and about a tenth of a second. */
const HASH_COST = 2 ** 15;

/** Parameters of scrypt. `maxmem`, in bytes, must exceed 128 * N * r. */
const HASH_OPTIONS = { r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Random for each process, so that a fingerprint is worth nothing elsewhere. */
const FINGERPRINT_KEY = randomBytes(32);

/** Stores a secret that can be compared with guesses, but not read. */
export class Password {
  /** Salt and hash. A later start compares it to see whether the secret has changed. */
  readonly verifier: string;
  readonly #fingerprint: Buffer;

  /** Reuses the salt of an earlier verifier, so that the same text yields the same verifier. */
  constructor(
    text: string,
    { earlier = "", cost = HASH_COST }: {
      readonly earlier?: string | undefined;
      readonly cost?: number | undefined;
    } = {},
  ) {
    const [digits = ""] = earlier.split(":");
    const salt = digits ? Buffer.from(digits, "hex") : randomBytes(SALT_BYTES);
    const hash = scryptSync(text, salt, HASH_BYTES, { ...HASH_OPTIONS, N: cost });
    this.verifier = `${salt.toString("hex")}:${hash.toString("hex")}`;
    this.#fingerprint = fingerprint(text);
  }

  /** Returns whether a text is right, in constant time. */
  isRight(text: string): boolean {
    return timingSafeEqual(this.#fingerprint, fingerprint(text));
  }
}

/** Returns a keyed hash of a text: equal for equal texts, but different in another process. */
export function fingerprint(text: string): Buffer {
  return createHmac("sha256", FINGERPRINT_KEY).update(text).digest();
}

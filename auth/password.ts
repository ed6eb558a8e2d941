// Password compares guesses with a secret that people type: the password or the operator key. It stores a salted scrypt hash
// of the secret, and hashes guesses off the main loop.
import { Buffer } from "node:buffer";
import { createHmac, randomBytes, scrypt, scryptSync, timingSafeEqual } from "node:crypto";

/** N of scrypt. A guess costs 32 MiB and about a tenth of a second. */
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
  readonly #salt: Buffer;
  readonly #hash: Buffer;
  readonly #cost: number;
  /** Fingerprint of the right text, once a guess was right. */
  #cached: Buffer | undefined;

  /** Reuses the salt of an earlier verifier, so that the same text yields the same verifier. */
  constructor(
    text: string,
    { earlier = "", cost = HASH_COST }: {
      readonly earlier?: string | undefined;
      readonly cost?: number | undefined;
    } = {},
  ) {
    const [salt = ""] = earlier.split(":");
    this.#cost = cost;
    this.#salt = salt ? Buffer.from(salt, "hex") : randomBytes(SALT_BYTES);
    this.#hash = scryptSync(text, this.#salt, HASH_BYTES, { ...HASH_OPTIONS, N: cost });
    this.verifier = `${this.#salt.toString("hex")}:${this.#hash.toString("hex")}`;
  }

  /** Returns at once whether a text is right and was right before. */
  isCached(text: string): boolean {
    return this.#cached !== undefined && timingSafeEqual(this.#cached, fingerprint(text));
  }

  /** Resolves with whether a text is right. */
  async isRight(text: string): Promise<boolean> {
    if (this.isCached(text)) return true;
    const isRight = timingSafeEqual(await hash(text, this.#salt, this.#cost), this.#hash);
    if (isRight) this.#cached = fingerprint(text);
    return isRight;
  }
}

/** Returns a keyed hash of a text: equal for equal texts, but different in another process. */
export function fingerprint(text: string): Buffer {
  return createHmac("sha256", FINGERPRINT_KEY).update(text).digest();
}

function hash(text: string, salt: Buffer, N: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { ...HASH_OPTIONS, N };
    scrypt(text, salt, HASH_BYTES, options, (error, key) => error ? reject(error) : resolve(key));
  });
}

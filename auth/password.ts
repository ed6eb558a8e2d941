// A secret that people type: the password, or the operator key. What is kept of it is a salted scrypt hash; a guess is
// hashed off the main loop.
import { Buffer } from "node:buffer";
import { createHmac, randomBytes, scrypt, scryptSync, timingSafeEqual } from "node:crypto";

/** N of scrypt: 32 MiB and about a tenth of a second for each guess. */
const HASH_COST = 2 ** 15;

/** Block size, and the most memory: it must exceed 128 * N * r. */
const HASH_OPTIONS = { r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Of this process, so that what is remembered is worth nothing elsewhere. */
const MEMORY_KEY = randomBytes(32);

/** A secret that can be compared with, not read. */
export class Password {
  /** Salt and hash, to tell a later start whether it is still the same. */
  readonly verifier: string;
  readonly #salt: Buffer;
  readonly #hash: Buffer;
  readonly #cost: number;
  /** Of the right text, once somebody has given it. */
  #remembered: Buffer | undefined;

  /** Takes the salt of an earlier verifier, so that the same text has the same one. */
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

  /** Whether it is right, and was so before: at once. */
  isRemembered(text: string): boolean {
    return this.#remembered !== undefined && timingSafeEqual(this.#remembered, remember(text));
  }

  /** Whether it is right. */
  async isRight(text: string): Promise<boolean> {
    if (this.isRemembered(text)) return true;
    const isRight = timingSafeEqual(await hash(text, this.#salt, this.#cost), this.#hash);
    if (isRight) this.#remembered = remember(text);
    return isRight;
  }
}

/** One that differs between processes: equal for equal texts. */
export function remember(text: string): Buffer {
  return createHmac("sha256", MEMORY_KEY).update(text).digest();
}

function hash(text: string, salt: Buffer, N: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { ...HASH_OPTIONS, N };
    scrypt(text, salt, HASH_BYTES, options, (error, key) => error ? reject(error) : resolve(key));
  });
}

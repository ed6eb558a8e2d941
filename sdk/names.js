// Keeps the names of people, and finds those that look alike: `Ann` with a Cyrillic А, `A n n`, `Anп`. Nobody is refused for
// that, because no table is complete and two people may be called the same. Their tags are marked instead.

/** @import { From } from "./types.d.ts" */

/** Maximum number of names to keep. Beyond it all are forgotten. */
const MAX_NAMES = 10_000;

/** Characters of a name that are no letters, and marks that are easily overlooked. Marks of other scripts are vowels. */
const OVERLOOKED = /[^\p{L}\p{M}\p{N}|]|[\u0300-\u036f]/gu;

/**
 * Returns what names that look alike have in common. It is for comparison only, and no name to show.
 * @param {string} name
 * @param {ReadonlyMap<string, string>} lookalikes Latin letters by others that look like them
 */
export function skeletonOf(name, lookalikes) {
  const letters = name.normalize("NFKD").replace(OVERLOOKED, "");
  const skeleton = [...letters].map((letter) => lookalikes.get(letter) ?? letter).join("")
    .toLowerCase()
    .replace(/[i1|]/g, "l").replaceAll("0", "o").replaceAll("rn", "m").replaceAll("vv", "w");
  return skeleton || name;
}

export class Names {
  /** Tags by name, two at most: more do not make it more shared. @type {Map<string, string[]>} */
  #people = new Map();
  /** Skeletons by name. @type {Map<string, string>} */
  #skeletons = new Map();
  /** Tag of the first person by skeleton. @type {Map<string, string>} */
  #tags = new Map();
  /** Skeletons of several people. @type {Set<string>} */
  #shared = new Set();
  #lookalikes;

  /** @param {ReadonlyMap<string, string>} [lookalikes] Latin letters by others that look like them */
  constructor(lookalikes = new Map()) {
    this.#lookalikes = lookalikes;
  }

  /** Whether somebody has a name with letters that the list of lookalikes is needed for, and it is missing. */
  get needsLookalikes() {
    return this.#lookalikes.size === 0 && this.all().some((name) => /[^\0-\x7f]/.test(name));
  }

  all() {
    return [...this.#skeletons.keys()];
  }

  /** Compares all names again, with a list of lookalikes. @param {ReadonlyMap<string, string>} lookalikes */
  compareBy(lookalikes) {
    this.#lookalikes = lookalikes;
    const people = [...this.#people];
    this.#clear();
    for (const [name, tags] of people) for (const tag of tags) this.add({ name, tag });
  }

  /**
   * Adds a person. Returns whether names that were one person's so far are several people's from now on.
   * @param {From} person
   */
  add({ name, tag }) {
    const tags = this.#people.get(name) ?? [];
    if (tags.length > 1 || tags.includes(tag)) return false;
    if (this.#people.size >= MAX_NAMES) this.#clear();
    const skeleton = this.#skeletonOf(name);
    this.#people.set(name, [...tags, tag]);
    this.#skeletons.set(name, skeleton);
    const first = this.#tags.get(skeleton);
    if (first === undefined) this.#tags.set(skeleton, tag);
    if (first === undefined || first === tag || this.#shared.has(skeleton)) return false;
    this.#shared.add(skeleton);
    return true;
  }

  /** Whether several people have this name, or one that looks like it. @param {string} name */
  isShared(name) {
    return this.#shared.has(this.#skeletonOf(name));
  }

  /** @param {string} name */
  #skeletonOf(name) {
    return this.#skeletons.get(name) ?? skeletonOf(name, this.#lookalikes);
  }

  #clear() {
    this.#people.clear();
    this.#skeletons.clear();
    this.#tags.clear();
    this.#shared.clear();
  }
}

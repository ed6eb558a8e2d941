// Keeps the names of people, and finds those that look alike: `Ann` with a Cyrillic А, `A n n`, `Anп`. Nobody is refused for
// that, because no table is complete and two people may be called the same. Their tags are marked instead.

/** @import { From } from "./types.d.ts" */

/** Maximum number of names to keep. Beyond it all are forgotten. */
const MAX_NAMES = 10_000;

/**
 * Letters that look like a Latin one, behind it: Latin, Cyrillic, Greek, Armenian, Cherokee, Lisu, Coptic. Derived from
 * Unicode's confusables.txt (UTS #39, version 14). An l stands for an i as well.
 */
const ALIKE = `
  aɑАаΑαᎪꓮ
  bƀƂƃƄɓꞴБВЬѢѣҌҍΒᏏᏴꓐ
  cȼᴄСсҪҫᏟꮯꓚⲤⲥ
  dÐĐđƉƌɖɗԁᎠᏧꓒꓓ
  eɆɇꬲЕеҽҿΕᎬꓰ
  fƑƒᵮẝꞘꞙꬵϜքꓝ
  gƍǤǥɠɡᶃԌցᏀᏳꓖ
  hĦħɦⱧНћҢһӇӉꚕΗհᎻᏂᏲꓧⲎ
  jɈɉꞲЈјͿϳᎫꓙ
  kƙⱩꝀКҚҞΚᏦꓗⲔ
  lıŁłƖƗƚǀɨɩɪɫɭᵻᵼІіӀӏꙇΙιᎥᏞꭵꓡꓲⲒⳐ
  mМӍΜϺᎷꓟⲘ
  nƝƞɳᵰΝηոռꓠⲚ
  oØøƟɵᴏᴑꝊꝋꬽꬾОоѲѳӨөΘΟθοσՕօᎾᏫꭴꮎꮻꓳⲞⲟ
  pƥᵽРрΡρᏢꓑⲢⲣ
  qʠԛգզ
  rƦɍɼɽᵲꭇꭈгғᴦᎡᏒꮁꓣⲅ
  sƽʂᵴꜱЅѕՏᏕᏚꮪꓢ
  tŦŧƭƮȾᵵТҬΤᎢꓔⲦ
  uɄʋᴜᵾꞟꭎꭒυՍսᏌꮜꓴ
  vᴠѴѵνᏙꮩꓦ
  wɯᴡꝡѡѽԜԝաᎳᏔꮃꓪ
  xꞳХхҲΧꓫⲬ
  yƴɎɏɣʏᶌỿꭚУуҮүҰұΥγᎩᎽꓬⲨ
  zƵƶȤȥʐᴢᵶΖᏃꮓꓜ
`;

const LATIN = new Map(
  ALIKE.trim().split(/\s+/).flatMap(([latin = "", ...others]) =>
    others.map((other) => /** @type {[string, string]} */ ([other, latin]))
  ),
);

/** Characters of a name that are no letters, and marks that are easily overlooked. Marks of other scripts are vowels. */
const OVERLOOKED = /[^\p{L}\p{M}\p{N}|]|[\u0300-\u036f]/gu;

/**
 * Returns what names that look alike have in common. It is for comparison only, and no name to show.
 * @param {string} name
 */
export function skeletonOf(name) {
  const letters = name.normalize("NFKD").replace(OVERLOOKED, "");
  const skeleton = [...letters].map((letter) => LATIN.get(letter) ?? letter).join("").toLowerCase()
    .replace(/[i1|]/g, "l").replaceAll("0", "o").replaceAll("rn", "m").replaceAll("vv", "w");
  return skeleton || name;
}

export class Names {
  /** Skeletons by name. @type {Map<string, string>} */
  #skeletons = new Map();
  /** Tag of the first person by skeleton. @type {Map<string, string>} */
  #tags = new Map();
  /** Skeletons of several people. @type {Set<string>} */
  #shared = new Set();

  all() {
    return [...this.#skeletons.keys()];
  }

  /**
   * Adds a person. Returns whether names that were one person's so far are several people's from now on.
   * @param {From} person
   */
  add({ name, tag }) {
    if (this.#skeletons.size >= MAX_NAMES) this.#clear();
    const skeleton = this.#skeletonOf(name);
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
    return this.#skeletons.get(name) ?? skeletonOf(name);
  }

  #clear() {
    this.#skeletons.clear();
    this.#tags.clear();
    this.#shared.clear();
  }
}

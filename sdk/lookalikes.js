// Lists letters that look like Latin ones. Loaded when somebody has a name with other letters than those of ASCII.

/**
 * Latin letters, each followed by those that look like it: Latin, Cyrillic, Greek, Armenian, Cherokee, Lisu, Coptic. Derived from
 * Unicode's confusables.txt (UTS #39, version 14). An l stands for an i as well.
 */
const ALIKE = [
  "aɑАаΑαᎪꓮ",
  "bƀƂƃƄɓꞴБВЬѢѣҌҍΒᏏᏴꓐ",
  "cȼᴄСсҪҫᏟꮯꓚⲤⲥ",
  "dÐĐđƉƌɖɗԁᎠᏧꓒꓓ",
  "eɆɇꬲЕеҽҿΕᎬꓰ",
  "fƑƒᵮẝꞘꞙꬵϜքꓝ",
  "gƍǤǥɠɡᶃԌցᏀᏳꓖ",
  "hĦħɦⱧНћҢһӇӉꚕΗհᎻᏂᏲꓧⲎ",
  "jɈɉꞲЈјͿϳᎫꓙ",
  "kƙⱩꝀКҚҞΚᏦꓗⲔ",
  "lıŁłƖƗƚǀɨɩɪɫɭᵻᵼІіӀӏꙇΙιᎥᏞꭵꓡꓲⲒⳐ",
  "mМӍΜϺᎷꓟⲘ",
  "nƝƞɳᵰΝηոռꓠⲚ",
  "oØøƟɵᴏᴑꝊꝋꬽꬾОоѲѳӨөΘΟθοσՕօᎾᏫꭴꮎꮻꓳⲞⲟ",
  "pƥᵽРрΡρᏢꓑⲢⲣ",
  "qʠԛգզ",
  "rƦɍɼɽᵲꭇꭈгғᴦᎡᏒꮁꓣⲅ",
  "sƽʂᵴꜱЅѕՏᏕᏚꮪꓢ",
  "tŦŧƭƮȾᵵТҬΤᎢꓔⲦ",
  "uɄʋᴜᵾꞟꭎꭒυՍսᏌꮜꓴ",
  "vᴠѴѵνᏙꮩꓦ",
  "wɯᴡꝡѡѽԜԝաᎳᏔꮃꓪ",
  "xꞳХхҲΧꓫⲬ",
  "yƴɎɏɣʏᶌỿꭚУуҮүҰұΥγᎩᎽꓬⲨ",
  "zƵƶȤȥʐᴢᵶΖᏃꮓꓜ",
  "),",
];

/** Maps each letter to the Latin one that it looks like. @type {ReadonlyMap<string, string>} */
export const LOOKALIKES = new Map(
  ALIKE.flatMap(([latin = "", ...others]) =>
    others.map((other) => /** @type {[string, string]} */ ([other, latin]))
  ),
);

import { assertEquals } from "@std/assert";
import { LOOKALIKES } from "./lookalikes.js";
import { Names, skeletonOf as compare } from "./names.js";

const skeletonOf = (name: string) => compare(name, LOOKALIKES);

Deno.test("skeletonOf() is one for names that look alike, and another one for others", () => {
  const alike = [
    [
      "Ann",
      "ann",
      "A n n",
      "Ann.",
      "Ánn",
      "\u0410nn",
      "\u0391n\u057c",
      "Ａnn",
      "\u{1d400}nn",
      "Anո",
    ],
    ["Illya", "lllya", "1llya", "|IIya", "\u0406\u04cf\u2c92\u0443\u0430", "İllya"],
    ["Bob", "\u0412ob", "B0b", "B\u043eb", "B\u03bfb", "\ua4d0ob"],
    ["modem", "modern", "rnodem"],
  ];
  for (const names of alike) {
    assertEquals(names.map(skeletonOf), names.map(() => skeletonOf(names[0]!)));
  }
  const others = ["Ann", "Anna", "Ben", "राम", "रमा", "👩‍💻", "👩‍🔬", "علی", "阿安", ""];
  assertEquals(new Set(others.map(skeletonOf)).size, others.length);
});

Deno.test("Names tells when a name has become several people's, once, and forgets when it has too many", () => {
  const names = new Names(LOOKALIKES);
  const add = (name: string, tag: string) => names.add({ name, tag });
  assertEquals([add("Ann", "aaaaaa"), add("ann", "aaaaaa"), add("Ben", "bbbbbb")], [
    false,
    false,
    false,
  ]);
  assertEquals(names.isShared("Ann"), false);
  assertEquals(["cccccc", "dddddd"].map((tag) => add("\u0410nn", tag)), [true, false]);
  assertEquals(["Ann", "A-n-n", "\u0410nn", "Ben"].map((name) => names.isShared(name)), [
    true,
    true,
    true,
    false,
  ]);
  assertEquals(names.all(), ["Ann", "ann", "Ben", "\u0410nn"]);
  for (let n = 0; n < 10_000; n++) add(`name ${n.toString(36)}`, `${n}`);
  assertEquals(names.all().length < 10_000, true);
  assertEquals(names.isShared("Ann"), false);
});

Deno.test("Names compares names again when it gets the list of lookalikes, which ASCII does not need", () => {
  const names = new Names();
  names.add({ name: "Ann", tag: "aaaaaa" });
  names.add({ name: "A-n-n", tag: "aaaaaa" });
  assertEquals(names.needsLookalikes, false);
  names.add({ name: "\u0410nn", tag: "cccccc" });
  assertEquals([names.needsLookalikes, names.isShared("Ann")], [true, false]);
  names.compareBy(LOOKALIKES);
  assertEquals([names.needsLookalikes, names.isShared("Ann")], [false, true]);
});

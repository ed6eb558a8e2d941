import { assertEquals } from "@std/assert";
import { type DialectName, DIALECTS } from "./dialects.ts";
import { LineFinder } from "./finder.ts";
import { firstLine, LINE_BYTES } from "./line.ts";

/** Returns the lines and the other texts, in order, that a dialect finds in messages that arrive in these pieces. */
function find(dialect: DialectName, pieces: readonly (readonly [text: string, isLast: boolean])[]) {
  const seen: string[] = [];
  const decoder = new TextDecoder();
  const finder = new LineFinder(DIALECTS[dialect], {
    line: ({ bytes }, at) => seen.push(decoder.decode(bytes.subarray(at, at + LINE_BYTES))),
    other: ({ bytes, from, to }) => seen.push(`other ${decoder.decode(bytes.subarray(from, to))}`),
  });
  for (const [text, isLast] of pieces) {
    // The bytes around a piece belong to another message.
    const bytes = new TextEncoder().encode(`\n${text}\n`);
    finder.take({ bytes, from: 1, to: bytes.length - 1, isLast });
  }
  return seen;
}

const entry = (seq: number, text: string) =>
  `{"type":"entry","seq":${seq},"id":"5f0c","kind":"say","from":{"name":"Ann","tag":"k3f9"},` +
  `"at":1790000000000,"text":"${text}"}`;

const ACK = '{"type":"ack","id":"5f0c","seq":9}';

/** A message of each dialect, and the texts in it. */
const MESSAGES: Record<string, { dialect: DialectName; text: string; found: string[] }> = {
  "lines": {
    dialect: "lines",
    text: [firstLine(1), "here", "", firstLine(2), firstLine(3)].join("\n"),
    found: [firstLine(1), "other here", "other ", firstLine(2), firstLine(3)],
  },
  "confab.v1, with a longer seq on the way": {
    dialect: "confab.v1",
    text: [
      entry(9, firstLine(1)),
      ACK,
      entry(10, firstLine(2)),
      entry(11, firstLine(3)),
      entry(12, "hi"),
    ].join(
      "\n",
    ),
    found: [firstLine(1), `other ${ACK}`, firstLine(2), firstLine(3), `other ${entry(12, "hi")}`],
  },
  "socket.io": {
    dialect: "socket.io",
    text: `42["line","${firstLine(1)}"]`,
    found: [firstLine(1)],
  },
  "socket.io, an acknowledgement": {
    dialect: "socket.io",
    text: "4312[]",
    found: ["other 4312[]"],
  },
};

for (const [name, { dialect, text, found }] of Object.entries(MESSAGES)) {
  Deno.test(`LineFinder.take() finds the lines of ${name}, split at every byte`, () => {
    assertEquals(find(dialect, [[text, true]]), found);
    for (let cut = 0; cut <= text.length; cut++) {
      const pieces = [[text.slice(0, cut), false], [text.slice(cut), true]] as const;
      assertEquals(find(dialect, pieces), found, `cut at ${cut}`);
    }
    const singles = Array.from(text, (char, at) => [char, at === text.length - 1] as const);
    assertEquals(find(dialect, singles), found, "cut everywhere");
  });

  Deno.test(`LineFinder.take() finds them in one message of ${name} after the other`, () => {
    assertEquals(find(dialect, [[text, true], [text, true]]), [...found, ...found]);
  });
}

Deno.test("LineFinder.take() ignores a text of confab.v1 that only ends like a line", () => {
  const page = `{"type":"page","before":43,"entries":[],"text":"${firstLine(1)}"}`;
  assertEquals(find("confab.v1", [[page, true]]), [`other ${page}`]);
});

Deno.test("DIALECTS answer the server's handshake before the chat", () => {
  const answer = (dialect: DialectName, text: string) => {
    const bytes = new TextEncoder().encode(text);
    return DIALECTS[dialect].answer({ bytes, from: 0, to: bytes.length });
  };
  assertEquals(answer("socket.io", '0{"sid":"x","pingInterval":25000}'), { reply: "40" });
  assertEquals(answer("socket.io", '40{"sid":"y"}'), { isReady: true });
  assertEquals(answer("socket.io", "2"), { reply: "3" });
  assertEquals(answer("socket.io", "430[]"), undefined);
  assertEquals(answer("confab.v1", '{"type":"welcome","head":4}'), { isReady: true });
  assertEquals(answer("confab.v1", ACK), undefined);
});

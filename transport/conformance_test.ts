// The cases of the Autobahn test suite, families 1 to 7 and 9, with frames of our own, on every transport. `DIFFERENCES` lists
// what the transport `deno` does instead of what RFC 6455 asks, and docs/operating.md repeats the list.
import { assert, assertEquals } from "@std/assert";
import { within } from "../tests/support/deadline.ts";
import { RawSocket } from "../tests/support/raw_socket.ts";
import { isLonger } from "../protocol/plain_lines.ts";
import { Frame } from "../protocol/frame.ts";
import { listenDeno } from "./deno.ts";
import type { Handler } from "./transport.ts";
import { listenWs } from "./ws.ts";

const MAX_MESSAGE_BYTES = 128 * 1024;
const CASE_WAIT_MS = 10_000;

/** First bytes of frames. */
const FIN = 0x80;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10] as const;

interface Case {
  readonly name: string;
  readonly bytes: readonly Uint8Array[];
  /** Bytes of one write. Undefined: everything at once. */
  readonly chop?: number;
  /** Answers in order, then the code of the close frame, or `cut` if the connection ends without one. */
  readonly expected: readonly string[];
}

/** Behaviour of the transport `deno` that cannot be changed from outside of Deno. */
interface Difference {
  /** Names of the cases that fail. */
  readonly cases: RegExp;
  readonly what: string;
  readonly rfc: string;
  readonly deno: string;
  readonly outcome: (expected: readonly string[], name: string) => readonly string[];
}

const encoder = new TextEncoder();

function toBytes(payload: Uint8Array | string): Uint8Array {
  return typeof payload === "string" ? encoder.encode(payload) : payload;
}

/** Returns a frame, masked unless told otherwise. */
function frame(first: number, payload: Uint8Array | string = "", isMasked = true): Uint8Array {
  const data = toBytes(payload);
  const mask = isMasked ? [0x37, 0xfa, 0x21, 0x3d] : [];
  const { length } = data;
  const size = length < 126
    ? [length]
    : length < 65536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, length >>> 24, length >> 16 & 255, length >> 8 & 255, length & 255];
  if (isMasked) size[0]! |= 0x80;
  const head = [first, ...size, ...mask];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  data.forEach((byte, n) => bytes[head.length + n] = isMasked ? byte ^ mask[n % 4]! : byte);
  return bytes;
}

const text = (payload: Uint8Array | string) => frame(FIN | TEXT, payload);
const close = (code: number, reason: Uint8Array | string = "") =>
  frame(FIN | CLOSE, Uint8Array.of(code >> 8, code & 255, ...toBytes(reason)));
const hex = (digits: string) => Uint8Array.fromHex(digits.replaceAll(" ", ""));

/** Returns a message in fragments of `size` bytes. */
function fragments(payload: Uint8Array, size: number, opcode: number = TEXT): Uint8Array[] {
  const count = Math.max(1, Math.ceil(payload.length / size));
  return Array.from({ length: count }, (_, n) => {
    const first = (n === 0 ? opcode : CONTINUATION) | (n === count - 1 ? FIN : 0);
    return frame(first, payload.subarray(n * size, (n + 1) * size));
  });
}

/** Describes a message as the server answers it. Long ones are shortened. */
function show(kind: string, payload: Uint8Array | string): string {
  const bytes = toBytes(payload);
  if (bytes.length <= 60) return `${kind} ${new TextDecoder().decode(bytes)}`;
  return `${kind} of ${bytes.length} bytes, sum ${bytes.reduce((sum, byte) => sum + byte, 0)}`;
}

const echo = (payload: Uint8Array | string) => show("text", payload);
const pong = (payload: Uint8Array | string) => show("pong", payload);

/** Ends with a close frame of the client, and its answer. */
function works(
  name: string,
  bytes: readonly Uint8Array[],
  expected: readonly string[],
  options: Pick<Case, "chop"> = {},
): Case {
  return { name, bytes: [...bytes, close(1000)], expected: [...expected, "1000"], ...options };
}

/** Ends with a close frame of the server, before that of the client counts. */
function fails(
  name: string,
  bytes: readonly Uint8Array[],
  code: number,
  { before = [], ...options }: Pick<Case, "chop"> & { before?: readonly string[] } = {},
): Case {
  return { name, bytes: [...bytes, close(1000)], expected: [...before, `${code}`], ...options };
}

const SIZES = [0, 125, 126, 127, 128, 65535, 65536];
const x = (length: number) => "x".repeat(length);
const KUHN = "κόσμε, Hello-µ@ßöäüàá-UTF-8!!";

const FAMILIES: Readonly<Record<string, readonly Case[]>> = {
  "1, framing": [
    ...SIZES.map((size) => works(`text of ${size}`, [text(x(size))], [echo(x(size))])),
    works("text of 65536, chopped", [text(x(65536))], [echo(x(65536))], { chop: 997 }),
    ...SIZES.map((size) =>
      works(`binary of ${size}`, [frame(FIN | BINARY, x(size))], [echo(`binary ${size}`)])
    ),
  ],
  "2, pings and pongs": [
    ...["", "Hello, world!", x(125)].map((payload) =>
      works(`ping of ${payload.length}`, [frame(FIN | PING, payload)], [pong(payload)])
    ),
    works("ping, byte by byte", [frame(FIN | PING, x(125))], [pong(x(125))], { chop: 1 }),
    fails("ping of 126", [frame(FIN | PING, x(126))], 1002),
    works("unsolicited pongs", [frame(FIN | PONG), frame(FIN | PONG, "pong"), text("hi")], [
      echo("hi"),
    ]),
    works(
      "ten pings",
      Array.from({ length: 10 }, (_, n) => frame(FIN | PING, `${n}`)),
      Array.from({ length: 10 }, (_, n) => pong(`${n}`)),
    ),
  ],
  "3, reserved bits": [
    ...[0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70].map((bits) =>
      fails(`bits ${bits >> 4}`, [text("first"), frame(FIN | bits | TEXT, "hi")], 1002, {
        before: [echo("first")],
      })
    ),
    fails("in a binary frame", [frame(FIN | 0x10 | BINARY, "hi")], 1002),
    fails("in a ping", [frame(FIN | 0x20 | PING, "hi")], 1002),
    fails("in a close frame", [frame(FIN | 0x40 | CLOSE, hex("03e8"))], 1002),
    fails("byte by byte", [frame(FIN | 0x40 | TEXT, "hi")], 1002, { chop: 1 }),
  ],
  "4, opcodes": [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    fails(`opcode ${opcode}`, [text("first"), frame(FIN | opcode, "hi"), frame(FIN | PING)], 1002, {
      before: [echo("first")],
    })
  ),
  "5, fragments": [
    fails("ping in fragments", [frame(PING, "a"), frame(FIN | CONTINUATION, "b")], 1002),
    fails("pong in fragments", [frame(PONG, "a"), frame(FIN | CONTINUATION, "b")], 1002),
    works("two", fragments(encoder.encode("ab"), 1), [echo("ab")]),
    works("two, byte by byte", fragments(encoder.encode("ab"), 1), [echo("ab")], { chop: 1 }),
    works(
      "a ping between",
      [frame(TEXT, "a"), frame(FIN | PING, "p"), frame(FIN | CONTINUATION, "b")],
      [pong("p"), echo("ab")],
    ),
    works(
      "a pong between",
      [frame(TEXT, "a"), frame(FIN | PONG, "p"), frame(FIN | CONTINUATION, "b")],
      [echo("ab")],
    ),
    fails("a continuation of nothing", [frame(FIN | CONTINUATION, "a"), text("b")], 1002),
    fails("a continuation of nothing, not final", [frame(CONTINUATION, "a"), text("b")], 1002),
    fails(
      "a continuation behind a message",
      [
        ...fragments(encoder.encode("ab"), 1),
        frame(FIN | CONTINUATION, "c"),
      ],
      1002,
      { before: [echo("ab")] },
    ),
    fails("a message within a message", [frame(TEXT, "a"), text("b")], 1002),
    fails("a binary message within a text", [frame(TEXT, "a"), frame(FIN | BINARY, "b")], 1002),
    works("five, and pings between", [
      frame(TEXT, "1"),
      frame(CONTINUATION, "2"),
      frame(FIN | PING, "p"),
      frame(CONTINUATION, "3"),
      frame(CONTINUATION, "4"),
      frame(FIN | PING, "q"),
      frame(FIN | CONTINUATION, "5"),
    ], [pong("p"), pong("q"), echo("12345")]),
    fails("an unmasked frame", [frame(FIN | TEXT, "hi", false)], 1002),
    fails("an unmasked frame of nothing", [frame(FIN | TEXT, "", false)], 1002),
  ],
  "6, UTF-8": [
    works("three empty fragments", [
      frame(TEXT),
      frame(CONTINUATION),
      frame(FIN | CONTINUATION),
    ], [echo("")]),
    works("an empty fragment on either side", [
      frame(TEXT),
      frame(CONTINUATION, "mid"),
      frame(FIN | CONTINUATION),
    ], [echo("mid")]),
    works("whole", [text(KUHN)], [echo(KUHN)]),
    works("fragments of one byte", fragments(encoder.encode(KUHN), 1), [echo(KUHN)]),
    works("byte by byte", [text(KUHN)], [echo(KUHN)], { chop: 1 }),
    ...[
      "00",
      "7f",
      "c2 80",
      "df bf",
      "e0 a0 80",
      "ef bf bf",
      "ef bf be",
      "f0 90 80 80",
      "f4 8f bf bf",
      "ed 9f bf",
      "ee 80 80",
      "ef bf bd",
      "ef bb bf 78",
    ].map((bytes) => works(bytes, [text(hex(bytes))], [`text ${showHex(hex(bytes))}`])),
    ...[
      "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65",
      "ce",
      "ce ba e1",
      "80",
      "bf",
      "80 bf 80",
      "c0 af",
      "c1 bf",
      "e0 80 af",
      "e0 9f bf",
      "f0 80 80 af",
      "f0 8f bf bf",
      "f4 90 80 80",
      "f8 88 80 80 80",
      "fc 84 80 80 80 80",
      "ed a0 80",
      "ed bf bf",
      "ed a0 80 ed b0 80",
      "fe",
      "ff",
      "ff fe",
    ].flatMap((bytes) => [
      fails(`invalid ${bytes}`, [text(hex(bytes))], 1007),
      fails(`invalid ${bytes}, in fragments`, fragments(hex(bytes + "78"), 1), 1007),
    ]),
  ],
  "7, closing": [
    works("behind a message", [text("hi")], [echo("hi")]),
    { name: "twice", bytes: [close(1000), close(1000)], expected: ["1000"] },
    {
      name: "with a ping behind",
      bytes: [close(1000), frame(FIN | PING, "late")],
      expected: ["1000"],
    },
    { name: "with a text behind", bytes: [close(1000), text("late")], expected: ["1000"] },
    {
      name: "within a message",
      bytes: [frame(TEXT, "a"), close(1000), frame(FIN | CONTINUATION, "b")],
      expected: ["1000"],
    },
    { name: "without a code", bytes: [frame(FIN | CLOSE)], expected: ["no code"] },
    fails("half a code", [frame(FIN | CLOSE, hex("03"))], 1002),
    { name: "a long reason", bytes: [close(1000, x(123))], expected: ["1000"] },
    fails("a reason that is too long", [close(1000, x(124))], 1002),
    fails("a reason that is no UTF-8", [close(1000, hex("ce ba e1"))], 1007),
    ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((
      code,
    ) => ({
      name: `code ${code}`,
      bytes: [close(code)],
      expected: [`${code}`],
    })),
    ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535].map((code) =>
      fails(`code ${code}`, [close(code)], 1002)
    ),
  ],
  "9, limits": [
    works("the largest message", [text(x(MAX_MESSAGE_BYTES))], [echo(x(MAX_MESSAGE_BYTES))]),
    ...[1024, 4096, 65536].map((size) =>
      works(
        `the largest message in fragments of ${size}`,
        fragments(encoder.encode(x(MAX_MESSAGE_BYTES)), size),
        [echo(x(MAX_MESSAGE_BYTES))],
      )
    ),
    ...[64, 1460].map((chop) =>
      works(`the largest message in writes of ${chop}`, [text(x(MAX_MESSAGE_BYTES))], [
        echo(x(MAX_MESSAGE_BYTES)),
      ], { chop })
    ),
    works(
      "1,000 messages",
      Array.from({ length: 1000 }, (_, n) => text(`${n}`)),
      Array.from({ length: 1000 }, (_, n) => echo(`${n}`)),
    ),
    { name: "one byte more", bytes: [text(x(MAX_MESSAGE_BYTES + 1))], expected: ["1009"] },
    {
      name: "one byte more in fragments",
      bytes: fragments(encoder.encode(x(MAX_MESSAGE_BYTES + 1)), 4096),
      expected: ["1009"],
    },
    fails("129 fragments of one byte", fragments(encoder.encode(x(129)), 1), 1009),
  ],
};

/** Behaviour of the transport `deno` instead. */
const DIFFERENCES: readonly Difference[] = [
  {
    cases: /^an unmasked frame/,
    what: "Frame that is not masked",
    rfc: "close code 1002",
    deno: "accepted",
    outcome: (_, name) => [name.endsWith("nothing") ? "text " : "text hi", "1000"],
  },
  {
    cases: /^a reason that is too long$/,
    what: "Close frame of more than 125 bytes",
    rfc: "close code 1002",
    deno: "accepted",
    outcome: () => ["1000"],
  },
  {
    cases: /^129 fragments/,
    what: "Fragments of a message",
    rfc: "close code 1009 above a limit of the server",
    deno: "any number",
    outcome: () => ["text of 129 bytes, sum 15480", "1000"],
  },
  {
    cases: /^invalid|no UTF-8$/,
    what: "Text or reason that is not UTF-8",
    rfc: "close code 1007",
    deno: "connection cut without a close frame",
    outcome: cut,
  },
  {
    cases:
      /^(ping of 126|bits \d|in a .*|byte by byte|opcode \d+|p[io]ng in fragments|a continuation .*|a .*message within .*|half a code)$/,
    what: "Other frame that is not allowed",
    rfc: "close code 1002",
    deno: "connection cut without a close frame",
    outcome: cut,
  },
];

function cut(expected: readonly string[]): string[] {
  return [...expected.slice(0, -1), "cut"];
}

function expectOfDeno({ name, expected }: Case): readonly string[] {
  const isFault = /^100[27]$/.test(expected.at(-1)!) || name.startsWith("129");
  const difference = isFault ? DIFFERENCES.find(({ cases }) => cases.test(name)) : undefined;
  return difference?.outcome(expected, name) ?? expected;
}

Deno.test("docs/operating.md lists how the transport deno differs from RFC 6455", async () => {
  const text = await Deno.readTextFile(new URL("../docs/operating.md", import.meta.url));
  const rows = text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()).join(" | "));
  for (const { what, rfc, deno } of DIFFERENCES) {
    assert(rows.includes(`${what} | ${rfc} | ${deno}`), what);
  }
});

function showHex(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Answers each message with its text, and bounds it as every handler does: not all transports can. */
const answering: Handler = (_request, peer) =>
  peer.upgrade("", (connection) =>
    connection.listen({
      onMessage(data) {
        if (isLonger(data, MAX_MESSAGE_BYTES)) return connection.close(1009, "");
        connection.send(new Frame(typeof data === "string" ? data : `binary ${data.byteLength}`));
      },
      onClose: () => {},
    }));

/** Sends the bytes of a case and returns what came back. */
async function play(port: number, { bytes, chop = Infinity }: Case): Promise<string[]> {
  using socket = await RawSocket.open(port);
  const answers: string[] = [];
  const reading = (async () => {
    for (let next; (next = await socket.readFrame());) {
      const { opcode, payload } = next;
      if (opcode === CLOSE) {
        answers.push(payload.length < 2 ? "no code" : `${payload[0]! * 256 + payload[1]!}`);
        return;
      }
      if (opcode === TEXT && payload.length <= 60) answers.push(`text ${showHex(payload)}`);
      else answers.push(show(opcode === TEXT ? "text" : opcode === PONG ? "pong" : "?", payload));
    }
    answers.push("cut");
  })();
  const whole = Uint8Array.from(bytes.flatMap((part) => [...part]));
  try {
    for (let at = 0; at < whole.length; at += chop) {
      await socket.write(whole.subarray(at, Math.min(at + chop, whole.length)));
    }
  } catch { /* the server has ended the connection */ }
  await within(CASE_WAIT_MS, "the end", reading).catch(() => answers.push("open"));
  return answers;
}

const TRANSPORTS = { deno: listenDeno, ws: listenWs };

for (const [name, listen] of Object.entries(TRANSPORTS)) {
  for (const [family, cases] of Object.entries(FAMILIES)) {
    Deno.test(`transport ${name} passes the WebSocket conformance cases of family ${family}`, async () => {
      const listener = await listen(answering, {
        hostname: "127.0.0.1",
        port: 0,
        pongWaitMs: 33_000,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        headWaitMs: 5_000,
        log: () => {},
      });
      try {
        for (const each of cases) {
          const expected = name === "deno" ? expectOfDeno(each) : each.expected;
          assertEquals(await play(listener.port, each), expected, each.name);
        }
      } finally {
        await listener.stop(0);
      }
    });
  }
}

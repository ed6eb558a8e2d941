import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

/** Returns the message that a failed assertion has. */
function messageOf(fn: () => unknown): string {
  const error = assertThrows(fn, Error);
  assertStrictEquals(error.name, "AssertionError");
  return error.message;
}

class Account {
  readonly #balance: number;
  constructor(balance: number) {
    this.#balance = balance;
  }
  get balance(): number {
    return this.#balance;
  }
}

Deno.test("assertEquals() compares structure", () => {
  const circle: Record<string, unknown> = { a: 1 };
  circle["self"] = circle;
  const other: Record<string, unknown> = { a: 1 };
  other["self"] = other;
  const cases: [unknown, unknown, boolean][] = [
    [0, -0, true],
    [NaN, NaN, true],
    [1, "1", false],
    [null, undefined, false],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, true],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [[1, 2], [2, 1], false],
    [[1], { 0: 1 }, false],
    [{ a: undefined }, {}, false],
    [{ a: undefined }, { b: undefined }, false],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }, true],
    [circle, other, true],
    [new Date(5), new Date(5), true],
    [new Date(5), new Date(6), false],
    [new Date(NaN), new Date(NaN), true],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2]), true],
    [new Uint8Array([1, 2]), new Uint8Array([1, 3]), false],
    [new Uint8Array([1]), new Int8Array([1]), false],
    [new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]]), true],
    [new Map([["a", 1]]), new Map([["a", 2]]), false],
    [new Set([{ a: 1 }, 2]), new Set([2, { a: 1 }]), true],
    [new Set([1]), new Set([2]), false],
    [/a/g, /a/g, true],
    [/a/g, /a/i, false],
    [new URL("http://a/b"), new URL("http://a/b"), true],
    [new URL("http://a/b"), new URL("http://a/c"), false],
    [new Account(1), new Account(1), true],
    [new Account(1), new Account(2), false],
    [() => 1, () => 1, false],
    [{ [Symbol.iterator]: 1 }, {}, false],
  ];
  for (const [i, [actual, expected, isEqual]] of cases.entries()) {
    for (const pair of [[actual, expected], [expected, actual]] as const) {
      let hasFailed = false;
      try {
        assertEquals(pair[0], pair[1]);
      } catch {
        hasFailed = true;
      }
      assert(hasFailed !== isEqual, `row ${i}`);
    }
  }
});

Deno.test("assertions report the difference, and the test's own message", () => {
  assertStringIncludes(messageOf(() => assertEquals([1], [2], "row 3")), "not equal: row 3\n");
  assertStringIncludes(messageOf(() => assertEquals([1], [2])), "not equal.\n");
  assertStringIncludes(messageOf(() => assertStrictEquals(0, -0, "row 3")), ": row 3\n");
  assertStrictEquals(messageOf(() => assert(0)), "");
  assertStrictEquals(messageOf(() => assert(0, "none")), "none");
  assertStrictEquals(messageOf(() => assertGreater(1, 1)), "Expect 1 > 1");
  assertStrictEquals(messageOf(() => assertLess(1, NaN)), "Expect 1 < NaN");
  assertStrictEquals(messageOf(() => assertLess(1, 1, "late")), "late");
  assertStringIncludes(messageOf(() => assertMatch("a", /b/, "row 3")), ": row 3");
  assertStringIncludes(messageOf(() => assertStringIncludes("a", "b", "row 3")), ": row 3");
  assertStringIncludes(messageOf(() => assertInstanceOf(new Date(0), URL)), '"Date"');
});

Deno.test("assertThrows() returns what is thrown, and checks class and message if they are given", () => {
  const thrower = (value: unknown) => () => {
    throw value;
  };
  const error = new RangeError("too far");
  assertStrictEquals(assertThrows(thrower(error)), error);
  assertStrictEquals(assertThrows(thrower(7)), 7);
  assertStrictEquals(assertThrows(thrower(error), Error, "far"), error);
  for (
    const fails of [
      () => assertThrows(() => {}),
      () => assertThrows(thrower(7), Error),
      () => assertThrows(thrower(error), SyntaxError),
      () => assertThrows(thrower(error), RangeError, "near"),
    ]
  ) messageOf(fails);
  assertStringIncludes(messageOf(() => assertThrows(() => {}, "row 3")), ": row 3");
  assertStringIncludes(messageOf(() => assertThrows(() => {}, Error, "", "row 3")), ": row 3");
});

Deno.test("assertRejects() resolves with the reason, and fails for a synchronous error or without a promise", async () => {
  const error = new RangeError("too far");
  assertStrictEquals(await assertRejects(() => Promise.reject(error), Error, "far"), error);
  assertStrictEquals(await assertRejects(() => Promise.reject(7)), 7);
  const failing: (() => Promise<unknown>)[] = [
    () => assertRejects(() => Promise.resolve()),
    () => assertRejects(() => Promise.reject(7), Error),
    () => assertRejects(() => Promise.reject(error), RangeError, "near"),
    () => assertRejects((() => 7) as unknown as () => Promise<unknown>),
    () =>
      assertRejects(() => {
        throw error;
      }, RangeError),
  ];
  for (const fails of failing) {
    let reason: unknown;
    await fails().catch((error) => reason = error);
    assertInstanceOf(reason, Error);
    assertStrictEquals(reason.name, "AssertionError");
  }
});

// Stand-in for jsr:@std/assert: the functions that the tests use, with upstream's contract. node:assert shows the
// difference between two values.
import { AssertionError } from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { equal } from "./equal.ts";

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Throws unless the expression is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) fail(msg);
}

/** Throws unless both are the same. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  fail(`Values are not strictly equal${end(msg)}\n${difference("strictEqual", actual, expected)}`);
}

/** Throws unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  fail(`Values are not equal${end(msg)}\n${difference("deepStrictEqual", actual, expected)}`);
}

/** Throws unless `actual` is greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) {
    fail(msg ?? `Expect ${Deno.inspect(actual)} > ${Deno.inspect(expected)}`);
  }
}

/** Throws unless `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) {
    fail(msg ?? `Expect ${Deno.inspect(actual)} < ${Deno.inspect(expected)}`);
  }
}

/** Throws unless the text matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) {
    fail(`Expected actual: "${actual}" to match: "${expected}"${end(msg)}`);
  }
}

/** Throws unless the text contains the other. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  fail(`Expected actual: "${actual}" to contain: "${expected}"${end(msg)}`);
}

/** Throws unless the value is an instance of the class. */
// deno-lint-ignore no-explicit-any
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const name = actual === null
    ? "null"
    : typeof actual === "object"
    ? actual.constructor?.name ?? "Object"
    : typeof actual;
  fail(`Expected object to be an instance of "${expectedType.name}" but was "${name}"${end(msg)}`);
}

/** Throws unless `fn` throws; returns what it throws. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Throws unless `fn` throws an error of the class whose message includes the text; returns that error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClassOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = readExpected(errorClassOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    checkError(error, expected, "thrown");
    return error;
  }
  fail(`Expected function to throw${end(expected.msg)}`);
}

/** Throws unless the promise of `fn` rejects; resolves with the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Resolves with the error that the promise of `fn` rejects with, as {@linkcode assertThrows} checks it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClassOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = readExpected(errorClassOrMsg, msgIncludes, msg);
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch { /* reported below, like anything else that is no promise */ }
  if (typeof promise !== "object" || typeof promise?.then !== "function") {
    fail(`Function throws when expected to reject${end(expected.msg)}`);
  }
  try {
    await promise;
  } catch (error) {
    checkError(error, expected, "rejected");
    return error;
  }
  fail(`Expected function to reject${end(expected.msg)}`);
}

interface ExpectedError {
  /** Undefined: anything may be thrown. */
  errorClass: ErrorClass<Error> | undefined;
  msgIncludes: string;
  msg: string | undefined;
}

function readExpected(
  errorClassOrMsg: ErrorClass<Error> | string | undefined,
  msgIncludes = "",
  msg?: string,
): ExpectedError {
  return typeof errorClassOrMsg === "string"
    ? { errorClass: undefined, msgIncludes: "", msg: errorClassOrMsg }
    : { errorClass: errorClassOrMsg, msgIncludes, msg };
}

function checkError(
  error: unknown,
  { errorClass, msgIncludes, msg }: ExpectedError,
  verb: "thrown" | "rejected",
): void {
  if (!errorClass) return;
  if (!(error instanceof Error)) fail(`A non-Error object was ${verb}${end(msg)}`);
  const { message, constructor: { name } } = error;
  if (!(error instanceof errorClass)) {
    fail(`Expected error to be instance of "${errorClass.name}", but was "${name}"${end(msg)}`);
  }
  if (stripVTControlCharacters(message).includes(stripVTControlCharacters(msgIncludes))) return;
  const [wanted, received] = [msgIncludes, message].map((text) => JSON.stringify(text));
  fail(`Expected error message to include ${wanted}, but got ${received}${end(msg)}`);
}

/** Returns the end of a message's first sentence: the test's own message, if any. */
function end(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}

function difference(operator: string, actual: unknown, expected: unknown): string {
  return new AssertionError({ actual, expected, operator }).message;
}

function fail(message: string): never {
  throw new AssertionError({ message });
}

// Compares values deeply, as jsr:@std/assert does.

/**
 * Returns whether both have the same structure. 0 equals -0, NaN equals NaN, and an object without a prototype equals a
 * plain one; a property that is undefined does not equal one that is missing. Properties that a class defines count, too.
 */
export function equal(actual: unknown, expected: unknown): boolean {
  /** Pairs under comparison, so that a circle ends. */
  const begun = new Map<unknown, unknown>();

  function compare(a: unknown, b: unknown): boolean {
    if (isSame(a, b)) return true;
    if (!isObject(a) || !isObject(b)) return false;
    if (a instanceof Date && b instanceof Date) return isSame(a.getTime(), b.getTime());
    if (prototypeOf(a) !== prototypeOf(b)) return false;
    if (isTypedArray(a) && isTypedArray(b)) return isSameList(a, b);
    if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
      return isSameList(new Uint8Array(a), new Uint8Array(b));
    }
    if (begun.get(a) === b) return true;
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    begun.set(a, b);
    if (a instanceof Set || a instanceof Map) return compareEntries(a, b as typeof a);
    if (a instanceof RegExp || a instanceof URL || a instanceof URLSearchParams) {
      return String(a) === String(b);
    }
    const keys = new Set([...keysOf(a), ...keysOf(b)]);
    return [...keys].every((key) => key in a === key in b && compare(a[key], b[key]));
  }

  function compareEntries(a: Collection, b: Collection): boolean {
    if (a.size !== b.size) return false;
    const others = [...b.entries()];
    return [...a.entries()].every(([key, value]) =>
      others.some((other) => compare(key, other[0]) && compare(value, other[1]))
    );
  }

  return compare(actual, expected);
}

type Collection = Set<unknown> | Map<unknown, unknown>;

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b);
}

function isTypedArray(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function isSameList(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((item, i) => isSame(item, b[i]));
}

/** Returns the prototype of a plain object for an object without one. */
function prototypeOf(value: object): unknown {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

/** Returns what a plain object or an array enumerates, and all properties of anything else, its class's included. */
function keysOf(value: object): PropertyKey[] {
  const prototype = prototypeOf(value);
  if (prototype === Object.prototype || prototype === Array.prototype) {
    return Reflect.ownKeys({ ...value });
  }
  const keys: PropertyKey[] = [];
  for (
    let object = value;
    object && object !== Object.prototype && object !== Array.prototype;
    object = Object.getPrototypeOf(object)
  ) {
    keys.push(...Reflect.ownKeys(object));
  }
  return keys;
}

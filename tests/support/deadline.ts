// An end to waiting, so that what never happens fails a test by name and does not hang it.

/** Resolves as the promise does. @throws when that takes longer than `ms`, with what was waited for. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const error = new Error(`Waited ${ms} ms and in vain for ${what}`);
  const timer = setTimeout(() => late.reject(error), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

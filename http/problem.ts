// Refusals are made from the table in protocol/errors.ts: a problem document (RFC 9457), or the sentence alone.
import { ChatError, type ErrorCode, type ErrorRow, ERRORS } from "../protocol/errors.ts";

/** Responds with the sentence as text, as the seed does, and with what to do about it if there is anything. */
export function refuse(
  code: ErrorCode,
  headers: Record<string, string> = {},
  remedy?: string,
): Response {
  const row: ErrorRow = ERRORS[code];
  return new Response(`${row.sentence}\n${remedy === undefined ? "" : `${remedy}\n`}`, {
    status: row.status ?? 500,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}

/**
 * Responds with a problem document for a {@linkcode ChatError}.
 * @throws any other error, and one whose code has no status: those are for the log, not for the client.
 */
export function problemOf(error: unknown, headers: Record<string, string> = {}): Response {
  if (!(error instanceof ChatError)) throw error;
  const { code, message, id, retryAfterMs } = error;
  const { status, sentence }: ErrorRow = ERRORS[code];
  if (status === undefined) throw error;
  const waitMs = retryAfterMs ?? (status === 503 ? 1_000 : undefined);
  const document = {
    title: sentence,
    status,
    code,
    ...message === sentence ? {} : { detail: message },
    ...id === undefined ? {} : { id },
    ...waitMs === undefined ? {} : { retryAfterMs: waitMs },
  };
  return new Response(`${JSON.stringify(document)}\n`, {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...waitMs === undefined ? {} : { "retry-after": String(Math.ceil(waitMs / 1000)) },
      ...headers,
    },
  });
}

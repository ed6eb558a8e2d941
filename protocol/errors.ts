// Lists every error that a user can meet, once: over HTTP, over a socket, at the command line. docs/protocol.md shows the same
// table; a test compares the two.

/** Error with its meaning on each surface where it can appear. */
export interface ErrorRow {
  /** For people; ends without a period. */
  readonly sentence: string;
  /** HTTP status, if a request can meet it. */
  readonly status?: number;
  /** WebSocket close code (RFC 6455, section 7.4.1, and its registry), if a socket can meet it. */
  readonly closeCode?: number;
  /** Whether a `confab.v1` connection gets an `error` line and stays open. */
  readonly line?: boolean;
  /** Exit code, if it ends the program. */
  readonly exitCode?: number;
  /** Whether the same client may succeed after a reconnect. */
  readonly reconnect: boolean;
}

/** Errors by code. A code never changes its meaning. */
export const ERRORS = {
  bad_request: { sentence: "The request is malformed", status: 400, reconnect: false },
  not_found: { sentence: "Not found", status: 404, reconnect: false },
  method_not_allowed: { sentence: "Method not allowed", status: 405, reconnect: false },
  foreign_origin: {
    sentence: "Requests from this origin are not allowed",
    status: 403,
    reconnect: false,
  },
  not_acceptable: {
    sentence: "None of the accepted media types is available",
    status: 406,
    reconnect: false,
  },
  bad_media_type: {
    sentence: "The body is neither JSON nor text",
    status: 415,
    reconnect: false,
  },
  body_timeout: {
    sentence: "The request body did not arrive in time",
    status: 408,
    reconnect: true,
  },
  upgrade_required: {
    sentence: "This URL accepts WebSocket connections only",
    status: 426,
    reconnect: false,
  },
  bad_upgrade: {
    sentence: "The WebSocket upgrade request is incomplete",
    status: 400,
    reconnect: false,
  },
  too_long: {
    sentence: "The message is longer than allowed",
    status: 413,
    closeCode: 1009,
    line: true,
    reconnect: true,
  },
  not_text: {
    sentence: "The message is not valid UTF-8",
    status: 400,
    closeCode: 1007,
    reconnect: true,
  },
  bad_frame: {
    sentence: "The client sent a frame that the WebSocket protocol does not allow",
    closeCode: 1002,
    reconnect: true,
  },
  message_timeout: {
    sentence: "The rest of a message did not arrive in time",
    closeCode: 1008,
    reconnect: true,
  },
  stalled: {
    sentence: "The client received no data for too long",
    closeCode: 1008,
    reconnect: true,
  },
  fell_behind: {
    sentence: "The client fell too far behind: the room no longer keeps entries for it",
    closeCode: 1008,
    reconnect: true,
  },
  hello_timeout: {
    sentence: "The client sent no hello in time",
    closeCode: 1008,
    reconnect: true,
  },
  restarting: {
    sentence: "The server is stopping or restarting",
    status: 503,
    closeCode: 1001,
    reconnect: true,
  },
  not_stored: {
    sentence: "The message could not be stored and was not accepted",
    status: 503,
    closeCode: 1011,
    line: true,
    reconnect: true,
  },
  not_json: {
    sentence: "The line is not a JSON object",
    status: 400,
    closeCode: 1007,
    line: true,
    reconnect: false,
  },
  unknown_type: {
    sentence: "The line has no known type",
    status: 400,
    line: true,
    reconnect: false,
  },
  bad_field: {
    sentence: "A field is missing or invalid",
    status: 400,
    line: true,
    reconnect: false,
  },
  hello_first: { sentence: "The first line must be a hello", line: true, reconnect: false },
  hello_twice: {
    sentence: "The connection has already sent a hello",
    line: true,
    reconnect: false,
  },
  no_name: { sentence: "Choose a name first", status: 400, line: true, reconnect: false },
  no_key: {
    sentence: "Without a key, only new messages can be sent",
    status: 403,
    reconnect: false,
  },
  bad_name: {
    sentence: "A name must have 1 to 32 characters, none of them invisible",
    status: 400,
    line: true,
    reconnect: false,
  },
  unknown_ref: {
    sentence: "The referenced message does not exist",
    status: 409,
    line: true,
    reconnect: false,
  },
  id_taken: {
    sentence: "Another message of the same author has this id",
    status: 409,
    line: true,
    reconnect: false,
  },
  too_many_reactions: {
    sentence: "The message has too many reactions",
    status: 409,
    line: true,
    reconnect: false,
  },
  not_yours: {
    sentence: "Only the author may change a message",
    status: 403,
    line: true,
    reconnect: false,
  },
  wrong_host: {
    sentence: "The server does not accept this host name",
    status: 421,
    reconnect: false,
  },
  sign_in_first: {
    sentence: "Sign in first",
    status: 401,
    reconnect: false,
  },
  wrong_password: {
    sentence: "Wrong password",
    status: 401,
    reconnect: false,
  },
  too_many_attempts: {
    sentence: "Too many wrong passwords from this address",
    status: 429,
    reconnect: true,
  },
  bad_invite: {
    sentence: "The invite is invalid, expired or revoked",
    status: 403,
    reconnect: false,
  },
  not_invited: {
    sentence: "The invite is for another room",
    status: 403,
    reconnect: false,
  },
  too_many_sessions: {
    sentence: "Too many people have signed in with this password or invite",
    status: 403,
    reconnect: false,
  },
  bad_signature: {
    sentence: "The signature of the payload is missing or wrong",
    status: 403,
    reconnect: false,
  },
  signed_out: {
    sentence: "Signed out",
    closeCode: 1008,
    reconnect: false,
  },
  too_many_connections: {
    sentence: "Too many connections are open",
    status: 503,
    reconnect: true,
  },
  address_full: {
    sentence: "Too much data waits for this address",
    status: 503,
    closeCode: 1008,
    reconnect: true,
  },
  rate_limited: {
    sentence: "Too many messages in a short time",
    status: 429,
    closeCode: 1008,
    line: true,
    reconnect: true,
  },
  too_many_rooms: {
    sentence: "The server has too many rooms: only those that exist accept messages",
    status: 403,
    closeCode: 1008,
    line: true,
    reconnect: false,
  },
  data_full: {
    sentence: "The server's data folder is full",
    status: 507,
    closeCode: 1011,
    line: true,
    reconnect: false,
  },
  not_operator: {
    sentence: "Only an operator may do this",
    status: 403,
    line: true,
    reconnect: false,
  },
  banned: {
    sentence: "You are banned from this server for now",
    status: 403,
    closeCode: 1008,
    line: true,
    reconnect: false,
  },
  room_closed: {
    sentence: "The room is closed: it accepts no new messages",
    status: 403,
    closeCode: 1008,
    line: true,
    reconnect: false,
  },
  internal: {
    sentence: "Internal server error",
    status: 500,
    closeCode: 1011,
    line: true,
    reconnect: true,
  },
  bad_usage: { sentence: "The command line is invalid", exitCode: 2, reconnect: false },
  address_unavailable: { sentence: "Cannot listen on the address", exitCode: 3, reconnect: false },
  data_unavailable: { sentence: "Cannot use the data folder", exitCode: 4, reconnect: false },
  certificate_unavailable: {
    sentence: "Cannot use the certificate or its key",
    exitCode: 5,
    reconnect: false,
  },
} as const satisfies Record<string, ErrorRow>;

/** Code in {@linkcode ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

export interface ChatErrorOptions extends ErrorOptions {
  readonly message?: string | undefined;
  readonly id?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Error with a code, for callers that act on the code. */
export class ChatError extends Error {
  readonly code: ErrorCode;
  /** Id of the message that it is about, if any. */
  readonly id: string | undefined;
  /** Delay after which a retry may succeed, if known. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, options: ChatErrorOptions = {}) {
    super(options.message ?? ERRORS[code].sentence, options);
    this.name = "ChatError";
    this.code = code;
    this.id = options.id;
    // Clocks count fractions; the wires have whole milliseconds.
    this.retryAfterMs = options.retryAfterMs && Math.ceil(options.retryAfterMs);
  }
}

/** Makes the refusal of a message, a request or a page that is over its rate. */
export function rateLimited(retryAfterMs: number): ChatError {
  return new ChatError("rate_limited", { retryAfterMs });
}

/**
 * Returns close code and reason for a WebSocket; without a code, those of a normal close.
 * The reason fits the 123 bytes that RFC 6455, section 5.5, leaves for it.
 */
export function closeFor(code: ErrorCode | undefined): { closeCode: number; reason: string } {
  if (!code) return { closeCode: 1000, reason: "" };
  const row: ErrorRow = ERRORS[code];
  return { closeCode: row.closeCode ?? 1011, reason: `${code}: ${row.sentence}` };
}

// `confab chat` runs a chat in a terminal or in a pipe. It assembles the parts, and restores the terminal however the chat
// ends. It never ends the process, but returns the exit code.
import { ChatError, type ErrorCode } from "../../protocol/errors.ts";
import type { BearerHeaders } from "../secret.ts";
import { PipeChat } from "./pipe.ts";
import { type ChatSetup, findSetup } from "./setup.ts";
import { TerminalChat } from "./terminal.ts";
import { fetchHead } from "../commands/request.ts";
import { writeError } from "../stdio.ts";

export interface ChatOptions {
  /** URL of the room. */
  readonly url: string;
  /** Name to use; undefined for the name used last. */
  readonly name: string | undefined;
}

/** Time for the server to respond to the access check. */
const ACCESS_WAIT_MS = 3_000;

/** Refusals of the access check that end the command. */
const ACCESS_ERRORS: readonly ErrorCode[] = [
  "sign_in_first",
  "wrong_password",
  "bad_invite",
  "not_invited",
];

/** Signals that end a chat on a terminal. Ctrl-C arrives as a key. */
const END_SIGNALS: Deno.Signal[] = ["SIGTERM", "SIGHUP", "SIGINT"];

/**
 * Runs the chat until the user leaves or the input ends. Resolves to the exit code. A connection that hangs may still be
 * open then, so the caller must exit.
 * @throws {ChatError} `bad_usage` for an invalid URL. Without a terminal also `no_name` and `bad_name`.
 */
export async function chat({ url, name }: ChatOptions, bearer: BearerHeaders): Promise<number> {
  let report: (text: string) => void = writeError;
  const setup = findSetup(url, { bearer, report: (text) => report(text) });
  await checkAccess(setup, bearer);
  const ended = new AbortController();
  catchProtocolErrors(ended.signal, (text) => report(text));
  try {
    if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
      using pipe = new PipeChat(setup);
      return await pipe.run(name);
    }
    using terminal = new TerminalChat(setup);
    report = (text) => terminal.print(text);
    await leaveOnSignal(terminal, () => terminal.run(name));
    return 0;
  } finally {
    ended.abort();
  }
}

/**
 * Checks access by a request, because a refused WebSocket does not learn the reason. Ignores all other failures: a server
 * that is unavailable now may be available later.
 */
async function checkAccess({ socketUrl }: ChatSetup, bearer: BearerHeaders): Promise<void> {
  const url = socketUrl.replace(/^ws(.*)\/ws$/, "http$1");
  const headers = { ...bearer, accept: "application/json" }; // not HEAD: the reason is in the body
  const signal = AbortSignal.timeout(ACCESS_WAIT_MS);
  try {
    const response = await fetchHead(`${url}?limit=1`, { headers, signal });
    await response.body?.cancel();
  } catch (error) {
    if (error instanceof ChatError && ACCESS_ERRORS.includes(error.code)) throw error;
  }
}

/** Reports, once, that the server has violated `confab.v1`. The session then drops the connection, and throws as well. */
function catchProtocolErrors(signal: AbortSignal, report: (text: string) => void): void {
  let hasReported = false;
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    // The error's message may contain the text of a chat message.
    if (!hasReported) report(`! Cannot read what the server sent (${event.error?.name})`);
    hasReported = true;
  }, { signal });
}

/** Runs `act`, and leaves the chat on a signal meanwhile. */
async function leaveOnSignal(terminal: TerminalChat, act: () => Promise<void>): Promise<void> {
  const leave = () => terminal.leave();
  const signals = END_SIGNALS.filter((signal) =>
    Deno.build.os !== "windows" || signal === "SIGINT"
  );
  for (const signal of signals) Deno.addSignalListener(signal, leave);
  try {
    await act();
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, leave);
  }
}

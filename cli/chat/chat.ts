// `confab chat`: a room in a terminal, or in a pipe. Puts together what the chat needs, and leaves the terminal as it was,
// however it ends. Never ends the process: it gives the exit code to whoever runs it.
import { ChatError, type ErrorCode } from "../../protocol/errors.ts";
import type { BearerHeaders } from "../secret.ts";
import { PipeChat } from "./pipe.ts";
import { type ChatSetup, findSetup } from "./setup.ts";
import { TerminalChat } from "./terminal.ts";
import { fetchHead } from "../commands/request.ts";

export interface ChatOptions {
  /** The room's page. */
  readonly url: string;
  /** The one that was used last, where it is undefined. */
  readonly name: string | undefined;
}

/** Time for the server to say whether one may come in. */
const ENTRY_WAIT_MS = 3_000;

/** What it says when one may not. */
const ENTRY_ERRORS: readonly ErrorCode[] = [
  "sign_in_first",
  "wrong_password",
  "bad_invite",
  "not_invited",
];

/** Signals that end a chat on a terminal. Ctrl-C comes as a key. */
const END_SIGNALS: Deno.Signal[] = ["SIGTERM", "SIGHUP", "SIGINT"];

/**
 * Chats until it is left, or until the input ends. Resolves to the exit code; there may be a connection left that hangs.
 * @throws {ChatError} `bad_usage` for an address that is none; without a terminal also `no_name` and `bad_name`.
 */
export async function chat({ url, name }: ChatOptions, bearer: BearerHeaders): Promise<number> {
  let tell = (text: string) => console.error(text);
  const place = findSetup(url, { bearer, tell: (text) => tell(text) });
  await checkEntry(place, bearer);
  const ended = new AbortController();
  survive(ended.signal, (text) => tell(text));
  try {
    if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
      using pipe = new PipeChat(place);
      return await pipe.run(name);
    }
    using terminal = new TerminalChat(place);
    tell = (text) => terminal.print(text);
    await leaveOnSignal(terminal, () => terminal.run(name));
    return 0;
  } finally {
    ended.abort();
  }
}

/** A socket is not told why it is refused; a request is. What is away now may be there later. */
async function checkEntry({ socketUrl }: ChatSetup, bearer: BearerHeaders): Promise<void> {
  const url = socketUrl.replace(/^ws(.*)\/ws$/, "http$1");
  const headers = { ...bearer, accept: "application/json" }; // a HEAD would have no reason in it
  const signal = AbortSignal.timeout(ENTRY_WAIT_MS);
  try {
    const response = await fetchHead(`${url}?limit=1`, { headers, signal });
    await response.body?.cancel();
  } catch (error) {
    if (error instanceof ChatError && ENTRY_ERRORS.includes(error.code)) throw error;
  }
}

/** The session drops a connection that brings what is no `confab.v1`, and throws all the same. */
function survive(signal: AbortSignal, tell: (text: string) => void): void {
  let hasTold = false;
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    // Its message may hold what somebody said.
    if (!hasTold) tell(`! Cannot read what the server sent (${event.error?.name})`);
    hasTold = true;
  }, { signal });
}

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

// `confab send`: says something in a room over HTTP. Each message has an id, so that trying again never doubles it.
import type { SendConfig } from "../config/config.ts";
import { ChatError } from "../../protocol/errors.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import type { BearerHeaders } from "../secret.ts";
import { note, readLines } from "../stdio.ts";
import { notConfab, request, type RequestOptions } from "./request.ts";

/** More than any message may have: standard input may be endless. */
const MAX_INPUT_BYTES = 1024 * 1024;

/** Where to say it, under which name, and by what one is let in there. */
type SendTarget = Pick<SendConfig, "url" | "name"> & { readonly bearer: BearerHeaders };

/** The source of the lines may go on for good: it waits for the server, and is told. */
const PATIENT: RequestOptions = {
  onLost: (error) => note(`${escapeForTerminal(error.message)} (retrying)`),
  onFound: () => note("Connected"),
};

/**
 * Says the text, or what the input holds. Gives 0, or 1 when a line was left out.
 * @throws {Error} when something was not accepted; the lines before it were.
 */
export async function send(
  config: SendConfig,
  input: ReadableStream<Uint8Array>,
  bearer: BearerHeaders = {},
): Promise<number> {
  const place: SendTarget = { ...config, bearer };
  if (config.hasLines) return await sendLines(place, input);
  const text = config.text ?? await readText(input);
  await say(place, { text, id: config.id ?? crypto.randomUUID() });
  return 0;
}

/** In order, each one accepted before the next one is sent. Empty lines are no messages. */
async function sendLines(
  place: SendTarget,
  input: ReadableStream<Uint8Array>,
): Promise<number> {
  let exitCode = 0;
  let number = 0;
  for await (const text of readLines(input)) {
    number++;
    if (text.trim() === "") continue;
    try {
      await say(place, { text, id: crypto.randomUUID() }, PATIENT);
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== "too_long") throw error;
      note(`Line ${number} is skipped: it is longer than the maximum message size`);
      exitCode = 1;
    }
  }
  return exitCode;
}

/** Resolves when it is accepted, which only a room can tell: anybody may answer 200. */
async function say(
  { url, name, bearer }: SendTarget,
  message: { text: string; id: string },
  options: RequestOptions = {},
): Promise<void> {
  const { status, json } = await request(url, {
    ...options,
    method: "POST",
    redirect: "manual", // a POST that follows one may become a GET
    headers: { ...bearer, "content-type": "application/json" },
    body: JSON.stringify({ ...message, name }),
  });
  const { seq } = (json ?? {}) as { seq?: unknown };
  if (status !== 201 || typeof seq !== "number") {
    throw notConfab(url, `the server responded with status ${status}`);
  }
}

/**
 * All of the input as one text. A line break at its end is the shell's.
 * @throws {Error} when there is none.
 */
async function readText(input: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for await (const chunk of input) {
    text += decode(decoder, chunk);
    if (text.length > MAX_INPUT_BYTES) throw new ChatError("too_long");
  }
  text = (text + decode(decoder)).replace(/\r?\n$/, "");
  if (text === "") throw new Error("Cannot send: standard input is empty");
  return text;
}

/** @throws {ChatError} `not_text` */
function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return decoder.decode(chunk as BufferSource | undefined, { stream: chunk !== undefined });
  } catch (cause) {
    throw new ChatError("not_text", { cause });
  }
}

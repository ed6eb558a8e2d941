// `confab send` sends messages to a room over HTTP. Each message has an id, so that a retry never stores it twice.
import type { SendConfig } from "../config/config.ts";
import { ChatError } from "../../protocol/errors.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import type { BearerHeaders } from "../secret.ts";
import { note, readLines } from "../stdio.ts";
import { notConfab, request, type RequestOptions } from "./request.ts";

/** Maximum size of standard input, which may be endless. Larger than any message may be. */
const MAX_INPUT_BYTES = 1024 * 1024;

/** Room to send to, name of the sender, and authentication. */
type SendTarget = Pick<SendConfig, "url" | "name"> & { readonly bearer: BearerHeaders };

/** Options of a request that waits for the server: the source of the lines may never end. */
const PATIENT: RequestOptions = {
  onLost: (error) => note(`${escapeForTerminal(error.message)} (retrying)`),
  onFound: () => note("Connected"),
};

/**
 * Sends the text, or else the input. Returns the exit code: 0, or 1 if a line was skipped.
 * @throws {Error} if a message is refused; the lines before it are stored.
 */
export async function send(
  config: SendConfig,
  input: ReadableStream<Uint8Array>,
  bearer: BearerHeaders = {},
): Promise<number> {
  const target: SendTarget = { ...config, bearer };
  if (config.hasLines) return await sendLines(target, input);
  const text = config.text ?? await readText(input);
  await sendOne(target, { text, id: config.id ?? crypto.randomUUID() });
  return 0;
}

/** Sends the lines in order: each one is acknowledged before the next one is sent. Skips blank lines. */
async function sendLines(
  target: SendTarget,
  input: ReadableStream<Uint8Array>,
): Promise<number> {
  let exitCode = 0;
  let number = 0;
  for await (const text of readLines(input)) {
    number++;
    if (text.trim() === "") continue;
    try {
      await sendOne(target, { text, id: crypto.randomUUID() }, PATIENT);
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== "too_long") throw error;
      note(`Line ${number} is skipped: it is longer than the maximum message size`);
      exitCode = 1;
    }
  }
  return exitCode;
}

/** Sends one message. Resolves when it is acknowledged with 201 and a seq: any server may respond with 200. */
async function sendOne(
  { url, name, bearer }: SendTarget,
  message: { text: string; id: string },
  options: RequestOptions = {},
): Promise<void> {
  const { status, json } = await request(url, {
    ...options,
    method: "POST",
    redirect: "manual", // a redirected POST may become a GET
    headers: { ...bearer, "content-type": "application/json" },
    body: JSON.stringify({ ...message, name }),
  });
  const { seq } = (json ?? {}) as { seq?: unknown };
  if (status !== 201 || typeof seq !== "number") {
    throw notConfab(url, `the server responded with status ${status}`);
  }
}

/**
 * Reads all of the input as one text, without the line break at its end, which shells add.
 * @throws {Error} if the input is empty.
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

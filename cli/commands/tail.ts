// `confab tail` prints the messages of a room to standard output as they arrive. Its own remarks go to standard error.
import type { TailConfig } from "../config/config.ts";
import { escapeForTerminal, harmlessJson } from "../../protocol/terminal_safe.ts";
import type { Notice } from "../../protocol/message.ts";
import { TRANSCRIPT } from "../../protocol/transcript.ts";
import type { BearerHeaders } from "../secret.ts";
import { decodeEntry } from "../../protocol/entry.ts";
import { follow, type FollowedLine } from "./follow.ts";
import { note, writeLine } from "../stdio.ts";

/**
 * Prints the room until the process ends.
 * @throws {Error} if the server refuses permanently, or the reader closes the output.
 */
export async function tail(config: TailConfig, bearer: BearerHeaders = {}): Promise<number> {
  const { url, since, name, isJson } = config;
  const lines = follow({
    url,
    since,
    name,
    bearer,
    onLost: (error) => note(`${escapeForTerminal(error.message)} (retrying)`),
    onFound: () => note("Connected"),
  });
  let isFirst = true;
  for await (const line of lines) {
    if (line.type === "welcome") {
      note(`${explainReset(isFirst ? since : undefined)}: starting over`);
    } else if (isJson) writeLine(harmlessJson(JSON.stringify(line)));
    else showText(line);
    isFirst = false;
  }
  return 0;
}

/** Explains a restart: the room has not reached the number to start after, or its history is not the printed one. */
function explainReset(since: number | undefined): string {
  return since === undefined
    ? "The server has a different journal"
    : `The room has no message ${since}`;
}

/** Prints a line as text. Deletions and reactions are not shown: a printed line cannot be changed. */
function showText(line: FollowedLine): void {
  const frame = line.type === "gap"
    ? TRANSCRIPT.encodeNotice(line as unknown as Notice)
    : TRANSCRIPT.encode([decodeEntry(line)]);
  if (frame) writeLine(escapeForTerminal(frame.text)); // the count of a gap comes from the server unchecked
}

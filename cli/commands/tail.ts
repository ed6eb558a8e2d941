// `confab tail`: what is said in a room, as it is said, on standard output. What is not of the room goes to standard error.
import type { TailConfig } from "../config/config.ts";
import { escapeForTerminal, harmlessJson } from "../../protocol/terminal_safe.ts";
import type { Notice } from "../../protocol/message.ts";
import { TRANSCRIPT } from "../../protocol/transcript.ts";
import type { BearerHeaders } from "../bearer.ts";
import { decodeEntry } from "../../protocol/entry.ts";
import { follow, type FollowedLine } from "./follow.ts";
import { note, writeLine } from "../stdio.ts";

/**
 * Shows the room until the process ends.
 * @throws {Error} when the server refuses for good, or nobody reads any more.
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

/** Why the room begins anew: it has no number yet that it was asked for, or no longer the past that was shown. */
function explainReset(since: number | undefined): string {
  return since === undefined
    ? "The server has a different journal"
    : `The room has no message ${since}`;
}

/** Deletions and reactions do not show: a line that was printed cannot be taken back. */
function showText(line: FollowedLine): void {
  const frame = line.type === "gap"
    ? TRANSCRIPT.encodeNotice(line as unknown as Notice)
    : TRANSCRIPT.encode([decodeEntry(line)]);
  if (frame) writeLine(escapeForTerminal(frame.text)); // a gap's count may be anything
}

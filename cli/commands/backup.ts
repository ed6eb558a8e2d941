// `confab backup` copies the journal to a file, even while a server uses it. `confab restore` creates a folder from it.
import type { BackupConfig } from "../config/config.ts";
import { ChatError } from "../../protocol/errors.ts";
import { backUp, type Contents, restore } from "../../journal/sqlite/backup.ts";
import { checkHasJournal, explainLock } from "../../journal/sqlite/data_folder.ts";
import { writeLine } from "../stdio.ts";

/**
 * Writes the backup, prints a summary and returns 0.
 * @throws {ChatError} `data_unavailable`; then no file is left.
 */
export async function makeBackup({ file, data }: BackupConfig): Promise<number> {
  checkHasJournal(data);
  const contents = await explainErrors(`Cannot back up "${data}"`, () => backUp(data, file));
  writeLine(`${file}: ${summarize(contents)}`);
  return 0;
}

/**
 * Creates the data folder, prints a summary and returns 0.
 * @throws {ChatError} `data_unavailable`; then nothing has changed.
 */
export async function restoreBackup({ file, data }: BackupConfig): Promise<number> {
  const contents = await explainErrors(`Cannot restore "${file}"`, () => restore(file, data));
  writeLine(`${data}: ${summarize(contents)}`);
  return 0;
}

/** Converts an error of `act` to `data_unavailable`, with a sentence that starts with `failure`. */
async function explainErrors<T>(failure: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const message = `${failure}: ${explainLock(cause as Error)}`;
    throw new ChatError("data_unavailable", { cause, message });
  }
}

function summarize({ rooms, entries }: Contents): string {
  const count = (n: number, one: string, many: string) =>
    `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
  return `${count(entries, "entry", "entries")} in ${count(rooms, "room", "rooms")}`;
}

// `confab backup` and `confab restore`: the journal into a file, also while a server uses it, and back.
import type { BackupConfig } from "../config/config.ts";
import { ChatError } from "../../protocol/errors.ts";
import { backUp, type Contents, restore } from "../../journal/sqlite/backup.ts";
import { checkHasJournal, explainLock } from "../../journal/sqlite/data_folder.ts";
import { writeLine } from "../stdio.ts";

/** Writes the file, says what is in it, and gives 0. @throws {ChatError} `data_unavailable`: then there is no file. */
export async function makeBackup({ file, data }: BackupConfig): Promise<number> {
  checkHasJournal(data);
  const contents = await explained(`Cannot back up "${data}"`, () => backUp(data, file));
  writeLine(`${file}: ${show(contents)}`);
  return 0;
}

/** Makes the folder, says what is in it, and gives 0. @throws {ChatError} `data_unavailable`: then nothing has changed. */
export async function restoreBackup({ file, data }: BackupConfig): Promise<number> {
  const contents = await explained(`Cannot restore "${file}"`, () => restore(file, data));
  writeLine(`${data}: ${show(contents)}`);
  return 0;
}

async function explained<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const message = `${what}: ${explainLock(cause as Error)}`;
    throw new ChatError("data_unavailable", { cause, message });
  }
}

function show({ rooms, entries }: Contents): string {
  const count = (n: number, one: string, many: string) =>
    `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
  return `${count(entries, "entry", "entries")} in ${count(rooms, "room", "rooms")}`;
}

// Loaded before the server (`deno run --preload`), this makes SQLite sync the write-ahead log at checkpoints only. A power cut
// then loses what was acknowledged, which shows that the test of power cuts can fail.
import { DatabaseSync } from "node:sqlite";

const { exec } = DatabaseSync.prototype;

DatabaseSync.prototype.exec = function (sql: string): void {
  exec.call(this, sql.replace("synchronous = FULL", "synchronous = NORMAL"));
};

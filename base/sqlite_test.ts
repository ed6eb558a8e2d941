import { assertEquals, assertThrows } from "@std/assert";
import type { DatabaseSync } from "node:sqlite";
import {
  checkSchema,
  isOutdated,
  migrate,
  openDatabase,
  prepareAll,
  type Schema,
  SchemaError,
} from "./sqlite.ts";

const V1: Schema = {
  applicationId: 0x54657374,
  steps: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"],
  subject: "the file",
};

const V2: Schema = {
  ...V1,
  steps: [...V1.steps, "ALTER TABLE notes ADD COLUMN at INTEGER NOT NULL DEFAULT 7"],
};

/** Runs a test on the path of a file that does not exist yet. */
function withPath(test: (path: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(`${folder}/test.db`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

/** Opens a file, uses it and closes it again. */
function use<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = openDatabase(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function readPragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0];
}

Deno.test(
  "migrate() creates the tables of an empty file and marks it",
  withPath((path) => {
    use(path, (db) => {
      db.exec("PRAGMA journal_mode = WAL"); // which writes the first page
      migrate(db, V2);
    });
    use(path, (db) => {
      assertEquals(readPragma(db, "application_id"), V2.applicationId);
      assertEquals(readPragma(db, "user_version"), 2);
      db.exec("INSERT INTO notes (text) VALUES ('a')");
    });
  }),
);

Deno.test(
  "migrate() runs only the steps that a file lacks, and keeps its rows",
  withPath((path) => {
    use(path, (db) => {
      migrate(db, V1);
      db.exec("INSERT INTO notes (text) VALUES ('kept')");
    });
    use(path, (db) => {
      assertEquals(isOutdated(db, V2), true);
      migrate(db, V2);
      assertEquals(isOutdated(db, V2), false);
      assertEquals({ ...db.prepare("SELECT * FROM notes").get() }, { id: 1, text: "kept", at: 7 });
    });
  }),
);

Deno.test(
  "migrate() does not write to a file that is up to date",
  withPath((path) => {
    use(path, (db) => migrate(db, V1));
    const before = Deno.readFileSync(path);
    let calls = 0;
    use(path, (db) => migrate(db, { ...V1, afterSteps: () => calls++ }));
    assertEquals(Deno.readFileSync(path), before);
    assertEquals(calls, 0);
  }),
);

Deno.test(
  "migrate() leaves a file as it was when a step or what follows the steps fails",
  withPath((path) => {
    use(path, (db) => migrate(db, V1));
    const broken: Schema[] = [
      { ...V2, steps: [...V2.steps, "CREATE TABLE notes (id INTEGER)"] },
      {
        ...V2,
        afterSteps: () => {
          throw new Error("already exists");
        },
      },
    ];
    for (const schema of broken) {
      use(path, (db) => assertThrows(() => migrate(db, schema), Error, "already exists"));
      use(path, (db) => {
        assertEquals(readPragma(db, "user_version"), 1);
        assertEquals(
          db.prepare("SELECT count(*) AS n FROM pragma_table_info('notes')").get()?.["n"],
          2,
        );
      });
    }
  }),
);

Deno.test(
  "migrate() and checkSchema() refuse a file of another program or of a newer version",
  withPath((path) => {
    const cases = [
      [
        "PRAGMA user_version = 3",
        "newer",
        "the file has version 3, newer than this program's 2. Use the newer program",
      ],
      ["PRAGMA application_id = 7", "foreign", "the file was created by another program"],
    ] as const;
    for (const [sql, reason, message] of cases) {
      use(path, (db) => {
        migrate(db, V2);
        db.exec(sql);
      });
      const before = Deno.readFileSync(path);
      for (const check of [migrate, checkSchema]) {
        const error = use(path, (db) => assertThrows(() => check(db, V2), SchemaError));
        assertEquals([error.reason, error.message], [reason, message]);
      }
      assertEquals(Deno.readFileSync(path), before);
      Deno.removeSync(path);
    }
  }),
);

Deno.test(
  "migrate() refuses tables of another program in a file without a version",
  withPath((path) => {
    use(path, (db) => db.exec("CREATE TABLE theirs (id INTEGER)"));
    const error = use(path, (db) => assertThrows(() => migrate(db, V1), SchemaError));
    assertEquals(error.reason, "foreign");
  }),
);

Deno.test(
  "checkSchema() accepts an earlier version, and refuses an empty file",
  withPath((path) => {
    use(path, (db) => assertThrows(() => checkSchema(db, V1), SchemaError));
    use(path, (db) => migrate(db, V1));
    use(path, (db) => checkSchema(db, V2));
  }),
);

Deno.test(
  "openDatabase() applies pragmas in their order, and waits for locks",
  withPath((path) => {
    // The size of a page is fixed once WAL mode has written the first one.
    const pragmas = { page_size: 8_192, journal_mode: "WAL", synchronous: "FULL" };
    const db = openDatabase(path, { pragmas });
    const names = ["page_size", "journal_mode", "synchronous", "busy_timeout"];
    assertEquals(names.map((name) => readPragma(db, name)), [8_192, "wal", 2, 2_000]);
    db.close();
  }),
);

Deno.test(
  "openDatabase() closes a file whose pragmas fail",
  withPath((path) => {
    Deno.writeTextFileSync(path, "no database ".repeat(100));
    assertThrows(
      () => openDatabase(path, { pragmas: { journal_mode: "WAL" } }),
      Error,
      "not a database",
    );
    if (Deno.build.os !== "linux") return;
    const links = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`);
      } catch {
        return ""; // the folder's own, closed by now
      }
    });
    assertEquals(links.includes(path), false);
  }),
);

Deno.test(
  "openDatabase() with readOnly refuses to write",
  withPath((path) => {
    use(path, (db) => migrate(db, V1));
    const db = openDatabase(path, { readOnly: true });
    assertThrows(() => db.exec("DELETE FROM notes"), Error, "readonly");
    db.close();
  }),
);

Deno.test(
  "prepareAll() prepares each statement under its name",
  withPath((path) => {
    use(path, (db) => {
      migrate(db, V1);
      const { add, count } = prepareAll(db, {
        add: "INSERT INTO notes (text) VALUES (?)",
        count: "SELECT count(*) AS n FROM notes",
      });
      add.run("a");
      add.run("b");
      assertEquals(count.get()?.["n"], 2);
    });
  }),
);

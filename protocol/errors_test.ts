import { assert, assertEquals, assertMatch } from "@std/assert";
import { ChatError, closeFor, type ErrorCode, type ErrorRow, ERRORS } from "./errors.ts";

const rows = Object.entries<ErrorRow>(ERRORS);

Deno.test("ERRORS: codes are snake_case, sentences have no period, numbers are in range", () => {
  for (const [code, row] of rows) {
    assertMatch(code, /^[a-z]+(_[a-z]+)*$/);
    assertMatch(row.sentence, /^[A-Z].*[^.]$/);
    assert(row.status === undefined || row.status >= 400 && row.status < 600, code);
    assert(row.closeCode === undefined || row.closeCode >= 1001 && row.closeCode < 1015, code);
    assert(row.exitCode === undefined || row.exitCode > 0 && row.exitCode < 128, code);
    assert(row.status ?? row.closeCode ?? row.exitCode ?? row.line, `${code} can be met nowhere`);
  }
});

Deno.test("closeFor() returns a reason that fits a close frame", () => {
  assertEquals(closeFor(undefined), { closeCode: 1000, reason: "" });
  for (const [code, row] of rows) {
    const { closeCode, reason } = closeFor(code as ErrorCode);
    assertEquals(closeCode, row.closeCode ?? 1011);
    assert(new TextEncoder().encode(reason).length <= 123, code);
    assert(reason.startsWith(`${code}: `));
  }
});

Deno.test("ChatError carries its code, its sentence or a better one, and its cause", () => {
  const cause = new Error("why");
  const error = new ChatError("too_long", { cause });
  assertEquals([error.code, error.message, error.cause], [
    "too_long",
    ERRORS.too_long.sentence,
    cause,
  ]);
  assertEquals(new ChatError("bad_usage", { message: "better" }).message, "better");
});

Deno.test("ERRORS and the table in docs/protocol.md say the same", async () => {
  const text = await Deno.readTextFile(new URL("../docs/protocol.md", import.meta.url));
  const documented = text.split("\n")
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter(([code]) => code?.startsWith("`"))
    .filter((cells) => cells.length === 7);
  const expected = rows.map(([code, row]) => [
    `\`${code}\``,
    row.sentence,
    ...[row.status, row.closeCode].map((n) => `${n ?? "-"}`),
    row.line ? "yes" : "-",
    `${row.exitCode ?? "-"}`,
    row.reconnect ? "yes" : "no",
  ]);
  assertEquals(documented, expected);
});

import { assert, assertEquals } from "@std/assert";
import { ChatError, type ErrorCode } from "../../protocol/errors.ts";
import { serveBadInvite } from "./sign_in_page.ts";

const HINT = "Ask the sender for a new invite";

Deno.test("serveBadInvite() suggests a new invite only if that can help", async () => {
  const serve = (code: ErrorCode) => {
    const target = { request: new Request("http://localhost/invite/x"), path: "/invite/x" };
    return serveBadInvite(target, new ChatError(code));
  };
  for (const code of ["bad_invite", "too_many_sessions"] as const) {
    assert((await serve(code).text()).includes(HINT), code);
  }
  const full = serve("data_full");
  assertEquals(full.status, 507);
  assert(!(await full.text()).includes(HINT));
});

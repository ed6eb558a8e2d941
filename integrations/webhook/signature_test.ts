import { assert, assertEquals, assertThrows } from "@std/assert";
import { Webhook } from "standardwebhooks";
import { ChatError } from "../../protocol/errors.ts";
import { parseSecret, signatureHeaders } from "./signature.ts";

const BODY = '{"text":"héllo 🙂"}';

Deno.test("signatureHeaders() are accepted by an independent receiver, with either kind of secret", () => {
  const base64 = `whsec_${btoa("a secret of some bytes\0")}`;
  const words = "a secret, wörd for word";
  const receivers: [string, Webhook][] = [
    [words, new Webhook(new TextEncoder().encode(words), { format: "raw" })],
    [base64, new Webhook(base64)],
  ];
  for (const [secret, receiver] of receivers) {
    const signed = { id: "e.r%20o.1", atMs: Date.now(), body: BODY };
    const headers = signatureHeaders(parseSecret(secret), signed);
    assertEquals(receiver.verify(BODY, headers), JSON.parse(BODY));
    const others = [["webhook-id", "e.r%20o.2"], ["webhook-timestamp", String(signed.atMs)]];
    for (const [name, value] of others) {
      assertThrows(() => receiver.verify(BODY, { ...headers, [name!]: value! }));
    }
    assertThrows(() => receiver.verify(`${BODY} `, headers));
  }
});

Deno.test("signatureHeaders() contain the time in whole seconds", () => {
  const { "webhook-timestamp": timestamp } = signatureHeaders(parseSecret("secret"), {
    id: "1",
    atMs: 1_790_000_000_999,
    body: "",
  });
  assertEquals(timestamp, "1790000000");
});

Deno.test("parseSecret() refuses an invalid secret, and does not repeat it", () => {
  for (const secret of ["", "whsec_", "whsec_not base64!"]) {
    const error = assertThrows(() => parseSecret(secret), ChatError);
    assertEquals(error.code, "bad_usage");
    assert(!error.message.includes("not base64!"), error.message);
  }
});

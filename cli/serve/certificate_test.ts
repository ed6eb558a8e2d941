import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../../protocol/errors.ts";
import { makeCertificate } from "../../tests/support/certificate.ts";
import { readCertificate } from "./certificate.ts";

const [mine, other] = await Promise.all([makeCertificate(), makeCertificate()]);

/** Runs `use` with two temporary files of these contents. */
async function withFiles(
  { cert, key }: { cert: string; key: string },
  use: (files: { cert: string; key: string }) => void,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "confab-certificate-" });
  try {
    const files = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
    await Promise.all([Deno.writeTextFile(files.cert, cert), Deno.writeTextFile(files.key, key)]);
    use(files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readCertificate() reads a certificate chain and its key", async () => {
  for (const cert of [mine.cert, `${mine.cert}\n${other.cert}`, `Subject: x\n${mine.cert}`]) {
    await withFiles({ cert, key: mine.key }, (files) => {
      assertEquals(readCertificate(files), { cert, key: mine.key });
    });
  }
});

Deno.test("readCertificate() explains what cannot be used, and shows no contents", async () => {
  const secret = mine.key.split("\n")[1]!.slice(0, 20);
  const locked = mine.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE");
  const cases: [string, string, RegExp][] = [
    ["", mine.key, /^Cannot use certificate ".*cert\.pem": it contains no PEM certificate$/],
    [mine.key, mine.key, /cert\.pem": it contains no PEM certificate$/],
    [mine.cert, "", /^Cannot use key ".*key\.pem": it contains no unencrypted PEM private key$/],
    [mine.cert, locked, /key\.pem": it contains no unencrypted PEM private key$/],
    [mine.cert, other.key, /cert\.pem" with key ".*key\.pem": they do not match$/],
    [mine.cert, mine.key.replace(/\n.{9}/, "\n"), /key\.pem": one of them is damaged$/],
    [mine.cert.replace(/\n.{9}/, "\n"), mine.key, /key\.pem": one of them is damaged$/],
  ];
  for (const [cert, key, expected] of cases) {
    await withFiles({ cert, key }, (files) => {
      const { code, message } = assertThrows(() => readCertificate(files), ChatError);
      assertEquals(code, "certificate_unavailable");
      assert(expected.test(message), message);
      assert(!message.includes(secret), message);
    });
  }
});

Deno.test("readCertificate() names the file that cannot be read", async () => {
  const files = { cert: "/no/such/cert.pem", key: "/no/such/key.pem" };
  const { message } = assertThrows(() => readCertificate(files), ChatError);
  assert(message.startsWith('Cannot read certificate "/no/such/cert.pem": '), message);
  await withFiles(mine, ({ cert }) => {
    const { message } = assertThrows(() => readCertificate({ ...files, cert }), ChatError);
    assert(message.startsWith('Cannot read key "/no/such/key.pem": '), message);
  });
});

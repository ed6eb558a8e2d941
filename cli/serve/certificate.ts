// The certificate that the server shows and its key, read from their files and checked, at the start and at each SIGHUP. No
// error shows anything of what is in them.
import { ChatError } from "../../protocol/errors.ts";
import type { Certificate } from "../../transport/transport.ts";
import type { CertificateFiles } from "../config/config.ts";
import { readTextFile } from "../secret.ts";

/** A key with a passphrase has another label. */
const KEY_LABEL = /^-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/m;
const CERTIFICATE_LABEL = /^-----BEGIN CERTIFICATE-----/m;

/**
 * Reads both.
 * @throws {ChatError} `certificate_unavailable` when one cannot be read or the two are of no use.
 */
export function readCertificate(files: CertificateFiles): Certificate {
  const cert = readTextFile(files.cert, { name: "certificate", code: "certificate_unavailable" });
  const key = readTextFile(files.key, { name: "key", code: "certificate_unavailable" });
  if (!CERTIFICATE_LABEL.test(cert)) {
    throw unavailable(`Cannot use certificate "${files.cert}": it contains no PEM certificate`);
  }
  if (!KEY_LABEL.test(key)) {
    throw unavailable(
      `Cannot use key "${files.key}": it contains no unencrypted PEM private key`,
    );
  }
  check({ cert, key }, files);
  return { cert, key };
}

/** What listens checks the two. Nobody is told of this port, which is free again at once. */
function check(certificate: Certificate, { cert, key }: CertificateFiles): void {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...certificate }).close();
  } catch (cause) {
    const isOther = (cause as Error).message.includes("KeyMismatch");
    const reason = isOther ? "they do not match" : "one of them is damaged";
    throw unavailable(`Cannot use certificate "${cert}" with key "${key}": ${reason}`, cause);
  }
}

function unavailable(message: string, cause?: unknown): ChatError {
  return new ChatError("certificate_unavailable", { message, cause });
}

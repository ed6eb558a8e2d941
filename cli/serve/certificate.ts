// Reads the TLS certificate and its private key from their files, and checks them: at the start and at each SIGHUP. No error
// shows their contents.
import { ChatError } from "../../protocol/errors.ts";
import type { Certificate } from "../../transport/transport.ts";
import type { CertificateFiles } from "../config/config.ts";
import { readTextFile } from "../secret.ts";

/** Label of a private key. One with a passphrase has another label. */
const KEY_LABEL = /^-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/m;
const CERTIFICATE_LABEL = /^-----BEGIN CERTIFICATE-----/m;

/**
 * Reads the certificate and the key.
 * @throws {ChatError} `certificate_unavailable` if a file cannot be read, or the two cannot be used together.
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

/** Checks that the two fit, by listening with them on a random port that is closed at once. */
function check(certificate: Certificate, { cert, key }: CertificateFiles): void {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...certificate }).close();
  } catch (cause) {
    const isMismatch = (cause as Error).message.includes("KeyMismatch");
    const reason = isMismatch ? "they do not match" : "one of them is damaged";
    throw unavailable(`Cannot use certificate "${cert}" with key "${key}": ${reason}`, cause);
  }
}

function unavailable(message: string, cause?: unknown): ChatError {
  return new ChatError("certificate_unavailable", { message, cause });
}

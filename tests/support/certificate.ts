// Certificates for tests: each is its own root, for `localhost` and 127.0.0.1.
import { generate } from "selfsigned";
import type { Certificate } from "../../transport/transport.ts";

/** A certificate that is valid now, with its key. */
export async function makeCertificate(): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], {
    algorithm: "sha256",
    keyType: "ec",
    extensions: [
      { name: "basicConstraints", cA: false },
      {
        name: "subjectAltName",
        altNames: [{ type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" }],
      },
    ],
  });
  return { cert, key };
}

/** A client that trusts these and no other, and makes a connection for each request. The caller closes it. */
export function trusting(...certificates: readonly Certificate[]): Deno.HttpClient {
  return Deno.createHttpClient({
    caCerts: certificates.map(({ cert }) => cert),
    poolMaxIdlePerHost: 0,
  });
}

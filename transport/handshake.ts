// The handshake of a WebSocket is checked here, for every transport. Pure.

/** 16 bytes in base64 (RFC 6455, section 4.2.1). */
const KEY = /^[+/\dA-Za-z]{22}==$/;

/** Version of the protocol that all transports support. */
const VERSION = "13";

/** @throws {TypeError} if the version or the key of a request for an upgrade is missing or wrong. */
export function checkHandshake({ version, key }: { version: unknown; key: unknown }): void {
  if (version !== VERSION || typeof key !== "string" || !KEY.test(key)) {
    throw new TypeError("Cannot upgrade: a header is missing or wrong");
  }
}

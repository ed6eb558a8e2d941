// A WebSocket client over plain TCP, for tests and loads: it shows every byte, reads only when asked to, and can
// send what no well-behaved client would. Loopback only.

/** Opcodes of RFC 6455, section 5.2. */
export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame as it arrived. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

const HOST = "127.0.0.1";
const READ_BYTES = 64 * 1024;

/** One client. Nothing is read from the network except inside `readChunk` and `readFrame`. */
export class RawSocket implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #chunk = new Uint8Array(READ_BYTES);
  /** Received and not yet handed out. */
  #rest: Uint8Array<ArrayBufferLike> = new Uint8Array(0);

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects and sends bytes of the caller's making. */
  static async connect(port: number, head: string): Promise<RawSocket> {
    const socket = new RawSocket(await Deno.connect({ hostname: HOST, port }));
    await socket.write(new TextEncoder().encode(head));
    return socket;
  }

  /** Connects and upgrades. @throws when the answer is not 101. */
  static async open(port: number, path = "/ws", headers: string[] = []): Promise<RawSocket> {
    const socket = await RawSocket.connect(port, upgradeRequest(port, path, headers));
    const head = await socket.readHead();
    if (!head.startsWith("HTTP/1.1 101 ")) {
      socket.drop();
      throw new Error(`Cannot upgrade ${path}: expected 101, received "${head.split("\r\n")[0]}"`);
    }
    return socket;
  }

  /** The head of an HTTP response. */
  async readHead(): Promise<string> {
    let text = "";
    while (!text.includes("\r\n\r\n")) {
      const chunk = await this.readChunk();
      if (!chunk) throw new Error(`Cannot read head: connection ended after "${text}"`);
      text += Array.from(chunk, (byte) => String.fromCharCode(byte)).join("");
    }
    const end = text.indexOf("\r\n\r\n") + 4;
    this.#rest = Uint8Array.from(text.slice(end), (char) => char.charCodeAt(0));
    return text.slice(0, end);
  }

  /** What arrived next, at most so many bytes of it, or null at the end. Valid until the next read. */
  async readChunk(maxBytes = READ_BYTES): Promise<Uint8Array | null> {
    if (this.#rest.length > 0) {
      const rest = this.#rest.subarray(0, maxBytes);
      this.#rest = this.#rest.subarray(maxBytes);
      return rest;
    }
    const count = await this.#conn.read(this.#chunk.subarray(0, maxBytes)).catch(() => null);
    return count === null ? null : this.#chunk.subarray(0, count);
  }

  /** The next whole frame, or null at the end. */
  async readFrame(): Promise<Frame | null> {
    for (;;) {
      const frame = decodeFrame(this.#rest);
      if (frame) {
        this.#rest = this.#rest.slice(frame.size);
        return frame;
      }
      const before = this.#rest;
      this.#rest = new Uint8Array(0);
      const chunk = await this.readChunk();
      if (!chunk) return null;
      this.unread(concat([before, chunk]));
    }
  }

  /** Gives back what was read, to be read again. */
  unread(bytes: Uint8Array): void {
    this.#rest = concat([bytes, this.#rest]);
  }

  /** The next text message, skipping pings. @throws when something else comes first. */
  async readText(): Promise<string> {
    let frame = await this.readFrame();
    while (frame?.opcode === OPCODE.ping) frame = await this.readFrame();
    if (frame?.opcode !== OPCODE.text) {
      throw new Error(`Cannot read text: received opcode ${frame?.opcode ?? "none, the end"}`);
    }
    return new TextDecoder().decode(frame.payload);
  }

  /** Code and reason of the close frame, skipping all before it. */
  async readClose(): Promise<{ code: number; reason: string }> {
    let frame = await this.readFrame();
    while (frame && frame.opcode !== OPCODE.close) frame = await this.readFrame();
    if (!frame) throw new Error("Cannot read close frame: the connection ended without one");
    const [high = 0, low = 0] = frame.payload;
    const reason = new TextDecoder().decode(frame.payload.subarray(2));
    return { code: (high << 8) | low, reason };
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  send(text: string): Promise<void> {
    return this.write(encodeFrame(OPCODE.text, new TextEncoder().encode(text)));
  }

  /** Ends the sending half of the TCP connection. The other half can still be read. */
  endWriting(): Promise<void> {
    return (this.#conn as Deno.TcpConn).closeWrite();
  }

  /** Cuts the TCP connection, without a close frame. */
  drop(): void {
    try {
      this.#conn.close();
    } catch { /* already closed */ }
  }

  [Symbol.dispose](): void {
    this.drop();
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of an upgrade request. */
export function upgradeRequest(port: number, path: string, headers: string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${HOST}:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version: 13",
    ...headers,
    "\r\n",
  ].join("\r\n");
}

/** A final frame as a client sends it: masked, with a mask of zeros that leaves the payload readable. */
export function encodeFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const size = length < 126
    ? [length]
    : length < 65536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (length >>> shift) & 255)];
  size[0]! |= 0x80;
  const head = [0x80 | opcode, ...size, 0, 0, 0, 0];
  const frame = new Uint8Array(head.length + length);
  frame.set(head);
  frame.set(payload, head.length);
  return frame;
}

/** Length of a server frame's header and payload, or null while the header is not complete. */
export function frameLengths(bytes: Uint8Array): { head: number; payload: number } | null {
  const short = bytes[1];
  if (short === undefined) return null;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < head) return null;
  let payload = short;
  if (short >= 126) payload = bytes.subarray(2, head).reduce((sum, byte) => sum * 256 + byte, 0);
  return { head, payload };
}

function decodeFrame(bytes: Uint8Array): Frame & { size: number } | null {
  const lengths = frameLengths(bytes);
  const size = lengths ? lengths.head + lengths.payload : 0;
  if (!lengths || bytes.length < size) return null;
  return { opcode: bytes[0]! & 15, payload: bytes.slice(lengths.head, size), size };
}

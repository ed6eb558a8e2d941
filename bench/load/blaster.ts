// A server that only sends: it accepts so many clients, and then writes prepared lines to all of them as fast as they
// read, until it is killed. It shows how much the load client can receive when nothing else is the limit.
//
//   deno run -A bench/load/blaster.ts CLIENTS SENDERS
import { Buffer } from "node:buffer";
import { findNumbers, firstLine, setNumber } from "./line.ts";

/** Lines in a frame: as many as make 10 KB, about as much as a busy server sends at once. */
const FRAME_LINES = 160;
const HEAD_BYTES = 4;

const SWITCHING =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

/** Frame of lines that the senders send in rotation. Each call of `next` renumbers its lines. */
class Frame {
  readonly bytes: Buffer;
  readonly #numbersAt: readonly number[];
  readonly #senders: number;
  #lines = 0;

  constructor(senders: number) {
    this.#senders = senders;
    // Use whole rounds, so that each position always belongs to the same sender.
    const lines = Math.ceil(FRAME_LINES / senders) * senders;
    const text = Array.from({ length: lines }, (_, line) => firstLine(line % senders)).join("\n");
    this.bytes = Buffer.alloc(HEAD_BYTES + text.length);
    this.bytes.set([0x81, 126, text.length >> 8, text.length & 255]);
    this.bytes.write(text, HEAD_BYTES);
    this.#numbersAt = findNumbers(this.bytes);
  }

  next(): void {
    for (const at of this.#numbersAt) {
      setNumber(this.bytes, { at, number: Math.trunc(this.#lines++ / this.#senders) });
    }
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await conn.write(written === 0 ? bytes : bytes.subarray(written));
  }
}

async function main([clients, senders]: number[]): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  const conns: Deno.Conn[] = [];
  while (conns.length < clients!) {
    const conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    await writeAll(conn, Buffer.from(SWITCHING));
    conns.push(conn);
  }
  const frame = new Frame(senders!);
  for (;;) {
    frame.next();
    const writes = conns.map((conn) => writeAll(conn, frame.bytes));
    // The clients leave when they have measured.
    await Promise.all(writes).catch(() => Deno.exit(0));
  }
}

if (import.meta.main) await main(Deno.args.map(Number));

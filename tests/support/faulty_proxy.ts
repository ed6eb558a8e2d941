// A TCP proxy on the loopback address that does to connections what a network may do: cut, stall, swallow, slow down.
// Faults are set on a link, or on each new one by `onLink`. A cut is seen as an end (FIN), not as a reset.
import { delay } from "@std/async/delay";

const HOST = "127.0.0.1";
const READ_BYTES = 64 * 1024;

/** A slowed pipe passes something this often. */
const PACE_MS = 20;

/** Listens on a free port and leads each connection to the target. */
export class FaultyProxy implements AsyncDisposable {
  /** Where new connections lead. */
  targetPort: number;
  /** Called for each connection before a byte of it has passed. */
  onLink: (link: Link) => void = () => {};
  readonly #listener = Deno.listen({ hostname: HOST, port: 0 });
  readonly #links = new Map<Link, Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(targetPort: number) {
    this.targetPort = targetPort;
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Connections that have not ended, oldest first. */
  get links(): Link[] {
    return [...this.#links.keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const link of this.links) link.close();
    await Promise.all([this.#accepting, ...this.#links.values()]);
  }

  async #accept(): Promise<void> {
    for await (const near of this.#listener) {
      const link = new Link(near);
      this.onLink(link);
      this.#links.set(link, link.run(this.targetPort).then(() => void this.#links.delete(link)));
    }
  }
}

/** One connection, from the client that is near to the target that is far. */
export class Link {
  /** From the client to the target. */
  readonly up: Pipe = new Pipe(() => this.cut());
  /** From the target to the client. */
  readonly down: Pipe = new Pipe(() => this.cut());
  readonly #near: Deno.Conn;
  #far: Deno.Conn | undefined;

  constructor(near: Deno.Conn) {
    this.#near = near;
  }

  /** Passes bytes until both ends have closed. Behind a blackhole there is no target, and without one no link. */
  async run(targetPort: number): Promise<void> {
    const { up, down } = this;
    const target = { hostname: HOST, port: targetPort };
    if (!up.isSwallowing) this.#far = await Deno.connect(target).catch(() => undefined);
    const far = this.#far;
    if (up.isSwallowing) await up.run(this.#near, undefined);
    else if (far) await Promise.all([up.run(this.#near, far), down.run(far, this.#near)]);
    this.close();
  }

  /** Ends it for both, at once. What had passed arrives; what either still sends does not. */
  cut(): void {
    for (const pipe of [this.up, this.down]) pipe.swallow();
    for (const conn of [this.#near, this.#far]) conn?.closeWrite().catch(() => {});
  }

  /** Both ends stay open and hear nothing of each other any more. */
  blackhole(): void {
    for (const pipe of [this.up, this.down]) pipe.swallow();
  }

  close(): void {
    for (const pipe of [this.up, this.down]) pipe.swallow();
    for (const conn of [this.#near, this.#far]) {
      try {
        conn?.close();
      } catch { /* already closed */ }
    }
  }
}

/** One direction of a link. */
export class Pipe {
  /** Bytes that have been passed on. */
  passed = 0;
  isSwallowing = false;
  readonly #cut: () => void;
  #isWriting = false;
  #cutAt = Infinity;
  #bytesAtOnce = Infinity;
  #stalled: PromiseWithResolvers<void> | undefined;

  constructor(cut: () => void) {
    this.#cut = cut;
  }

  /** Cuts the link when exactly this many more bytes have passed. */
  cutAfter(bytes: number): void {
    this.#cutAt = this.passed + bytes;
    if (bytes === 0 && !this.#isWriting) this.#cut();
  }

  /** Passes nothing on and reads nothing, until told to `goOn`. */
  stall(): void {
    this.#stalled ??= Promise.withResolvers<void>();
  }

  goOn(): void {
    this.#stalled?.resolve();
    this.#stalled = undefined;
  }

  slowTo(bytesPerSecond: number): void {
    this.#bytesAtOnce = Math.max(1, Math.round(bytesPerSecond * PACE_MS / 1000));
  }

  /** Reads on and passes nothing. */
  swallow(): void {
    this.isSwallowing = true;
    this.goOn();
  }

  /** Reads until the end, and ends the other side then. */
  async run(from: Deno.Conn, to: Deno.Conn | undefined): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        if (to) await this.#pass(buffer.subarray(0, count), to);
      }
      await this.#stalled?.promise;
      if (!this.isSwallowing) await to?.closeWrite();
    } catch {
      this.#cut(); // one end has gone: so has the link
    }
  }

  async #pass(bytes: Uint8Array, to: Deno.Conn): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      await this.#stalled?.promise;
      if (this.isSwallowing) return;
      const size = Math.min(this.#cutAt - this.passed, this.#bytesAtOnce);
      const part = bytes.subarray(at, at + size);
      at += part.length;
      this.passed += part.length; // before the write, so that `cutAfter` counts from what is decided
      this.#isWriting = true;
      for (let sent = 0; sent < part.length;) sent += await to.write(part.subarray(sent));
      this.#isWriting = false;
      if (this.passed >= this.#cutAt) this.#cut();
      else if (this.#bytesAtOnce < Infinity) await delay(PACE_MS);
    }
  }
}

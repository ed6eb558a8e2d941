// An outgoing webhook of the whole program: its receiver is away at first, the program is killed once, and things are said
// all the while. Takes some 40 s, most of them because the receiver is away.
import { assert, assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async/delay";
import { Webhook } from "standardwebhooks";
import { JsonSocket, makeKey } from "./support/json_socket.ts";
import { type Program, startProgram } from "./support/program.ts";

const SECRET = `whsec_${btoa("known to two programs")}`;

/** How long nobody answers at the receiver's address. */
const AWAY_MS = 20_000;

/** Between two messages of a speaker, so that there are some thousand in all. */
const PACE_MS = 20;

/** Posts before the program is killed, in the middle of a page, and after. */
const POSTS_BEFORE_KILL = 530;
const POSTS_AFTER_KILL = 500;

/** Entries of a page, which a hook may post again in each room after it was killed. */
const PAGE_ENTRIES = 100;

const DEADLINE_MS = 30_000;

/** One request that was let through. */
interface Post {
  readonly webhookId: string;
  readonly room: string;
  readonly epoch: string;
  readonly entry: { readonly seq: number; readonly id: string; readonly text: string };
}

/** Where the hook points. It lets nothing through that is not signed. */
class Receiver implements AsyncDisposable {
  readonly posts: Post[] = [];
  readonly refused: string[] = [];
  readonly #verifier = new Webhook(SECRET);
  /** Hangs up on everybody. */
  readonly #away = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly port = this.#away.addr.port;
  readonly #isAway = this.#hangUp();
  #server: Deno.HttpServer | undefined;

  async comeBack(): Promise<void> {
    this.#away.close();
    await this.#isAway;
    const handler = (request: Request) => this.#take(request);
    const where = { hostname: "127.0.0.1", port: this.port, onListen() {} };
    this.#server = Deno.serve({ ...where, handler });
  }

  /** Entries of a room in the order in which they came first. */
  firstPosts(room: string): Post[] {
    const first = new Map<string, Post>();
    for (const post of this.posts) {
      if (post.room === room && !first.has(post.webhookId)) first.set(post.webhookId, post);
    }
    return [...first.values()];
  }

  async #hangUp(): Promise<void> {
    for await (const connection of this.#away) connection.close();
  }

  async #take(request: Request): Promise<Response> {
    const headers = Object.fromEntries(request.headers);
    try {
      const body = this.#verifier.verify(await request.text(), headers) as Omit<Post, "webhookId">;
      this.posts.push({ ...body, webhookId: headers["webhook-id"]! });
      return new Response(null, { status: 204 });
    } catch (error) {
      this.refused.push(String(error));
      return new Response(null, { status: 401 });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server) return await this.#server.shutdown();
    this.#away.close();
    await this.#isAway;
  }
}

/** Says one thing after the other in a room, again where it is not acknowledged, over connections that may end. */
abstract class ClientHandle {
  isDone = false;
  /** Ids by number. */
  readonly acked = new Map<number, string>();

  constructor(readonly room: string, readonly port: () => number) {}

  async run(): Promise<void> {
    for (let n = 1; !this.isDone; n++) {
      const id = `${this.room} ${n}`;
      let seq: number | undefined;
      const end = Date.now() + DEADLINE_MS;
      while (seq === undefined) {
        await delay(PACE_MS);
        seq = await this.say(id).catch(() => undefined);
        if (Date.now() > end) throw new Error(`Waited in vain for an answer to ${id}`);
      }
      assertEquals(this.acked.get(seq), undefined, `${seq} is two entries`);
      this.acked.set(seq, id);
    }
    await this.leave();
  }

  /** Resolves with its number, or undefined where the connection has ended. */
  abstract say(id: string): Promise<number | undefined>;
  abstract leave(): Promise<void>;
}

class SocketSpeaker extends ClientHandle {
  #socket: JsonSocket | undefined;

  override async say(id: string): Promise<number | undefined> {
    const wish = { name: "Ann", path: `/r/${this.room}/ws`, history: 0 };
    this.#socket ??= (await JsonSocket.join(this.port(), wish)).socket;
    this.#socket.send({ type: "say", id, text: `text of ${id}` });
    const ack = await this.#socket.read("ack");
    if (!ack) this.#socket = undefined;
    return ack?.seq;
  }

  override async leave(): Promise<void> {
    await this.#socket?.[Symbol.asyncDispose]();
  }
}

class HttpSpeaker extends ClientHandle {
  override async say(id: string): Promise<number | undefined> {
    const headers = { "confab-key": makeKey("Ben"), "idempotency-key": id };
    const url = `http://127.0.0.1:${this.port()}/r/${this.room}?name=Ben`;
    const response = await fetch(url, { method: "POST", headers, body: `text of ${id}` });
    const { seq } = await response.json();
    return seq;
  }

  override async leave(): Promise<void> {}
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${what}`);
    await delay(10);
  }
}

Deno.test("--hook: a receiver that was away and a program that is killed lose no entry, and order none anew", async () => {
  await using receiver = new Receiver();
  await using restarting = new Restarting(`http://127.0.0.1:${receiver.port}/in?token=hidden`);
  await restarting.start();
  const port = () => restarting.port;
  const speakers = [new SocketSpeaker("lobby", port), new HttpSpeaker("ops", port)];
  const spoken = Promise.all(speakers.map((speaker) => speaker.run()));
  try {
    await delay(AWAY_MS);
    await receiver.comeBack();
    await until("some posts came", () => receiver.posts.length >= POSTS_BEFORE_KILL);
    checkLog(await restarting.kill());
    const enough = receiver.posts.length + POSTS_AFTER_KILL;
    await restarting.start();
    await until("more posts came", () => receiver.posts.length >= enough);
  } finally {
    for (const speaker of speakers) speaker.isDone = true;
  }
  await spoken;
  for (const { room, acked } of speakers) {
    await until(`${room} is told`, () => receiver.firstPosts(room).length >= acked.size);
    checkPosts(receiver.firstPosts(room), acked);
  }
  assertEquals(receiver.refused, []);
  const entries = speakers.reduce((sum, { acked }) => sum + acked.size, 0);
  const again = receiver.posts.length - entries;
  console.log(`${entries} entries, ${again} of them twice`);
  assert(again <= speakers.length * PAGE_ENTRIES, `${again} were posted again`);
});

/** The program with a hook, and the journal that outlives it. */
class Restarting implements AsyncDisposable {
  readonly #url: string;
  readonly #data = Deno.makeTempDirSync({ prefix: "confab-hook-" });
  #program: Program | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  get port(): number {
    return this.#program!.port;
  }

  async start(): Promise<void> {
    this.#program = await startProgram({
      args: ["--addr", "127.0.0.1:0", "--keep", "0", "--hook", this.#url],
      env: { CONFAB_HOOK_SECRET: SECRET },
      data: this.#data,
    });
  }

  /** Resolves with its log. */
  async kill(): Promise<string> {
    const program = this.#program!;
    program.kill("SIGKILL");
    await program[Symbol.asyncDispose]();
    return program.log();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
    await Deno.remove(this.#data, { recursive: true });
  }
}

function checkPosts(posts: readonly Post[], acked: ReadonlyMap<number, string>): void {
  assertGreater(acked.size, POSTS_BEFORE_KILL / 2);
  assertEquals(posts.map(({ entry }) => entry.seq), [...acked.keys()]);
  for (const { webhookId, room, epoch, entry } of posts) {
    assertEquals(entry.id, acked.get(entry.seq));
    assertEquals(entry.text, `text of ${entry.id}`);
    assertEquals(webhookId, `${epoch}.${room}.${entry.seq}`);
  }
}

/** The outage is told once, and nothing of the URL but its origin. */
function checkLog(log: string): void {
  assertEquals(log.match(/hook failed/g)?.length, 1, log);
  assert(!/token|hidden/.test(log), log);
}

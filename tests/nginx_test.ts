// Behind a real nginx, configured by the very example of docs/operating.md: https, a path, sockets and streams. Loopback only.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { findBrowser, message, online, openBrowser, say, texts } from "./support/browser.ts";
import { makeCertificate, trusting } from "./support/certificate.ts";
import { within } from "./support/deadline.ts";
import { eventually } from "./support/until.ts";
import { type Program, startProgram } from "./support/program.ts";
import type { Certificate } from "../transport/transport.ts";

const NGINX = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});
const noNginx = NGINX ? "" : " (ignored: no nginx here)";
const chromium = findBrowser();
const noBrowser = noNginx || (chromium ? "" : " (ignored: no Chromium here)");

const WAIT_MS = 20_000;
const FOLDERS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** The example, with ports and paths of this test. */
async function exampleFor(ports: { nginx: number; confab: number }, folder: string) {
  const text = await Deno.readTextFile(new URL("../docs/operating.md", import.meta.url));
  const example = /^```nginx\n(.*?)^```/ms.exec(text)![1]!;
  const ours: [RegExp, string][] = [
    [/listen 443 /, `listen 127.0.0.1:${ports.nginx} `],
    [/server_name \S+;/, "server_name localhost;"],
    [/\/etc\/\S+\/fullchain\.pem/, `${folder}/cert.pem`],
    [/\/etc\/\S+\/privkey\.pem/, `${folder}/key.pem`],
    [/127\.0\.0\.1:8080/, `127.0.0.1:${ports.confab}`],
  ];
  return ours.reduce((example, [theirs, our]) => {
    assertMatch(example, theirs);
    return example.replace(theirs, our);
  }, example);
}

/** A port that is free now. */
function findPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A Confab below /chat, and an nginx before it that can be ended and started again. */
class Proxied implements AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  readonly #folder: string;
  readonly #certificate: Certificate;
  readonly #client: Deno.HttpClient;
  #nginx: Deno.ChildProcess | undefined;

  private constructor(program: Program, folder: string, certificate: Certificate, port: number) {
    this.program = program;
    this.port = port;
    this.#folder = folder;
    this.#certificate = certificate;
    this.#client = trusting(certificate);
  }

  static async open(env: Record<string, string> = {}): Promise<Proxied> {
    const folder = await Deno.makeTempDir({ prefix: "confab-nginx-" });
    const certificate = await makeCertificate();
    const args = ["--addr", "127.0.0.1:0", "--base", "/chat", "--host", "localhost"];
    const program = await startProgram({ args, env });
    const port = findPort();
    const example = await exampleFor({ nginx: port, confab: program.port }, folder);
    const temps = FOLDERS.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
    await Promise.all([
      Deno.writeTextFile(`${folder}/cert.pem`, certificate.cert),
      Deno.writeTextFile(`${folder}/key.pem`, certificate.key),
      Deno.writeTextFile(
        `${folder}/nginx.conf`,
        `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {}\n` +
          `http { access_log off; ${temps}\n${example}}\n`,
      ),
    ]);
    const proxied = new Proxied(program, folder, certificate, port);
    await proxied.start();
    return proxied;
  }

  get url(): string {
    return `https://localhost:${this.port}/chat`;
  }

  async start(): Promise<void> {
    const args = ["-p", this.#folder, "-e", "stderr", "-c", `${this.#folder}/nginx.conf`];
    this.#nginx = new Deno.Command(NGINX!, { args, stderr: "null" }).spawn();
    await eventually(() => this.fetch("/healthz").then((response) => response.ok, () => false));
  }

  reload(): void {
    this.#nginx!.kill("SIGHUP");
  }

  async stop(): Promise<void> {
    this.#nginx!.kill("SIGTERM");
    await this.#nginx!.status;
  }

  /** The whole answer. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.url + path, { ...init, client: this.#client });
    return new Response(await response.arrayBuffer(), response);
  }

  /** The status of a stream that goes on until the client is closed, for a visitor from this address. */
  async statusFrom(client: Deno.HttpClient, path: string, headers: HeadersInit): Promise<number> {
    return (await fetch(this.url + path, { headers, client })).status;
  }

  /** Visits from another address of this machine. Close it. */
  visitor(localAddress: string): Deno.HttpClient {
    const caCerts = [this.#certificate.cert];
    return Deno.createHttpClient({ caCerts, localAddress, poolMaxIdlePerHost: 0 });
  }

  /** A stream of events as it comes. */
  async follow(path: string): Promise<ReadableStreamDefaultReader<string>> {
    const headers = { accept: "text/event-stream" };
    const { body } = await fetch(this.url + path, { headers, client: this.#client });
    return body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  connect(path: string): WebSocket {
    const url = this.url.replace("https", "wss") + path;
    return new WebSocket(url, { client: this.#client, protocols: ["confab.v1"] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.program[Symbol.asyncDispose]();
    this.#client.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Reads until this has come. */
async function readTo(reader: ReadableStreamDefaultReader<string>, text: string): Promise<void> {
  for (let seen = ""; !seen.includes(text);) {
    const { value, done } = await within(WAIT_MS, text, reader.read());
    assert(!done, `${text} after ${seen}`);
    seen += value;
  }
}

Deno.test({
  name: "nginx: the example passes on the page, posts, streams as they come, and sockets" + noNginx,
  ignore: noNginx !== "",
  async fn() {
    await using proxied = await Proxied.open();
    const page = await proxied.fetch(""); // sent on to /chat/
    assertStringIncludes(await page.text(), "<title>Confab</title>");
    assertEquals((await proxied.fetch("/page/chat.js")).status, 200);

    const stream = await proxied.follow("/r/ops");
    await readTo(stream, "welcome");
    const socket = proxied.connect("/r/ops/ws");
    const lines: string[] = [];
    const ended = new Promise((resolve) => socket.onclose = resolve);
    socket.onmessage = ({ data }) => void lines.push(data);
    await within(WAIT_MS, "a socket", new Promise((resolve) => socket.onopen = resolve));
    assertEquals(socket.protocol, "confab.v1");
    socket.send(JSON.stringify({ type: "hello", name: "Ann", key: "the secret of Ann" }));

    const post = (origin: string) =>
      proxied.fetch("/r/ops", { method: "POST", body: "through nginx", headers: { origin } });
    assertEquals((await post("https://evil.example")).status, 403);
    const response = await post(`https://localhost:${proxied.port}`);
    assertEquals([response.status, response.headers.get("location")], [201, "?after=0&limit=1"]);
    await readTo(stream, "through nginx");
    await eventually(() => lines.some((line) => line.includes("through nginx")));

    proxied.reload();
    await eventually(async () => (await proxied.fetch("/healthz")).ok);
    await proxied.fetch("/r/ops", { method: "POST", body: "and on" });
    await readTo(stream, "and on");
    await eventually(() => lines.some((line) => line.includes("and on")));
    await stream.cancel();
    socket.close();
    await ended;
  },
});

Deno.test({
  name: "nginx: the cookie is for its host and for https; limits go by the visitor's address" +
    noNginx,
  ignore: noNginx !== "",
  // What a closed client had open is not told.
  sanitizeResources: false,
  async fn() {
    await using proxied = await Proxied.open({
      CONFAB_PASSWORD: "open sesame",
      CONFAB_TRUST_PROXY: "127.0.0.1",
      CONFAB_PER_ADDRESS: "2",
    });
    const origin = `https://localhost:${proxied.port}`;
    const signedIn = await proxied.fetch("/sign-in", {
      method: "POST",
      redirect: "manual",
      headers: { origin },
      body: new URLSearchParams({ password: "open sesame", next: "./r/ops" }),
    });
    assertEquals([signedIn.status, signedIn.headers.get("location")], [303, "./r/ops"]);
    const cookie = signedIn.headers.get("set-cookie")!;
    assertMatch(cookie, /^__Host-confab_session\+chat=.*; Path=\/(;|$)/);
    assertStringIncludes(cookie, "Secure");
    const headers = { accept: "text/event-stream", cookie: cookie.split(";")[0]! };
    assertEquals((await proxied.fetch("/r/ops")).status, 401);
    const statuses = [];
    const clients = ["127.0.0.2", "127.0.0.3"].map((address) => proxied.visitor(address));
    for (const client of clients) {
      for (let n = 0; n < 3; n++) {
        // What a visitor says of itself stands left of what nginx has seen.
        const forged = { ...headers, "x-forwarded-for": `192.0.2.${n}` };
        statuses.push(await proxied.statusFrom(client, "/r/ops", forged));
      }
    }
    assertEquals(statuses, [200, 200, 503, 200, 200, 503]);
    for (const client of clients) client.close();
  },
});

Deno.test({
  name: "nginx: the page works below a path, and comes back when nginx does" + noBrowser,
  ignore: noBrowser !== "",
  // playwright-core keeps timers and a process watcher of its own beyond close().
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using proxied = await Proxied.open();
    await using browser = await openBrowser(chromium!);
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    const sockets: string[] = [];
    const failed: string[] = [];
    page.on("websocket", (socket) => sockets.push(socket.url()));
    page.on("response", (response) => {
      if (response.status() >= 400) failed.push(response.url());
    });
    await page.goto(`${proxied.url}/r/kitchen`);
    await online(page);
    assertEquals(sockets, [`wss://localhost:${proxied.port}/chat/r/kitchen/ws`]);
    assertEquals(failed, []);
    const manifest = await page.evaluate<string>("document.querySelector('[rel=manifest]').href");
    assert(manifest.startsWith(`${proxied.url}/`), manifest);
    await page.fill("#name", "Ann");
    await page.press("#name", "Enter");
    await say(page, "before");
    await message(page, "before").waitFor();

    await proxied.stop();
    await page.locator('html:not([data-connection="online"])').waitFor();
    await say(page, "while it is away");
    await proxied.start();
    await page.evaluate("dispatchEvent(new Event('online'))"); // not to wait for the next attempt
    await online(page);
    await page.locator("#log .state").first().waitFor({ state: "detached" });
    assertEquals(await texts(page), ["before", "while it is away"]);
    const kept = await proxied.fetch("/r/kitchen", { headers: { accept: "text/plain" } });
    assertEquals([...(await kept.text()).matchAll(/ while it is away$/gm)].length, 1);
  },
});

// Rows about those who come from elsewhere, and about what was said in a room and must stay there.
import { JsonSocket } from "../support/json_socket.ts";
import { RawSocket, upgradeRequest } from "../support/raw_socket.ts";
import { eavesdrop } from "./eavesdropper.ts";
import { exactly, type Figure, type Row, type Setting } from "./row.ts";
import { examine, startVictim } from "./victim.ts";

export const TRESPASS_ROWS: readonly Row[] = [
  { id: "foreign", fault: "a foreign Origin, a missing Host", run: runForeign },
  {
    id: "canary",
    fault: "what was said in one room, looked for in all that another is sent",
    run: runCanary,
  },
];

const FOREIGN = [
  "http://evil.example",
  "null",
  "http://127.0.0.1",
  "http://127.0.0.1:PORT.evil.example",
  "http://127.0.0.1:PORT@evil.example",
  "http://evil.example#http://127.0.0.1:PORT",
];

async function runForeign(setting: Setting): Promise<Figure[]> {
  await using victim = await startVictim(setting);
  const { port } = victim;
  const refusals = { upgrade: 0, post: 0 };
  for (const foreign of FOREIGN) {
    const origin = `Origin: ${foreign.replace("PORT", `${port}`)}`;
    const upgrade = await ask(port, upgradeRequest(port, "/r/ops/ws", [origin]));
    if (upgrade === 403) refusals.upgrade++;
    else console.log(`  an upgrade with ${origin} gets ${upgrade}`);
    const post = ["POST /r/ops HTTP/1.1", `Host: 127.0.0.1:${port}`, origin, "Content-Length: 2"];
    if (await ask(port, `${post.join("\r\n")}\r\n\r\nhi`) === 403) refusals.post++;
  }
  // A request names its host, whatever its Origin is.
  const hostless = await Promise.all(FOREIGN.map((foreign) => {
    const origin = `Origin: ${foreign.replace("PORT", `${port}`)}`;
    return ask(port, upgradeRequest(port, "/ws", [origin]).replace(/Host: .*\r\n/, ""));
  }));
  const own = await ask(port, upgradeRequest(port, "/ws", [`Origin: http://127.0.0.1:${port}`]));
  return [
    exactly("foreign upgrades that got 403", refusals.upgrade, FOREIGN.length),
    exactly("foreign posts that got 403", refusals.post, FOREIGN.length),
    exactly("upgrade from the own page", own, 101),
    exactly(
      "the same without a Host that got 400",
      hostless.filter((code) => code === 400).length,
      FOREIGN.length,
    ),
    ...await examine(victim),
  ];
}

/** The status of the answer; 0 where there is none. */
async function ask(port: number, head: string): Promise<number> {
  using socket = await RawSocket.connect(port, head);
  const answer = await socket.readHead().catch(() => "");
  return Number(answer.split(" ")[1] ?? 0);
}

/** In name, id and text, so that it shows wherever an entry or a person does. Only lower-case letters: no encoding changes them. */
const CANARY = "canaryzqxjkv";

async function runCanary(setting: Setting): Promise<Figure[]> {
  await using victim = await startVictim(setting);
  const { port } = victim;
  const path = "/r/vault/ws";
  await using owner = (await JsonSocket.join(port, { name: CANARY, path })).socket;
  const say = async (n: number) => {
    owner.send({ type: "typing" }, { type: "say", id: `${CANARY} ${n}`, text: `${n} ${CANARY}` });
    return (await owner.read("ack", "error"))?.type === "ack" ? 1 : 0;
  };
  let said = 0;
  for (let n = 0; n < 20; n++) said += await say(n);
  const heard = await eavesdrop(port, { speak: () => say(said++).then(() => {}) });
  const told = [...heard].filter(([, bytes]) => includes(bytes, CANARY)).map(([route]) => route);
  for (const route of told) console.log(`  it was told by ${route}`);
  // The same search must find it where it belongs.
  const vault = await fetch(`http://127.0.0.1:${port}/r/vault`).then((response) =>
    response.bytes()
  );
  return [
    { what: "ways into another room", value: heard.size, least: 20 },
    {
      what: "of them silent",
      value: heard.values().filter((bytes) => bytes.length === 0).toArray().length,
      most: 0,
    },
    exactly("of them that told it", told.length, 0),
    exactly("its own room tells it", includes(vault, CANARY) ? 1 : 0, 1),
    ...await examine(victim),
  ];
}

function includes(bytes: Uint8Array, text: string): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(text);
}

import { assertEquals } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import type { Entry, Kind, Message } from "../protocol/message.ts";
import { anonymousAuthor } from "../protocol/names.ts";
import { type Actor, authorize, type RoomState } from "./authorize.ts";

const OPERATOR = { room: undefined, isOperator: true, sessionId: undefined };
const MEMBER = { ...OPERATOR, isOperator: false };
const ANN = { author: "ann0".padEnd(26, "a"), name: "Ann" };
const BEN = { author: "ben0".padEnd(26, "b"), name: "Ben" };
const BANNED = new ChatError("banned");

function entry(more: Partial<Entry> = {}): Entry {
  return {
    ...{ seq: 1, at: 0, kind: "say" as const, tag: "ann0", id: "", text: "hi", ref: 0, on: true },
    ...ANN,
    ...more,
  };
}

function message(kind: Kind, more: Partial<Message> = {}): Message {
  const ref = kind === "say" || kind === "close" ? 0 : 1;
  return { kind, id: "x", text: "", ref, on: true, ...more };
}

/** The outcome for each kind, in the order of the columns below. */
const KINDS: Kind[] = ["say", "edit", "delete", "react", "close", "ban"];

function outcomes(actor: Partial<Actor>, room: Partial<RoomState> = {}): string[] {
  const whole = { person: ANN, principal: MEMBER, ban: undefined, ...actor };
  const state = { isClosed: false, head: 5, target: entry(), ...room };
  return KINDS.map((kind) => {
    const refusal = authorize(message(kind), whole, state) ?? "ok";
    return refusal instanceof ChatError ? refusal.code : refusal;
  });
}

Deno.test("authorize() says who may do what, for each kind of message", () => {
  const keyless = { author: anonymousAuthor("Bot"), name: "Bot" };
  const only = "not_operator";
  const rows: [string, Partial<Actor>, Partial<RoomState>, string[]][] = [
    // say, edit, delete, react, close, ban
    ["the author", {}, {}, ["ok", "ok", "ok", "ok", only, only]],
    ["another person", { person: BEN }, {}, ["ok", "not_yours", "not_yours", "ok", only, only]],
    [
      "an operator",
      { person: BEN, principal: OPERATOR },
      {},
      ["ok", "not_yours", "ok", "ok", "ok", "ok"],
    ],
    ["no principal", { principal: undefined }, {}, ["ok", "ok", "ok", "ok", only, only]],
    ["no key", { person: keyless }, {}, ["ok", "no_key", "no_key", "no_key", only, only]],
    ["no name", { person: { ...ANN, name: "" } }, {}, [
      ...["no_name", "no_name", "no_name", "no_name", only, only],
    ]],
    ["an operator without a name", { person: { ...ANN, name: "" }, principal: OPERATOR }, {}, [
      ...KINDS.map(() => "no_name"),
    ]],
    ["a banned person", { ban: BANNED }, {}, KINDS.map(() => "banned")],
    ["a closed room", {}, { isClosed: true }, [
      ...["room_closed", "room_closed", "ok", "room_closed", "room_closed", "room_closed"],
    ]],
    ["an operator in a closed room", { principal: OPERATOR }, { isClosed: true }, [
      ...["ok", "ok", "ok", "ok", "ok", "ok"],
    ]],
    ["a target that is not kept", { principal: OPERATOR }, { target: undefined }, [
      ...["ok", "unknown_ref", "unknown_ref", "unknown_ref", "ok", "unknown_ref"],
    ]],
    ["a target that is a later entry", { principal: OPERATOR }, { target: entry({ seq: 2 }) }, [
      ...["ok", "unknown_ref", "unknown_ref", "unknown_ref", "ok", "unknown_ref"],
    ]],
    ["a target that is no message", { principal: OPERATOR }, { target: entry({ kind: "edit" }) }, [
      ...["ok", "unknown_ref", "unknown_ref", "unknown_ref", "ok", "unknown_ref"],
    ]],
    ["a target without a key", { principal: OPERATOR }, {
      target: entry({ author: keyless.author }),
    }, ["ok", "not_yours", "ok", "ok", "ok", "bad_field"]],
  ];
  for (const [who, actor, room, expected] of rows) {
    assertEquals(outcomes(actor, room), expected, who);
  }
});

Deno.test("authorize() lets a reply refer to what is there, and to nothing that is to come", () => {
  const actor = { person: ANN, principal: MEMBER, ban: undefined };
  const room = { isClosed: false, head: 5, target: undefined };
  assertEquals(authorize(message("say", { ref: 5 }), actor, room), undefined);
  assertEquals(authorize(message("say", { ref: 6 }), actor, room), "unknown_ref");
});

Deno.test("authorize() judges a protocol without authors by bans and closed rooms only", () => {
  const actor = { person: undefined, principal: MEMBER };
  const room = { isClosed: false, head: 0, target: undefined };
  assertEquals(authorize(message("say"), { ...actor, ban: undefined }, room), undefined);
  assertEquals(authorize(message("say"), { ...actor, ban: BANNED }, room), BANNED);
  const closed = { ...room, isClosed: true };
  assertEquals(authorize(message("say"), { ...actor, ban: undefined }, closed), "room_closed");
});

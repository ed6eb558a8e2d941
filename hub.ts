// The rooms: what is said in them, in which order, and who is there. One loop owns it all; everything else only posts
// to its inbox. Knows no sockets and no wire, so that its tests need none.
import { Channel } from "@std/async/channel";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ANYONE, type Principal } from "./auth/principal.ts";
import { ChatError, type ErrorCode } from "./protocol/errors.ts";
import type { Journal, Range, ReadLimit } from "./journal/journal.ts";
import { DEFAULT_LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { OneShotSender } from "./hub/one_shot_sender.ts";
import { Moderation } from "./hub/moderation.ts";
import { type Reading, type ResumePoint, Room, type RoomOptions } from "./hub/room.ts";
import { type Member, type Person, Subscription } from "./hub/subscription.ts";
import { increment, Stats } from "./hub/stats.ts";
import { GroupCommit, type Membership } from "./hub/group_commit.ts";
import type { Message, Wire } from "./protocol/message.ts";

export type { Reading };

/** Who registers with a name and a key, and what of the room's past it wants to see. */
export interface JoinRequest extends ResumePoint {
  /** Hash of the key; empty for who has none, and is nobody among the people there. */
  readonly author: string;
  /** Empty for who only reads. */
  readonly name: string;
}

/** Who says something without being there. */
export interface Author {
  /** Hash of the key, or what stands for having none. */
  readonly author: string;
  readonly name: string;
  readonly principal?: Principal;
  /** IP address that it comes from. */
  readonly address?: string;
}

/** Who is there at one moment. */
export interface HubSnapshot {
  /** Connections by their wire. */
  readonly members: ReadonlyMap<Wire, number>;
  readonly rooms: number;
  /** Each room's counted. */
  readonly people: number;
  /** Members that are given pages of the journal. */
  readonly lagging: number;
  /** Entries that the last of them is behind. */
  readonly maxLag: number;
}

type HubEvent =
  | { type: "register"; member: Member; room: string; joinRequest: JoinRequest | undefined }
  | { type: "unregister"; member: Member; code: ErrorCode | undefined }
  | { type: "broadcast"; member: Member; message: Message }
  | { type: "rename"; member: Member; name: string }
  | { type: "typing"; member: Member }
  | { type: "history"; member: Member; before: number; limit: number }
  | { type: "catchUp"; member: Member }
  | { type: "post"; sender: OneShotSender; room: string; author: Author; message: Message }
  | { type: "ask"; answer: () => void }
  | { type: "presence"; room: Room }
  | { type: "close"; code: ErrorCode };

type PostEvent = Extract<HubEvent, { type: "post" }>;

export interface HubOptions {
  readonly journal: Journal;
  /** Entries kept in each room; 0 for all. */
  readonly keep: number;
  /** Largest text, for those who come to know. */
  readonly textBytes?: number;
  readonly log: Log;
  /** Called by the loop after entries of the room were delivered. */
  readonly onDelivered?: (room: string) => void;
}

// The inbox has no useful bound: an event refused here would be a message lost or a member leaked, and the loop
// takes all that waits at every turn anyway.
const INBOX_CAPACITY = Number.MAX_SAFE_INTEGER;

/** Members that lag are given pages for this long and this many in a turn; the others' turn comes next. */
const CATCH_UP_MS = 5;
const MAX_CATCH_UPS = 64;

/** Characters of text in a page of history. */
const MAX_HISTORY_CHARS = 128 * 1024;

/**
 * Numbers what members say, stores it, and sends it to all of them. Methods return at once; what they ask for happens
 * in the order of the calls.
 */
export class Hub {
  readonly stats = new Stats();
  readonly #inbox = new Channel<HubEvent>({ capacity: INBOX_CAPACITY });
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #roomOptions: Omit<RoomOptions, "onPresence">;
  readonly #rooms = new Map<string, Room>();
  readonly #memberships = new Map<Member, Membership>();
  readonly #moderation: Moderation;
  readonly #groupCommit: GroupCommit;
  /** Who goes when this turn has been delivered. */
  #leaving: { member: Member; code: ErrorCode | undefined }[] = [];
  /** Who asked for what it has missed. */
  #catchingUp = new Set<Member>();
  /** Rooms that somebody had to do with in this turn who is not there. */
  #visited: Room[] = [];

  constructor(options: HubOptions) {
    this.#journal = options.journal;
    const { journal, keep, textBytes = DEFAULT_LIMITS.textBytes } = options;
    const { stats } = this;
    this.#roomOptions = { journal, keep, textBytes, stats };
    this.#log = options.log;
    const evict = (member: Member, code: ErrorCode) => this.unregister(member, code);
    const moderation = this.#moderation = new Moderation(
      options.journal,
      (author) => this.#addressesOf(author),
    );
    this.#groupCommit = new GroupCommit({
      ...options,
      evict,
      moderation,
      onRuled: () => this.#apply(),
      stats,
    });
  }

  /** Counts a message that was refused with this code. */
  countRefusal(code: ErrorCode): void {
    increment(this.stats.refused, code);
  }

  /**
   * Adds a member to a room. Without an arrival it gets what is said from here on; with one, a welcome and what it
   * has missed come first. After {@linkcode close} it is closed at once.
   */
  register(member: Member, room: string, joinRequest?: JoinRequest): void {
    if (!this.#inbox.trySend({ type: "register", member, room, joinRequest })) {
      member.close("restarting");
    }
  }

  /** Removes a member and closes it, once what was said before is delivered. Harmless for one that is not there. */
  unregister(member: Member, code?: ErrorCode): void {
    this.#inbox.trySend({ type: "unregister", member, code });
  }

  /** Says it to everybody in the member's room, the member included, once it is stored. Then acknowledges it. */
  broadcast(member: Member, message: Message): void {
    this.#inbox.trySend({ type: "broadcast", member, message });
  }

  /** Gives the person behind the member another name. */
  rename(member: Member, name: string): void {
    this.#inbox.trySend({ type: "rename", member, name });
  }

  /** Tells the others that the person behind the member is writing. */
  typing(member: Member): void {
    this.#inbox.trySend({ type: "typing", member });
  }

  /** Tells the member the entries before one, newest `limit` of them. */
  history(member: Member, range: { before: number; limit: number }): void {
    this.#inbox.trySend({ type: "history", member, ...range });
  }

  /** Asks for what follows, by a lagging member that has written everything it took. */
  catchUp(member: Member): void {
    this.#inbox.trySend({ type: "catchUp", member });
  }

  /**
   * Says it to everybody in a room without being there. Resolves with its number once it is stored and those who
   * are live have it.
   * @throws {ChatError} what a member would be told, or `restarting` after {@linkcode close}.
   */
  post(room: string, author: Author, message: Message): Promise<number> {
    const { principal = ANYONE, address = "" } = author;
    const sender = new OneShotSender({ principal, address });
    if (!this.#inbox.trySend({ type: "post", sender, room, author, message })) {
      sender.close("restarting");
    }
    return sender.seq;
  }

  /**
   * Reads entries of a room without being there, not beyond what was delivered.
   * @throws {ChatError} `restarting` after {@linkcode close}.
   */
  read(room: string, range: Range, limit: ReadLimit): Promise<Reading> {
    return this.#ask(() => this.#visit(room).read(range, limit));
  }

  /** Why somebody may not come in, and until when; undefined where they may. */
  findBan(visit: Pick<Member, "principal" | "address">, author = ""): ChatError | undefined {
    return this.#moderation.findBan(visit, author);
  }

  /** The rooms that were ever spoken in. */
  roomNames(): Promise<string[]> {
    return this.#ask(() => this.#journal.rooms());
  }

  /** Who is there now. Costs a look at everybody. */
  snapshot(): HubSnapshot {
    const members = new Map<Wire, number>();
    let [lagging, maxLag] = [0, 0];
    for (const { room, subscription } of this.#memberships.values()) {
      members.set(subscription.wire, (members.get(subscription.wire) ?? 0) + 1);
      if (subscription.deliveredSeq >= room.head) continue;
      lagging++;
      maxLag = Math.max(maxLag, room.head - subscription.deliveredSeq);
    }
    const people = this.#rooms.values().reduce((sum, room) => sum + room.peopleCount, 0);
    return { members, rooms: this.#rooms.size, people, lagging, maxLag };
  }

  /** How far the reader of this name has come in a room; undefined when it never was there. */
  cursor(reader: string, room: string): Promise<number | undefined> {
    return this.#ask(() => this.#journal.cursor(reader, room));
  }

  /** Remembers how far the reader has come: durable soon. */
  moveCursor(reader: string, room: string, seq: number): Promise<void> {
    return this.#ask(() => {
      this.#journal.moveCursor(reader, room, seq);
      this.#groupCommit.hasClaims = true;
    });
  }

  /** Ends all rooms: members get what was said before, then are closed with this code. */
  close(code: ErrorCode): void {
    this.#inbox.trySend({ type: "close", code });
  }

  /** The loop. Takes everything that waits, then acts once. Resolves after {@linkcode close}. */
  async run(): Promise<void> {
    for await (const event of this.#inbox) {
      // Let this round of socket reads finish, so that it becomes one batch (decision 0004).
      await nextTurn();
      this.#take(event);
      let next = this.#inbox.tryReceive();
      while (next.state === "ok") {
        this.#take(next.value);
        next = this.#inbox.tryReceive();
      }
      // Nothing else happens meanwhile: what arrives during the commit waits in the inbox for the next turn.
      await this.#groupCommit.commit();
      this.#catchUpSome();
      for (const { member, code } of this.#leaving.splice(0)) this.#remove(member, code);
      for (const room of this.#visited.splice(0)) this.#forgetIfEmpty(room);
    }
  }

  #take(event: HubEvent): void {
    switch (event.type) {
      case "broadcast":
        this.#guard(event.member, () => this.#say(event.member, event.message));
        break;
      case "register":
        this.#guard(
          event.member,
          () => this.#register(event.member, event.room, event.joinRequest),
        );
        break;
      case "unregister":
        this.#leaving.push(event);
        break;
      case "catchUp":
        this.#catchingUp.add(event.member);
        break;
      case "rename":
        this.#guard(event.member, () => this.#rename(event.member, event.name));
        break;
      case "typing":
        this.#typing(event.member);
        break;
      case "history":
        this.#guard(event.member, () => this.#sendHistory(event.member, event));
        break;
      case "post":
        this.#post(event);
        break;
      case "ask":
        event.answer();
        break;
      case "presence":
        event.room.notifyPresence();
        break;
      case "close":
        this.#inbox.close();
        for (const member of this.#memberships.keys()) {
          this.#leaving.push({ member, code: event.code });
        }
        break;
    }
  }

  /**
   * Adds the member as one that lags: what is stored it is given from the journal, and once it has reached the head, in
   * the same turn, everything comes live.
   */
  #register(member: Member, roomName: string, joinRequest: JoinRequest | undefined): void {
    if (this.#inbox.closed) return member.close("restarting");
    const ban = this.#moderation.findBan(member, joinRequest?.author);
    if (ban) {
      member.notify({ type: "error", code: ban.code, message: ban.message });
      return member.close(ban.code);
    }
    const room = this.#room(roomName);
    const person = joinRequest?.author ? this.#addPerson(member, room, joinRequest) : undefined;
    if (person?.name) this.#groupCommit.hasClaims = true;
    const subscription = new Subscription({
      member,
      person,
      deliveredSeq: room.head,
      onFailure: this.#onFailure,
    });
    this.#memberships.set(member, { room, subscription });
    room.join(subscription);
    if (joinRequest) room.welcome(subscription, joinRequest, this.#moderation.isClosed(roomName));
    this.#catchingUp.add(member);
  }

  #addPerson(member: Member, room: Room, { author, name }: JoinRequest): Person {
    try {
      return room.addPerson(author, name, this.#moderation.isClosedTo(member, room.name));
    } catch (error) {
      this.#visited.push(room); // not in the middle of the turn: others may be about to join it
      member.close("internal"); // it has no place yet from which it could be removed
      throw error;
    }
  }

  #say(member: Member, message: Message): void {
    const membership = this.#memberships.get(member);
    if (membership) this.#groupCommit.add(membership, message);
  }

  #post({ sender, room: roomName, author: { author, name }, message }: PostEvent): void {
    try {
      const room = this.#visit(roomName);
      const person = { author, name, tag: "", connections: 0 }; // the turn claims one, if it takes the message
      const subscription = new Subscription({
        member: sender,
        person,
        deliveredSeq: 0,
        onFailure: this.#onFailure,
      });
      this.#groupCommit.add({ room, subscription }, message);
    } catch (error) {
      sender.close(codeOf(error)); // it has no place from which it could be removed
      this.#log("error", "post failed", { error });
    }
  }

  #rename(member: Member, name: string): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    if (!room || !subscription?.person) return;
    if (this.#moderation.isClosedTo(member, room.name)) {
      if (name === subscription.person.name) return; // as it is told again by who waits for its turn
      const { code, message } = new ChatError("room_closed");
      return subscription.notify({ type: "error", code, message });
    }
    room.rename(subscription.person, name);
    this.#groupCommit.hasClaims = true;
  }

  #typing(member: Member): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    const person = subscription?.person;
    if (!room || !person || this.#moderation.isClosedTo(member, room.name)) return;
    const { name, tag } = person;
    if (name === "" || tag === "") return;
    room.notifyAll({ type: "typing", from: { name, tag } }, person);
  }

  #sendHistory(member: Member, { before, limit }: { before: number; limit: number }): void {
    const membership = this.#memberships.get(member);
    if (!membership) return;
    const { room, subscription } = membership;
    const wanted = { entries: limit, chars: MAX_HISTORY_CHARS };
    const { entries, floor } = room.read({ before }, wanted);
    const more = entries.length > 0 && entries[0]!.seq > floor + 1;
    subscription.notify({ type: "page", before, entries, more });
  }

  /** What is live comes first: a thousand who come back at once must not delay those who are here. */
  #catchUpSome(): void {
    const until = performance.now() + CATCH_UP_MS;
    let count = 0;
    for (const member of this.#catchingUp) {
      if (count++ >= MAX_CATCH_UPS || performance.now() > until) {
        this.catchUp(member); // so that the next turn comes
        return;
      }
      this.#catchingUp.delete(member);
      this.#guard(member, () => this.#advance(member));
    }
  }

  #advance(member: Member): void {
    const membership = this.#memberships.get(member);
    if (!membership) return;
    const progress = membership.room.advance(membership.subscription);
    if (progress === "more") this.catchUp(member); // one page a turn, so that nobody waits for a long way
    if (progress === "lost") this.unregister(member, "fell_behind");
  }

  /** What was laid down holds for those who are here as well. */
  #apply(): void {
    this.#expel();
    for (const room of this.#rooms.values()) {
      if (!this.#moderation.isClosed(room.name)) this.#nameAll(room);
    }
  }

  /** Where a tag cannot be claimed now, it is with what they say. */
  #nameAll(room: Room): void {
    try {
      if (room.nameAll()) this.#groupCommit.hasClaims = true;
    } catch (error) {
      this.#log("error", "naming failed", { error });
    }
  }

  /** Who is here and banned by now is told so, and goes. */
  #expel(): void {
    for (const [member, { subscription }] of this.#memberships) {
      const ban = this.#moderation.findBan(member, subscription.person?.author);
      if (!ban) continue;
      subscription.notify({ type: "error", code: ban.code, message: ban.message });
      this.#leaving.push({ member, code: ban.code });
    }
  }

  /** Where the author's connections come from, in whichever rooms they are. */
  #addressesOf(author: string): string[] {
    const addresses = new Set<string>();
    for (const [{ address }, { subscription }] of this.#memberships) {
      if (address && subscription.person?.author === author) addresses.add(address);
    }
    return [...addresses];
  }

  /** A member, or a read on its behalf, that fails must cost the others nothing. */
  #guard(member: Member, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(member, error);
    }
  }

  readonly #onFailure = (member: Member, error: unknown) => this.#fail(member, error);

  #fail(member: Member, error: unknown): void {
    this.#log("error", "member failed", { error });
    this.unregister(member, codeOf(error));
  }

  #remove(member: Member, code: ErrorCode | undefined): void {
    const membership = this.#memberships.get(member);
    if (!membership) return;
    this.#memberships.delete(member);
    const { room, subscription } = membership;
    room.leave(subscription);
    this.#forgetIfEmpty(room);
    subscription.close(code);
  }

  #forgetIfEmpty(room: Room): void {
    if (!room.isEmpty) return;
    room.close();
    this.#rooms.delete(room.name);
  }

  /** Asks the loop. Answered in the order of all that is asked of it. */
  #ask<T>(answer: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const event: HubEvent = {
      type: "ask",
      answer: () => {
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      },
    };
    if (!this.#inbox.trySend(event)) reject(new ChatError("restarting"));
    return promise;
  }

  /** A room for somebody who is not there. It is forgotten after this turn, if nobody is. */
  #visit(name: string): Room {
    const room = this.#room(name);
    this.#visited.push(room);
    return room;
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name);
    if (!room) {
      const onPresence = () => void this.#inbox.trySend({ type: "presence", room: made });
      const made = new Room(name, { ...this.#roomOptions, onPresence });
      this.#rooms.set(name, room = made);
    }
    return room;
  }
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof ChatError ? error.code : "internal";
}

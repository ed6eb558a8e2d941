// The hub owns all rooms and the order of their messages. One loop changes its state; all others send it events. Only bans
// and counters are read directly. It knows neither sockets nor encodings, so that its tests need none.
//
// A connection is a Client; the hub sees it as a Member. Its place in a room is a Subscription, the human behind it a Person.
// A Sender is whoever sent a message: a subscription or a POST.
import { Channel } from "@std/async/channel";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Principal } from "./auth/principal.ts";
import type { AddressBudget } from "./base/address_budget.ts";
import { DEFAULT_LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { isSilenced } from "./hub/authorize.ts";
import { type CommitResult, GroupCommit } from "./hub/group_commit.ts";
import { type BanSubject, type Expulsion, Moderation } from "./hub/moderation.ts";
import { type Reading, type ResumePoint, Room, type RoomOptions } from "./hub/room.ts";
import { OneShotSender } from "./hub/sender.ts";
import { increment, Stats } from "./hub/stats.ts";
import { type Member, type MemberFailure, type Person, Subscription } from "./hub/subscription.ts";
import type { Journal, Range, ReadLimit, Usage } from "./journal/journal.ts";
import { ChatError, type ErrorCode } from "./protocol/errors.ts";
import type { Message, Wire } from "./protocol/message.ts";

/** A request to join a room under a name and a key, with the part of the room's past to replay. */
export interface JoinRequest extends ResumePoint {
  /** Hash of the key. Empty without one: such a member is not listed among the people. */
  readonly author: string;
  /** Empty for a member that only reads. */
  readonly name: string;
}

/** The author of a message that comes from outside the room. */
export interface Author {
  /** Hash of the key, or a stand-in for a client without one. */
  readonly author: string;
  readonly name: string;
  readonly principal?: Principal;
  /** IP address that it comes from. */
  readonly address?: string;
  /** Budget of that address. */
  readonly budget?: AddressBudget;
}

/** The members of all rooms at one moment. */
export interface HubSnapshot {
  /** Connections by protocol. */
  readonly members: ReadonlyMap<Wire, number>;
  readonly rooms: number;
  /** People, counted once for each room. */
  readonly people: number;
  /** Members that are served from the journal. */
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
  | { type: "post"; sender: OneShotSender; room: string; message: Message }
  | { type: "ask"; answer: () => void }
  | { type: "presence"; room: Room }
  | { type: "close"; code: ErrorCode };

type PostEvent = Extract<HubEvent, { type: "post" }>;

/** A member's room, and its place in it. */
interface Membership {
  readonly room: Room;
  readonly subscription: Subscription;
}

export interface HubOptions {
  readonly journal: Journal;
  /** Entries to keep in each room; 0 for all. */
  readonly keep: number;
  /** Maximum size of a text in bytes of UTF-8. Sent to clients that join. */
  readonly textBytes?: number;
  /** Maximum number of rooms with messages. */
  readonly maxRooms?: number;
  readonly log: Log;
  /** Called by the loop after it has delivered entries of the room. */
  readonly onDelivered?: (room: string) => void;
}

// Unbounded: a refused event would lose a message or leak a member. Each iteration empties the inbox, unless it has to stop
// at a `close` or a `ban`.
const INBOX_CAPACITY = Number.MAX_SAFE_INTEGER;

/** Budget of one iteration for all lagging members together: time, and pages. The rest waits for the next one. */
const CATCH_UP_MS = 5;
const MAX_CATCH_UPS = 64;

/** Characters of text in a page of history. */
const MAX_HISTORY_CHARS = 128 * 1024;

/** Presence is sent once in this time, however often it changes. */
const PRESENCE_PERIOD_MS = 250;

/**
 * Numbers the messages of all members, stores them, and delivers them to the rooms. Methods that change something return at
 * once; the loop does what they ask for, in the order of the calls.
 */
export class Hub {
  readonly stats = new Stats();
  readonly #inbox = new Channel<HubEvent>({ capacity: INBOX_CAPACITY });
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #onDelivered: ((room: string) => void) | undefined;
  readonly #roomOptions: RoomOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #memberships = new Map<Member, Membership>();
  readonly #moderation: Moderation;
  readonly #groupCommit: GroupCommit;
  /** Members to remove at the end of this iteration, when everything has been delivered. */
  readonly #leaving: { member: Member; code: ErrorCode | undefined }[] = [];
  /** Members that wait for a page of the journal. */
  readonly #catchingUp = new Set<Member>();
  /** Rooms used in this iteration by non-members. They are forgotten afterwards if nobody is in them. */
  readonly #visited: Room[] = [];
  /** Members that threw in this iteration. */
  readonly #failures: MemberFailure[] = [];
  readonly #presenceTimers = new Map<Room, ReturnType<typeof setTimeout>>();

  constructor(options: HubOptions) {
    const { journal, keep, log, textBytes = DEFAULT_LIMITS.textBytes, maxRooms = Infinity } =
      options;
    const { stats } = this;
    this.#journal = journal;
    this.#log = log;
    this.#onDelivered = options.onDelivered;
    this.#roomOptions = { journal, keep, textBytes, stats };
    this.#moderation = new Moderation({ journal, members: this.#memberships });
    const moderation = this.#moderation;
    this.#groupCommit = new GroupCommit({ journal, moderation, log, stats, maxRooms });
  }

  /**
   * Adds a member to a room. Without a join request it receives what follows from now on; with one, it first receives a
   * welcome and the entries it missed. After {@linkcode close} it is closed at once.
   */
  register(member: Member, room: string, joinRequest?: JoinRequest): void {
    if (!this.#inbox.trySend({ type: "register", member, room, joinRequest })) {
      member.close("restarting");
    }
  }

  /** Removes a member and closes it, after this iteration has been delivered. Does nothing for a member that is not there. */
  unregister(member: Member, code?: ErrorCode): void {
    this.#inbox.trySend({ type: "unregister", member, code });
  }

  /** Stores a message, delivers it to everybody in the member's room, then acknowledges it; or refuses it. */
  broadcast(member: Member, message: Message): void {
    this.#inbox.trySend({ type: "broadcast", member, message });
  }

  /** Gives the person behind the member another name. */
  rename(member: Member, name: string): void {
    this.#inbox.trySend({ type: "rename", member, name });
  }

  /** Notifies the others that the person behind the member is typing. */
  typing(member: Member): void {
    this.#inbox.trySend({ type: "typing", member });
  }

  /** Sends the member a page of history: the newest `limit` of the entries before one. */
  history(member: Member, range: { before: number; limit: number }): void {
    this.#inbox.trySend({ type: "history", member, ...range });
  }

  /** Requests the next page for a lagging member whose send queue is empty. */
  catchUp(member: Member): void {
    this.#inbox.trySend({ type: "catchUp", member });
  }

  /**
   * Sends a message to a room from outside. Resolves with its number once it is stored and live members have it.
   * @throws {ChatError} the refusal that a member would receive, or `restarting` after {@linkcode close}.
   */
  post(room: string, { author, name, ...from }: Author, message: Message): Promise<number> {
    const sender = new OneShotSender({ person: { author, name, tag: "" }, ...from });
    if (!this.#inbox.trySend({ type: "post", sender, room, message })) {
      sender.refuse(new ChatError("restarting"));
    }
    return sender.seq;
  }

  /**
   * Reads entries of a room from outside, only delivered ones.
   * @throws {ChatError} `restarting` after {@linkcode close}.
   */
  read(room: string, range: Range, limit: ReadLimit): Promise<Reading> {
    return this.#ask(() => this.#visit(room).read(range, limit));
  }

  /** Reads a page of history as {@linkcode read} does, each message with its last edit. */
  readPage(room: string, range: Range, limit: ReadLimit): Promise<Reading> {
    return this.#ask(() => this.#visit(room).read(range, limit, "page"));
  }

  /** Returns the ban that applies to a client, with its end; undefined if there is none. */
  findBan(subject: BanSubject, author = ""): ChatError | undefined {
    return this.#moderation.findBan(subject, author);
  }

  /** Returns the names of all rooms that have ever had a message. */
  roomNames(): Promise<string[]> {
    return this.#ask(() => this.#journal.rooms());
  }

  /** Counts members, people and lag. Visits every member. */
  snapshot(): HubSnapshot {
    const members = new Map<Wire, number>();
    let [lagging, maxLag] = [0, 0];
    for (const { room, subscription: { wire, deliveredSeq } } of this.#memberships.values()) {
      members.set(wire, (members.get(wire) ?? 0) + 1);
      if (deliveredSeq >= room.head) continue;
      lagging++;
      maxLag = Math.max(maxLag, room.head - deliveredSeq);
    }
    const people = this.#rooms.values().reduce((sum, room) => sum + room.peopleCount, 0);
    return { members, rooms: this.#rooms.size, people, lagging, maxLag };
  }

  /** Sizes of what the journal stores. */
  get usage(): Usage {
    return this.#journal.usage;
  }

  /** Counts a message that was not accepted. */
  countRefusal(code: ErrorCode): void {
    increment(this.stats.refused, code);
  }

  /** Counts a connection that the server closed for a reason. */
  countClose(code: ErrorCode): void {
    increment(this.stats.closed, code);
  }

  /** Returns how far the reader of this name has come in a room; undefined if it has never been there. */
  cursor(reader: string, room: string): Promise<number | undefined> {
    return this.#ask(() => this.#journal.cursor(reader, room));
  }

  /** Stores how far the reader has come. The next commit makes it durable. */
  moveCursor(reader: string, room: string, seq: number): Promise<void> {
    return this.#ask(() => {
      this.#journal.moveCursor(reader, room, seq);
      this.#groupCommit.requestCommit();
    });
  }

  /** Closes all rooms with this code. Members that keep up first receive everything stored; the others resume after reconnecting. */
  close(code: ErrorCode): void {
    this.#inbox.trySend({ type: "close", code });
  }

  /**
   * Runs the loop: takes everything that waits, up to a message of an operator that others depend on, then acts once.
   * Resolves after {@linkcode close}.
   */
  async run(): Promise<void> {
    for await (const event of this.#inbox) {
      // Let this round of socket reads finish, so that it becomes one batch (decision 0004).
      await nextTurn();
      this.#take(event);
      while (!this.#groupCommit.isSealed) {
        const next = this.#inbox.tryReceive();
        if (next.state !== "ok") break;
        this.#take(next.value);
      }
      // Events that arrive during the commit wait in the inbox for the next iteration.
      this.#apply(await this.#groupCommit.commit());
      this.#catchUpSome();
      for (const { member, code } of this.#leaving.splice(0)) this.#remove(member, code);
      for (const room of this.#visited.splice(0)) if (room.isEmpty) this.#forget(room);
      for (const { member, error } of this.#failures.splice(0)) this.#fail(member, error);
      // An event starts the next iteration; without one the removal of entries would wait for a message.
      if (this.#groupCommit.isRequested) this.#inbox.trySend({ type: "ask", answer: () => {} });
    }
  }

  #take(event: HubEvent): void {
    switch (event.type) {
      case "broadcast":
        this.#guard(event.member, () => this.#broadcast(event.member, event.message));
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
        this.#presenceTimers.delete(event.room);
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
   * Adds the member as a lagging one. It receives stored entries from the journal; when it has reached the head, it goes
   * live in the same iteration.
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
    const failures = this.#failures;
    const subscription = new Subscription({ member, person, deliveredSeq: room.head, failures });
    this.#memberships.set(member, { room, subscription });
    room.join(subscription);
    this.#changePresence(room);
    if (joinRequest) {
      room.welcome(subscription, joinRequest, this.#moderation.isClosed(roomName));
      member.budget?.chargeReplay(room.head - subscription.deliveredSeq);
    }
    this.#catchingUp.add(member);
  }

  #addPerson(member: Member, room: Room, { author, name }: JoinRequest): Person {
    try {
      return room.addPerson(author, name, this.#isSilenced(member, room));
    } catch (error) {
      this.#visited.push(room); // forgotten at the end of the iteration only: later events may join this object
      member.close("internal"); // it has no membership yet from which it could be removed
      throw error;
    }
  }

  #broadcast(member: Member, message: Message): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    if (room && subscription) this.#groupCommit.add(room, subscription, message);
  }

  #post({ sender, room, message }: PostEvent): void {
    try {
      this.#groupCommit.add(this.#visit(room), sender, message);
    } catch (error) {
      sender.refuse(new ChatError(codeOf(error)));
      this.#log("error", "post failed", { error });
    }
  }

  #rename(member: Member, name: string): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    if (!room || !subscription?.person) return;
    if (this.#isSilenced(member, room)) {
      if (name === subscription.person.name) return; // a client repeats its name: that is no rename
      const { code, message } = new ChatError("room_closed");
      return subscription.notify({ type: "error", code, message });
    }
    room.rename(subscription.person, name);
    this.#changePresence(room);
  }

  #typing(member: Member): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    const person = subscription?.person;
    if (room && person && !this.#isSilenced(member, room)) room.notifyTyping(person);
  }

  #sendHistory(member: Member, { before, limit }: { before: number; limit: number }): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    if (!room || !subscription) return;
    const size = { entries: limit, chars: MAX_HISTORY_CHARS };
    const { entries, floor } = room.read({ before }, size, "page");
    const more = entries.length > 0 && entries[0]!.seq > floor + 1;
    subscription.notify({ type: "page", before, entries, more });
  }

  /** Acts on the outcome of a commit. */
  #apply({ delivered, evicted, isModerated, expelled }: CommitResult): void {
    for (const { name } of delivered) this.#onDelivered?.(name);
    for (const { sender, code } of evicted) {
      // At once, not by an event: the sender's next message is in the inbox already, and must not overtake the refused one.
      if (sender instanceof Subscription) this.#leaving.push({ member: sender.member, code });
    }
    if (!isModerated) return;
    for (const expulsion of expelled) this.#expel(expulsion);
    for (const room of this.#rooms.values()) {
      if (!this.#moderation.isClosed(room.name)) this.#nameAll(room);
    }
  }

  #expel({ member, ban: { code, message } }: Expulsion): void {
    this.#memberships.get(member)?.subscription.notify({ type: "error", code, message });
    this.#leaving.push({ member, code });
  }

  /** Announces the names that were held back while the room was closed. */
  #nameAll(room: Room): void {
    try {
      if (!room.nameAll()) return;
    } catch (error) {
      this.#log("error", "naming failed", { error }); // the tag is claimed with the person's next message instead
    }
    this.#changePresence(room);
  }

  /** Serves lagging members in slices. Live members come first: a thousand that return at once must not delay them. */
  #catchUpSome(): void {
    const until = performance.now() + CATCH_UP_MS;
    let count = 0;
    for (const member of this.#catchingUp) {
      if (count++ >= MAX_CATCH_UPS || performance.now() > until) {
        this.catchUp(member); // an event starts the next iteration; without one the rest would wait
        return;
      }
      this.#catchingUp.delete(member);
      this.#guard(member, () => this.#advance(member));
    }
  }

  #advance(member: Member): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    if (!room || !subscription) return;
    const progress = room.advance(subscription);
    if (progress === "more") this.catchUp(member); // one page per iteration, so that nobody waits for a long replay
    if (progress === "lost") this.unregister(member, "fell_behind");
  }

  #isSilenced({ principal }: Member, { name }: Room): boolean {
    return isSilenced(principal, { isClosed: this.#moderation.isClosed(name) });
  }

  /** Removes a member whose operation throws, so that the loop goes on. */
  #guard(member: Member, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(member, error);
    }
  }

  #fail(member: Member, error: unknown): void {
    this.#log("error", "member failed", { error });
    this.unregister(member, codeOf(error));
  }

  #remove(member: Member, code: ErrorCode | undefined): void {
    const { room, subscription } = this.#memberships.get(member) ?? {};
    if (!room || !subscription) return;
    this.#memberships.delete(member);
    room.leave(subscription);
    if (room.isEmpty) this.#forget(room);
    else this.#changePresence(room);
    subscription.close(code);
  }

  #changePresence(room: Room): void {
    if (this.#presenceTimers.has(room)) return;
    const announce = () => void this.#inbox.trySend({ type: "presence", room });
    this.#presenceTimers.set(room, setTimeout(announce, PRESENCE_PERIOD_MS));
  }

  #forget(room: Room): void {
    clearTimeout(this.#presenceTimers.get(room));
    this.#presenceTimers.delete(room);
    this.#rooms.delete(room.name);
  }

  /** Evaluates a function in the loop, in the order of events. */
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

  /** Returns a room for a non-member. */
  #visit(name: string): Room {
    const room = this.#room(name);
    this.#visited.push(room);
    return room;
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name);
    if (!room) this.#rooms.set(name, room = new Room(name, this.#roomOptions));
    return room;
  }
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof ChatError ? error.code : "internal";
}

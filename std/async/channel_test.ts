import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel, ChannelClosedError } from "@std/async/channel";

Deno.test("Channel delivers values in the order of sending", async () => {
  const channel = new Channel<number>({ capacity: 3 });
  for (const n of [1, 2, 3]) await channel.send(n);
  assertEquals(channel.size, 3);
  assertEquals([await channel.receive(), await channel.receive(), await channel.receive()], [
    1,
    2,
    3,
  ]);
});

Deno.test("Channel.trySend() refuses when full, closed, or unbuffered with nobody waiting", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  assert(channel.trySend(1));
  assert(!channel.trySend(2));
  channel.close();
  assert(!channel.trySend(3));
  const unbuffered = new Channel<number>();
  assert(!unbuffered.trySend(1));
  const received = unbuffered.receive();
  assert(unbuffered.trySend(2));
  assertEquals(await received, 2);
});

Deno.test("Channel.tryReceive() distinguishes a value, emptiness and the end", () => {
  const channel = new Channel<undefined>({ capacity: 1 });
  assertEquals(channel.tryReceive(), { state: "empty" });
  channel.trySend(undefined);
  channel.close();
  assertEquals(channel.tryReceive(), { state: "ok", value: undefined });
  assertEquals(channel.tryReceive(), { state: "closed" });
});

Deno.test("Channel.send() waits for room, first come first served", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  await channel.send(1);
  const order: number[] = [];
  const waiting = [2, 3].map((n) => channel.send(n).then(() => order.push(n)));
  assertEquals([await channel.receive(), await channel.receive()], [1, 2]);
  assertEquals(channel.tryReceive(), { state: "ok", value: 3 });
  await Promise.all(waiting);
  assertEquals(order, [2, 3]);
});

Deno.test("Channel.close() keeps buffered values, and rejects waiting senders with the unsent value", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  await channel.send(1);
  const unsent = assertRejects(() => channel.send(2), ChannelClosedError);
  channel.close();
  channel.close();
  assert(channel.closed);
  assertEquals((await unsent).value, 2);
  assertEquals((await assertRejects(() => channel.send(3), ChannelClosedError)).value, 3);
  assertEquals(await channel.receive(), 1);
  const end = await assertRejects(() => channel.receive(), ChannelClosedError);
  assert(!("value" in end));
});

Deno.test("Channel.close() rejects receivers with its reason", async () => {
  const channel = new Channel<number>();
  const waiting = assertRejects(() => channel.receive(), RangeError, "enough");
  channel.close(new RangeError("enough"));
  await waiting;
  await assertRejects(() => channel.receive(), RangeError, "enough");
  await assertRejects(() => Array.fromAsync(channel), RangeError, "enough");
});

Deno.test("Channel iterates until it is closed and empty", async () => {
  const channel = new Channel<number>({ capacity: 2 });
  await channel.send(1);
  await channel.send(2);
  channel.close();
  assertEquals(await Array.fromAsync(channel), [1, 2]);
});

Deno.test("new Channel() refuses a capacity that is not a whole number from 0", () => {
  for (const capacity of [-1, 0.5, NaN, Infinity]) {
    assertThrows(() => new Channel({ capacity }), RangeError, String(capacity));
  }
});

Deno.test("Channel.capacity is the option's value, by default 0", () => {
  assertEquals([new Channel({ capacity: 3 }).capacity, new Channel().capacity], [3, 0]);
});

Deno.test("Channel is closed at the end of its scope, and keeps buffered values", async () => {
  const channels = [1, 2].map(() => new Channel<number>({ capacity: 1 }));
  const [first, second] = channels as [Channel<number>, Channel<number>];
  {
    using channel = first;
    channel.trySend(1);
    await using other = second;
    other.trySend(2);
    assert(!channel.closed && !other.closed);
  }
  assert(first.closed && second.closed);
  assertEquals([await Array.fromAsync(first), await Array.fromAsync(second)], [[1], [2]]);
});

// Runs what programs do with the official client for Node against an endpoint:
//
//     node client.js <package> <connection string>
//
// Prints a line for each rule that held and ends with 1 at the first that did not.
"use strict";
const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");

const [, , library, address] = process.argv;
const db = require(library);
const Client = db.KurrentDBClient ?? db.EventStoreDBClient;
const client = Client.connectionString(address);

let ran = 0;
const unique = (word) => `${word}-${randomUUID()}`;
const made = (n, type = "thing-happened") =>
  Array.from({ length: n }, (_, i) => db.jsonEvent({ id: randomUUID(), type, data: { n: i }, metadata: { who: "me" } }));
// at is the revision that a write expects, under the names of both generations.
const at = (revision) => ({ expectedRevision: revision, streamState: revision });
const numbers = (events) => events.map((e) => Number(e.event.revision));
const collect = async (reading) => {
  const all = [];
  for await (const e of reading) all.push(e);
  return all;
};
const rejects = async (promise, type, fields = {}) => {
  const error = await promise.then(() => assert.fail(`no ${type}`), (e) => e);
  assert.equal(error.type, type, `${error.type}: ${error.message}`);
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(error[name], value, name);
  return error;
};
// wrong wants the refusal of a revision, under the names of both generations.
const wrong = async (promise, expected, actual) => {
  const error = await rejects(promise, "wrong-expected-version");
  assert.deepEqual([error.expectedVersion ?? error.expectedState, error.actualVersion ?? error.actualState], [expected, actual]);
};
const rule = async (name, f) => {
  await f();
  ran++;
  console.log(`held: ${name}`);
};
// next waits for the first events of a subscription that take wants.
const next = (subscription, take) =>
  new Promise((resolve, reject) => {
    const seen = [];
    subscription.on("error", reject);
    const look = (kind) => (e) => {
      seen.push([kind, e]);
      if (take(seen)) resolve(seen);
    };
    for (const kind of ["data", "caughtUp", "fellBehind"]) subscription.on(kind, look(kind));
  }).finally(() => subscription.unsubscribe());

async function main() {
  await rule("append and read, forwards and backwards", async () => {
    const stream = unique("order"), events = made(5);
    const result = await client.appendToStream(stream, events, at(db.NO_STREAM));
    assert.equal(result.success, true);
    assert.equal(result.nextExpectedRevision, 4n);
    const read = await collect(client.readStream(stream, { direction: db.FORWARDS, fromRevision: db.START }));
    assert.deepEqual(read.map((e) => e.event.id), events.map((e) => e.id));
    assert.deepEqual(read.map((e) => e.event.data), events.map((e) => e.data));
    assert.deepEqual(read[0].event.metadata, { who: "me" });
    assert.equal(read[4].event.position.commit, result.position.commit);
    assert.ok(Math.abs(read[0].event.created - Date.now()) < 60_000);
    assert.deepEqual(numbers(await collect(client.readStream(stream, { direction: db.BACKWARDS, fromRevision: db.END }))), [4, 3, 2, 1, 0]);
    assert.deepEqual(numbers(await collect(client.readStream(stream, { fromRevision: 2n, maxCount: 2 }))), [2, 3]);
    assert.deepEqual(numbers(await collect(client.readStream(stream, { direction: db.BACKWARDS, fromRevision: 1n }))), [1, 0]);
  });
  await rule("binary data come back", async () => {
    const stream = unique("order"), data = Uint8Array.from({ length: 256 }, (_, i) => i);
    await client.appendToStream(stream, db.binaryEvent({ type: "bytes", data }));
    const [read] = await collect(client.readStream(stream));
    assert.equal(read.event.isJson, false);
    assert.deepEqual(new Uint8Array(read.event.data), data);
  });
  await rule("the same ids at the same place are a success", async () => {
    const stream = unique("order"), events = made(2);
    const first = await client.appendToStream(stream, events, at(db.NO_STREAM));
    await client.appendToStream(stream, made(1), at(1n));
    const again = await client.appendToStream(stream, events, at(db.NO_STREAM));
    assert.equal(again.nextExpectedRevision, first.nextExpectedRevision);
    assert.equal((await collect(client.readStream(stream))).length, 3);
  });
  await rule("a wrong expected revision", async () => {
    const stream = unique("order");
    await wrong(client.appendToStream(stream, made(1), at(db.STREAM_EXISTS)), "stream_exists", "no_stream");
    await wrong(client.appendToStream(stream, made(1), at(3n)), 3n, "no_stream");
    await client.appendToStream(stream, made(3), at(db.NO_STREAM));
    await wrong(client.appendToStream(stream, made(1), at(1n)), 1n, 2n);
    await wrong(client.appendToStream(stream, made(1), at(db.NO_STREAM)), "no_stream", 2n);
    const lenient = Client.connectionString`${address}&throwOnAppendFailure=false`;
    assert.equal((await lenient.appendToStream(stream, made(1), at(1n))).success, false);
    await lenient.dispose();
  });
  await rule("many appends at once", async () => {
    const streams = Array.from({ length: 50 }, () => unique("order"));
    await Promise.all(streams.flatMap((s) => Array.from({ length: 20 }, () => client.appendToStream(s, made(2)))));
    for (const s of streams) assert.deepEqual(numbers(await collect(client.readStream(s))), Array.from({ length: 40 }, (_, i) => i));
  });
  await rule("absent streams, large events and what is read-only", async () => {
    await rejects(collect(client.readStream(unique("absent"))), "stream-not-found");
    await rejects(client.appendToStream(unique("order"), db.jsonEvent({ type: "large", data: "x".repeat(600 << 10) })), "maximum-append-size-exceeded");
    await rejects(client.appendToStream(unique("account"), made(1)), "access-denied");
    await rejects(client.deleteStream(unique("account")), "access-denied");
  });
  await rule("read all, in both directions and with filters", async () => {
    const word = randomUUID().replaceAll("-", ""), stream = `${word}-1`;
    await client.appendToStream(stream, [...made(2, "one"), ...made(2, "two")]);
    await client.appendToStream(unique("order"), made(2, `${word}-type`));
    // the older generation has filters for subscriptions alone
    const every = Client === db.EventStoreDBClient;
    const read = async (options, keep) => (await collect(client.readAll(options))).filter((e) => !every || keep(e.event));
    const ofStream = [{ filter: db.streamNameFilter({ prefixes: [word] }) }, (e) => e.streamId === stream];
    const prefix = await read(...ofStream);
    assert.deepEqual(numbers(prefix), [0, 1, 2, 3]);
    const types = await read({ filter: db.eventTypeFilter({ regex: `^${word}-t` }) }, (e) => e.type === `${word}-type`);
    assert.equal(types.length, 2);
    const backwards = await read({ ...ofStream[0], direction: db.BACKWARDS, fromPosition: db.END }, ofStream[1]);
    assert.deepEqual(numbers(backwards), [3, 2, 1, 0]);
    const rest = await read({ ...ofStream[0], fromPosition: prefix[2].event.position }, ofStream[1]);
    assert.deepEqual(numbers(rest), [2, 3]);
    const newest = await collect(client.readAll({ direction: db.BACKWARDS, fromPosition: db.END, maxCount: 2 }));
    assert.deepEqual(newest.map((e) => e.event.type), [`${word}-type`, `${word}-type`]);
  });
  await rule("a subscription to a stream catches up and goes on", async () => {
    const stream = unique("order");
    await client.appendToStream(stream, made(3));
    const seen = await next(client.subscribeToStream(stream, { fromRevision: 0n }), (seen) => {
      if (seen.at(-1)[0] === "caughtUp") client.appendToStream(stream, made(2)).catch(() => {});
      return seen.filter(([kind]) => kind === "data").length === 4;
    });
    assert.deepEqual(seen.map(([kind, e]) => (kind === "data" ? Number(e.event.revision) : kind)), [1, 2, "caughtUp", 3, 4]);
  });
  await rule("a subscription to all, filtered, from a position", async () => {
    const word = randomUUID().replaceAll("-", ""), stream = `${word}-1`;
    const first = await client.appendToStream(stream, made(1));
    await client.appendToStream(stream, made(2));
    const checkpoints = [];
    const subscription = client.subscribeToAll({
      fromPosition: first.position,
      filter: db.streamNameFilter({ prefixes: [word], checkpointInterval: 1, maxSearchWindow: 1, checkpointReached: (_, p) => checkpoints.push(p) }),
    });
    const seen = await next(subscription, (seen) => {
      if (seen.at(-1)[0] === "caughtUp") client.appendToStream(unique("order"), made(1)).then(() => client.appendToStream(stream, made(1))).catch(() => {});
      return seen.filter(([kind]) => kind === "data").length === 3;
    });
    assert.deepEqual(seen.map(([kind, e]) => (kind === "data" ? Number(e.event.revision) : kind)), [1, 2, "caughtUp", 3]);
    assert.ok(checkpoints.length > 0 && checkpoints.every((p) => p.commit >= first.position.commit));
  });
  await rule("a deleted stream is not found and goes on", async () => {
    const stream = unique("order");
    await client.appendToStream(stream, made(3));
    await wrong(client.deleteStream(stream, at(0n)), 0n, 2n);
    const gone = await client.deleteStream(stream, at(2n));
    assert.ok(gone.position.commit > 0n);
    await rejects(collect(client.readStream(stream)), "stream-not-found");
    await client.appendToStream(stream, made(2), at(db.NO_STREAM));
    assert.deepEqual(numbers(await collect(client.readStream(stream))), [3, 4]);
  });
  await rule("a tombstone is for good", async () => {
    const stream = unique("order");
    await client.appendToStream(stream, made(1));
    await client.tombstoneStream(stream, at(0n));
    await rejects(collect(client.readStream(stream)), "stream-deleted", { streamName: stream });
    await rejects(client.appendToStream(stream, made(1)), "stream-deleted", { streamName: stream });
    await rejects(client.tombstoneStream(stream), "stream-deleted");
  });
  await rule("metadata hide events by count and by age", async () => {
    const stream = unique("order");
    await client.appendToStream(stream, made(5));
    await client.setStreamMetadata(stream, { maxCount: 2, cacheControl: 3, colour: "red" });
    const { metadata } = await client.getStreamMetadata(stream);
    assert.deepEqual([metadata.maxCount, metadata.cacheControl, metadata.colour], [2, 3, "red"]);
    assert.deepEqual(numbers(await collect(client.readStream(stream))), [3, 4]);
    await client.appendToStream(stream, made(1), at(4n));
    assert.deepEqual(numbers(await collect(client.readStream(stream))), [4, 5]);
    await rejects(client.setStreamMetadata(stream, {}, at(db.NO_STREAM)), "wrong-expected-version");
    await client.setStreamMetadata(stream, { truncateBefore: 5 }, at(0n));
    assert.deepEqual(numbers(await collect(client.readStream(stream))), [5]);
    await client.setStreamMetadata(stream, { maxAge: 1 });
    for (let left = 600; (await collect(client.readStream(stream))).length > 0; left--) {
      assert.ok(left > 0, "events of more than a second are still shown");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await client.setStreamMetadata(stream, {});
    assert.deepEqual(numbers(await collect(client.readStream(stream))), [0, 1, 2, 3, 4, 5]);
  });
}

main()
  .then(() => console.log(`all ${ran} rules held`))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => client.dispose());

/** What a publisher that wants to be sure says to a relay, and makes of its answers: by a ROUTER, frame by frame. */

import {
  anyAddress,
  eventually,
  expectBuffersAtMost,
  expectNoLeaks,
  settled,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { Router, type SocketOptions } from "@fedmsg/zmtp";
import { expect, test } from "vitest";
import { FedmsgError } from "../errors.ts";
import { ConfirmClient, type ConfirmClientOptions, type ConfirmEvent } from "./confirm-client.ts";
import { confirmSocket } from "./confirm-socket.ts";

expectNoLeaks();

/** A relay that answers what it is told to. */
class FakeRelay implements AsyncDisposable {
  /** What came, without the name: `PUB 1 t body`. */
  readonly came: string[] = [];
  readonly names: string[] = [];
  address = "";
  readonly #router: Router;
  #last: Uint8Array = Buffer.alloc(0);

  /** Confirms what it gets, and refuses what is no message. */
  isConfirming = false;

  private constructor(options: SocketOptions) {
    this.#router = new Router({ lingerMs: 0, ...options });
  }

  static async open(address = anyAddress, options: SocketOptions = {}): Promise<FakeRelay> {
    const relay = new FakeRelay(options);
    relay.#router.onBatch((batch) => {
      for (const [name, version, ...frames] of batch.keep()) {
        relay.#last = name as Buffer;
        relay.names.push((name as Buffer).toString("hex"));
        relay.came.push(frames.map(String).join(" "));
        expect(String(version)).toBe("1");
        if (!relay.isConfirming) continue;
        const [, n, topic] = frames.map(String) as [string, string, string];
        void relay.answer("1", ...(topic === "" ? ["ERR", n, "invalid"] : ["OK", n, String(Number(n) + 100)]));
      }
    });
    relay.address = await relay.#router.bind(address);
    return relay;
  }

  async answer(...frames: string[]): Promise<void> {
    await this.#router.send([this.#last, ...frames]);
  }

  async confirm(from: number, to: number): Promise<void> {
    for (let n = from; n <= to; n++) await this.answer("1", "OK", String(n), String(n + 100));
  }

  /** Resolves to what came, once it is so much. */
  async heard(count: number): Promise<string[]> {
    await eventually(() => this.came.length >= count, `${count} messages`);
    return this.came.splice(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#router.close();
  }
}

/** A client, and what became of its messages: `1 OK 101`, `2 FEDMSG_REFUSED`. */
function open(relays: readonly string[], options: Partial<ConfirmClientOptions> = {}) {
  const outcomes: string[] = [];
  const events: ConfirmEvent[] = [];
  const client = new ConfirmClient({
    relays,
    socket: confirmSocket(testConfig()),
    timeoutMs: 0,
    bytesMax: 1_000_000,
    keepsAlive: true,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const send = (id: number, body = `body ${id}`) =>
    client.send([Buffer.from("t"), Buffer.from(body)], (error: FedmsgError | undefined, position) => {
      outcomes.push(`${id} ${error?.code ?? `OK ${position}`}`);
    });
  return { client, outcomes, events, send, [Symbol.asyncDispose]: () => client.close() };
}

const messages = (from: number, to: number, first = from) =>
  Array.from({ length: to - from + 1 }, (_, n) => `PUB ${first + n} t body ${from + n}`);

test("a thousand messages are on their way at most, numbered from 1; the rest follows the answers", async () => {
  await using relay = await FakeRelay.open();
  await using opened = open([relay.address]);
  for (let id = 1; id <= 1500; id++) opened.send(id);
  expect(await relay.heard(1000)).toEqual(messages(1, 1000));
  expect(await settled(() => relay.came.length, 50)).toBe(0);
  await relay.confirm(1, 200);
  expect(await relay.heard(200)).toEqual(messages(1001, 1200));
  await relay.confirm(201, 1200);
  expect(await relay.heard(300)).toEqual(messages(1201, 1500));
  await relay.confirm(1201, 1500);
  await withTimeout(opened.client.idle(), "all answers");
  expect(opened.outcomes).toEqual(Array.from({ length: 1500 }, (_, n) => `${n + 1} OK ${n + 101}`));
});

test("after the connection was lost all that has no answer is sent again, in order, from 1 on", async () => {
  const first = await FakeRelay.open();
  await using opened = open([first.address]);
  for (let id = 1; id <= 10; id++) opened.send(id);
  expect(await first.heard(10)).toEqual(messages(1, 10));
  await first.confirm(1, 3);
  await first.answer("1", "OK", "7", "107");
  await eventually(() => opened.outcomes.length === 4, "four answers");
  await first[Symbol.asyncDispose]();
  opened.send(11);
  await using second = await FakeRelay.open(first.address);
  const left = [4, 5, 6, 8, 9, 10, 11];
  expect(await second.heard(7)).toEqual(left.map((id, n) => `PUB ${n + 1} t body ${id}`));
  await second.confirm(1, 7);
  await withTimeout(opened.client.idle(), "all answers");
  expect(opened.outcomes.slice(4)).toEqual(left.map((id, n) => `${id} OK ${n + 101}`));
});

test("what is refused for now comes again after a pause, under its number, with all behind it", async () => {
  await using relay = await FakeRelay.open();
  await using opened = open([relay.address]);
  for (let id = 1; id <= 5; id++) opened.send(id);
  await relay.heard(5);
  await relay.confirm(1, 2);
  await relay.answer("1", "ERR", "3", "journal");
  await eventually(() => opened.events.length === 1, "the refusal");
  opened.send(6);
  expect(await relay.heard(4)).toEqual(messages(3, 6));
  await relay.answer("1", "ERR", "3", "busy");
  expect(await relay.heard(4)).toEqual(messages(3, 6));
  await relay.confirm(3, 6);
  await withTimeout(opened.client.idle(), "all answers");
  expect(opened.outcomes).toEqual([1, 2, 3, 4, 5, 6].map((id) => `${id} OK ${id + 100}`));
  expect(opened.events).toEqual([{ type: "refused", relay: relay.address, code: "journal" }]);
});

test("what is refused for ever is told, and the others go on", async () => {
  await using relay = await FakeRelay.open();
  await using opened = open([relay.address]);
  for (let id = 1; id <= 3; id++) opened.send(id);
  await relay.heard(3);
  await relay.answer("1", "ERR", "1", "too-large");
  await relay.answer("1", "ERR", "2", "invalid");
  await relay.confirm(3, 3);
  await withTimeout(opened.client.idle(), "all answers");
  expect(opened.outcomes).toEqual(["1 FEDMSG_REFUSED", "2 FEDMSG_REFUSED", "3 OK 103"]);
});

test("answers to nothing, and what is no answer, change nothing", async () => {
  await using relay = await FakeRelay.open();
  await using opened = open([relay.address]);
  for (let id = 1; id <= 2; id++) opened.send(id);
  await relay.heard(2);
  for (const frames of [
    ["1", "OK", "3", "1"],
    ["1", "OK", "0", "1"],
    ["1", "OK", "01", "1"],
    ["1", "OK", "9007199254740991", "1"],
    ["1", "OK", "1", "x"],
    ["1", "OK", "1"],
    ["1", "OK", "1", "1", "1"],
    ["2", "OK", "1", "1"],
    ["1", "NO", "1", "1"],
    ["1", "ERR", "3", "busy"],
    ["1", "ERR", "3", "invalid"],
    ["", ""],
  ]) {
    await relay.answer(...frames);
  }
  await relay.confirm(2, 2);
  await relay.confirm(2, 2);
  await relay.confirm(1, 1);
  await withTimeout(opened.client.idle(), "all answers");
  expect(opened.outcomes).toEqual(["2 OK 102", "1 OK 101"]);
});

test("a relay of another version is told of and asked anew; where there is a second one, that is asked", async () => {
  await using relay = await FakeRelay.open();
  await using second = await FakeRelay.open();
  await using alone = open([relay.address]);
  alone.send(1);
  await relay.heard(1);
  await relay.answer("1", "ERR", "1", "version");
  expect(await relay.heard(1)).toEqual(messages(1, 1));
  expect(new Set(relay.names).size).toBe(2);
  await relay.confirm(1, 1);
  await withTimeout(alone.client.idle(), "the answer");
  expect(alone.events).toEqual([{ type: "refused", relay: relay.address, code: "version" }]);
  await using both = open([relay.address, second.address]);
  both.send(1);
  await relay.heard(1);
  await relay.answer("1", "ERR", "1", "journal");
  expect(await second.heard(1)).toEqual(messages(1, 1));
  await second.confirm(1, 1);
  await withTimeout(both.client.idle(), "the answer");
});

test("a relay that says nothing is asked anew, on another connection", async () => {
  await using relay = await FakeRelay.open();
  await using opened = open([relay.address], { silenceMs: 100 });
  for (let id = 1; id <= 3; id++) opened.send(id);
  await relay.heard(3);
  expect(await relay.heard(3)).toEqual(messages(1, 3));
  expect(new Set(relay.names).size).toBe(2);
  await relay.confirm(1, 3);
  await withTimeout(opened.client.idle(), "the answers");
});

test("messages that nobody waits for any more keep their numbers until they are answered", async () => {
  await using relay = await FakeRelay.open();
  await using opened = open([relay.address], { timeoutMs: 1500 });
  for (let id = 1; id <= 1200; id++) opened.send(id);
  await relay.heard(1000);
  await eventually(() => opened.outcomes.length === 1200, "their end");
  expect(new Set(opened.outcomes.map((outcome) => outcome.split(" ")[1]))).toEqual(new Set(["FEDMSG_TIMEOUT"]));
  opened.send(1201);
  await relay.confirm(1, 1);
  expect(await relay.heard(1)).toEqual(["PUB 1001 t body 1201"]);
  await relay.confirm(2, 1001);
  await withTimeout(opened.client.idle(), "the answer");
  expect(opened.outcomes.at(-1)).toBe("1201 OK 1101");
});

test("what waits is bounded, in bytes and in messages", async () => {
  await using opened = open(["tcp://127.0.0.1:1"], { bytesMax: 1000 });
  opened.send(1, "x".repeat(2000)); // One always fits.
  expect(() => opened.send(2)).toThrow(expect.objectContaining({ code: "FEDMSG_QUEUE_FULL" }));
  await using many = open(["tcp://127.0.0.1:1"], { bytesMax: 1e9 });
  for (let id = 0; id < 100_000; id++) many.send(id, "");
  expect(() => many.send(100_000, "")).toThrow(expect.objectContaining({ code: "FEDMSG_QUEUE_FULL" }));
  await many.client.close();
  expect(many.outcomes.length).toBe(100_000);
});

test("what is given up while no relay is there is let go of, whatever waits in front of it", async () => {
  await using opened = open(["tcp://127.0.0.1:1"], { bytesMax: 1e9 });
  opened.send(0);
  const body = () => Buffer.alloc(100_000, "x");
  for (let id = 1; id <= 2000; id++) {
    const message = opened.client.send([Buffer.from("t"), body()], () => {});
    opened.client.giveUp(message, new FedmsgError("FEDMSG_ABORTED", "given up"));
  }
  await expectBuffersAtMost(50_000_000);
  expect(opened.client.count).toBe(1);
});

test("a message for which a relay ends the connection is refused, and those before and behind it go through", async () => {
  await using relay = await FakeRelay.open(anyAddress, { limits: { messageBytesMax: 100_000 } });
  relay.isConfirming = true;
  await using opened = open([relay.address], { bytesMax: 1e9 });
  for (let id = 1; id <= 5; id++) opened.send(id);
  opened.send(6, "x".repeat(3_000_000));
  for (let id = 7; id <= 1500; id++) opened.send(id);
  await withTimeout(opened.client.idle(), "all answers");
  const ids = opened.outcomes
    .filter((outcome) => outcome.includes(" OK "))
    .map((outcome) => Number.parseInt(outcome, 10));
  expect(ids).toEqual(Array.from({ length: 1500 }, (_, n) => n + 1).filter((id) => id !== 6));
  expect(opened.outcomes).toContain("6 FEDMSG_REFUSED");
});

test("a relay that ends every connection costs no message, and is told of", async () => {
  await using relay = await FakeRelay.open(anyAddress, { limits: { messageBytesMax: 10 } });
  await using opened = open([relay.address], { bytesMax: 1e9 });
  opened.send(1, "x".repeat(100_000));
  opened.send(2);
  await eventually(() => opened.events.filter(({ type }) => type === "waiting").length >= 3, "that they wait");
  expect(opened.outcomes).toEqual([]);
  await relay[Symbol.asyncDispose]();
  await using sound = await FakeRelay.open(relay.address);
  sound.isConfirming = true;
  await withTimeout(opened.client.idle(), "the answers");
  expect(opened.outcomes).toEqual(["1 OK 101", "2 OK 102"]);
});

test("what a relay refused for now and nobody waits for any more is not sent again", async () => {
  await using relay = await FakeRelay.open();
  await using opened = open([relay.address]);
  const first = opened.send(1);
  await relay.heard(1);
  await relay.answer("1", "ERR", "1", "busy");
  await eventually(() => opened.events.length === 1, "the refusal");
  opened.client.giveUp(first, new FedmsgError("FEDMSG_ABORTED", "given up"));
  opened.send(2);
  expect(await relay.heard(1)).toEqual(["PUB 1 t body 2"]);
  await relay.confirm(1, 1);
  await withTimeout(opened.client.idle(), "the answer");
  expect(opened.outcomes).toEqual(["1 FEDMSG_ABORTED", "2 OK 101"]);
});

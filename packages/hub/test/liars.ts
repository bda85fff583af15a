/** A publisher whose journal and heartbeats a test writes itself, a stranger whom hubs hear as well, and those hubs. */

import { join } from "node:path";
import { openDeadLetters } from "@fedmsg/store";
import { anyAddress, eventually, Sockets, tempFolder, testConfig, toFrames, withTimeout } from "@fedmsg/testkit";
import { messageKey } from "fedmsg/crypto";
import {
  createMemoryJournal,
  createTransport,
  defineConsumer,
  type Journal,
  type Publisher,
  type ReplayLimits,
  type ReplayServer,
  startReplayServer,
} from "fedmsg/plugin";
import { type Hub, startHub } from "../src/hub.ts";
import { deferred, KeptLog, numberOf } from "./stage.ts";

const topic = "org.test.dev.m.t";
const idStart = "2026-";

/** The body of a message that is not signed; `filler` is text of its own. */
export function bodyOf(n: number, filler = ""): Buffer {
  const msg = { filler, n };
  return Buffer.from(
    JSON.stringify({ i: 1, msg, msg_id: `${idStart}${n}`, timestamp: 1795219574, topic, username: "me" }),
  );
}

/** See the top of the file. */
export class Liars implements AsyncDisposable {
  readonly log = new KeptLog();
  journal = createMemoryJournal();
  /** What consumers were done with, in order, whichever hub ran them. */
  readonly done: string[] = [];
  readonly #folder = tempFolder();
  readonly #sockets: Sockets;
  readonly #hubs: Hub[] = [];
  #asksUntilReplaced = Number.POSITIVE_INFINITY;
  #replay!: ReplayServer;
  #me!: [publisher: Publisher, address: string];
  #stranger!: [publisher: Publisher, address: string];

  private constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** @param limits of the replay server */
  static async open(limits?: Partial<ReplayLimits>): Promise<Liars> {
    const sockets = new Sockets(await createTransport(testConfig()));
    const liars = new Liars(sockets);
    liars.#me = await sockets.listening();
    liars.#stranger = await sockets.listening();
    liars.#replay = await startReplayServer({
      journal: () => liars.#asked(),
      address: anyAddress,
      ...(limits && { limits }),
    });
    return liars;
  }

  get me(): Publisher {
    return this.#me[0];
  }

  get stranger(): Publisher {
    return this.#stranger[0];
  }

  /** A hub with one durable consumer that works on one message at a time, when it may; resolves when it follows the journal. */
  async hub(work: (n: number) => Promise<void> | void): Promise<Hub> {
    const consumer = defineConsumer({
      name: "app",
      durable: true,
      concurrency: 1,
      consume: async (received) => {
        await work(numberOf(received));
        this.done.push(`${numberOf(received)}${(received.message.msg as { filler: string }).filler}`);
      },
    });
    const config = testConfig({
      endpoints: { me: [this.#me[1]], stranger: [this.#stranger[1]] },
      replay_endpoints: { me: this.#replay.address },
      cursor_store: `sqlite:${join(this.#folder, "{name}.db")}`,
      mute: true,
    });
    const follows = deferred();
    const hub = await startHub({
      ...{ config, log: this.log, consumers: [consumer], transport: await createTransport(config) },
      onEvent: ({ type }) => void (type === "following" && follows.resolve()),
    });
    this.#hubs.push(hub);
    await withTimeout(follows.promise, "the journal is followed");
    for (const publisher of [this.me, this.stranger])
      await withTimeout(publisher.subscribed("_heartbeat."), "it hears");
    return hub;
  }

  /** Appends to the journal, and sends nothing. */
  async keep(body: Uint8Array): Promise<void> {
    await this.journal.append(() => ({ topic, msgId: (JSON.parse(String(body)) as { msg_id: string }).msg_id, body }));
  }

  /** Sends, and keeps nothing. */
  send(publisher: Publisher, body: Uint8Array): Promise<void> {
    return Promise.resolve(publisher.send(toFrames(topic, body)));
  }

  /** Sends a heartbeat of the journal that lists these messages behind a position; who says that is not asked. */
  beat(publisher: Publisher, from: number, bodies: readonly Uint8Array[], listed = topic): Promise<void> {
    const { uuid } = this.journal.info;
    const keys = Buffer.concat(bodies.map((body) => messageKey(body) as Uint8Array)).toString("base64");
    const msg = { from, journal: uuid, to: from + bodies.length, topics: bodies.length > 0 ? { [listed]: keys } : {} };
    return Promise.resolve(publisher.send(toFrames(`_heartbeat.${uuid}`, JSON.stringify({ msg }))));
  }

  /** The numbers of the consumer's dead letters. */
  async deadLetters(): Promise<number[]> {
    const box = await openDeadLetters(join(this.#folder, "app.db"));
    try {
      const letters = box.list({ limit: 1000 });
      return letters.map(({ msgId }) => Number(msgId.slice(idStart.length))).toSorted((a, b) => a - b);
    } finally {
      await box.close();
    }
  }

  /** Another journal, in which nothing is yet, is at the same address. */
  replaceJournal(): void {
    this.journal = createMemoryJournal();
  }

  /** The same, once it was asked so many times more. */
  replaceJournalAfter(asks: number): void {
    this.#asksUntilReplaced = asks;
  }

  /** Resolves when so many messages were worked on. */
  isDoneWith(count: number): Promise<void> {
    return eventually(() => this.done.length === count, `${count} messages are done with`);
  }

  /** Nobody answers for the journal any more. */
  closeReplay(): Promise<void> {
    return this.#replay.close();
  }

  #asked(): Journal {
    if (this.#asksUntilReplaced-- === 0) this.replaceJournal();
    return this.journal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hubs.map((hub) => hub.close()));
    await this.#replay.close();
    await this.#sockets[Symbol.asyncDispose]();
    await this.journal.close();
  }
}

/** Resolves when a consumer has, or had, so many messages in hand. */
export function hasTaken(hub: Hub, count: number): Promise<void> {
  return eventually(() => hub.stats().consumers[0]?.received === count, `${count} messages are in hand`);
}

/** Resolves when a consumer has so many messages in hand, and none waits. */
export function holds(hub: Hub, count: number): Promise<void> {
  const held = () => (hub.stats().consumers[0]?.inHand ?? 0) + (hub.stats().consumers[0]?.waiting ?? 0);
  return eventually(() => held() === count, `${count} messages are left in hand`);
}

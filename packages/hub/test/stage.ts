/** A hub under test: somebody who publishes for it, where it keeps its cursors, and what it logs. */

import { join } from "node:path";
import { openDeadLetters } from "@fedmsg/store";
import { anyAddress, eventually, Sockets, tempFolder, testConfig, withTimeout } from "@fedmsg/testkit";
import { type Bus, connect } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { createMemoryTransport, createTransport, type Log, type Transport } from "fedmsg/plugin";
import { type Hub, type HubOptions, startHub } from "../src/hub.ts";
import type { ConsumerStats } from "../src/stats.ts";

/** One line of a log. */
export interface Line {
  readonly level: keyof Log;
  readonly text: string;
}

/** A log that is kept. */
export class KeptLog implements Log {
  readonly lines: Line[] = [];
  readonly debug = (text: string) => void this.lines.push({ level: "debug", text });
  readonly info = (text: string) => void this.lines.push({ level: "info", text });
  readonly warn = (text: string) => void this.lines.push({ level: "warn", text });
  readonly error = (text: string) => void this.lines.push({ level: "error", text });

  /** All lines of a level, or of every one. */
  texts(level?: keyof Log): string[] {
    return this.lines.filter((line) => level === undefined || line.level === level).map(({ text }) => text);
  }
}

/** What is to run, and how. */
export interface StageOptions extends Pick<HubOptions, "consumers" | "producers" | "processName" | "onEvent"> {
  readonly config?: ConfigInput;
}

/** A publisher and hubs, one after the other, in one folder. */
export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly log = new KeptLog();
  readonly publisher: Bus;
  readonly #transport: Transport;
  readonly #keys: ConfigInput;
  readonly #hubs: Hub[] = [];

  private constructor(transport: Transport, publisher: Bus, folder: string, keys: ConfigInput) {
    this.#transport = transport;
    this.publisher = publisher;
    this.folder = folder;
    this.#keys = keys;
  }

  /** In memory, with a publisher that remembers nothing. */
  static async open(): Promise<Stage> {
    const transport = createMemoryTransport();
    const folder = tempFolder();
    const config = testConfig({ endpoints: { me: [anyAddress] } });
    const publisher = await connect({ name: "me", config, transport });
    return new Stage(transport, publisher, folder, { endpoints: { me: [publisher.endpoint as string] } });
  }

  /** On sockets, with a publisher that has a journal. */
  static async openJournalled(): Promise<Stage> {
    const transport = await createTransport(testConfig());
    const folder = tempFolder();
    await using sockets = new Sockets(transport);
    const keys = {
      endpoints: { me: [await sockets.freeAddress()] },
      replay_endpoints: { me: await sockets.freeAddress() },
    };
    const config = testConfig({ ...keys, persistent_store: `sqlite:${join(folder, "journal.db")}` });
    const publisher = await connect({ name: "me", config, transport: await createTransport(config) });
    return new Stage(transport, publisher, folder, keys);
  }

  /** Starts a hub; resolves when it hears the publisher. */
  async hub({ config, ...plugins }: StageOptions): Promise<Hub> {
    const cursor_store = `sqlite:${join(this.folder, "{name}.db")}`;
    const complete = testConfig({ ...this.#keys, cursor_store, mute: true, ...config });
    const hub = await startHub({ config: complete, transport: this.#transport, log: this.log, ...plugins });
    this.#hubs.push(hub);
    await withTimeout(this.publisher.subscribed(), "the hub's subscription");
    return hub;
  }

  /** Publishes `msg: {n}` for each number, in order. */
  async say(from: number, to: number, topic = "t"): Promise<void> {
    for (let n = from; n <= to; n++) await this.publisher.publish({ topic, modname: "m", msg: { n } });
  }

  /** The dead letters of a consumer. */
  async deadLetters(name: string) {
    const box = await openDeadLetters(join(this.folder, `${name}.db`));
    try {
      return box.list({ limit: 1000 });
    } finally {
      await box.close();
    }
  }

  /** Asks the consumer to try all of its dead letters again. */
  async askRetry(name: string): Promise<void> {
    const box = await openDeadLetters(join(this.folder, `${name}.db`));
    await box.askRetry("all");
    await box.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hubs.map((hub) => hub.close()));
    await this.publisher.close();
  }
}

/** What the hub says of a consumer. */
export function statsOf(hub: Hub, name: string): ConsumerStats {
  const stats = hub.stats().consumers.find((consumer) => consumer.name === name);
  if (!stats) throw new Error(`no consumer ${name} runs`);
  return stats;
}

/** Resolves when a consumer is done with so many messages. */
export function doneWith(hub: Hub, name: string, messages: number): Promise<void> {
  return eventually(() => statsOf(hub, name).done >= messages, `${name} is done with ${messages} messages`);
}

/** The number of a message of {@link Stage.say}. */
export function numberOf({ message }: { readonly message: { readonly msg?: unknown } }): number {
  return (message.msg as { n: number }).n;
}

/** A promise to be settled later. */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

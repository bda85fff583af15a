/** Somebody else on the bus: says what a test wants to be heard, signed where the configuration has it so. */

import { MessageWriter, type Written } from "../bus/message-writer.ts";
import type { Config } from "../config/index.ts";
import { createSigner } from "../crypto/index.ts";
import type { Frames, Publisher, Transport } from "../transport/transport.ts";
import { buildTopic } from "../wire/topic.ts";

/** A message that a test says. What its envelope needs and the test leaves out is filled in. */
export interface TestMessage {
  /** The whole topic, or the part behind prefix and environment; with `modname`, the part behind that. */
  readonly topic: string;
  readonly modname?: string;
  readonly msg?: unknown;
  /** Other members of the message: `username`, `timestamp`, `msg_id`, … With a `signature` it is said as it is. */
  readonly [field: string]: unknown;
}

/** See the top of the file. */
export class Voice {
  readonly #config: Config;
  readonly #publisher: Publisher;
  readonly #signed: MessageWriter;
  readonly #plain: MessageWriter;
  readonly #own = new WeakSet<Frames>();

  private constructor(config: Config, publisher: Publisher) {
    this.#config = config;
    this.#publisher = publisher;
    this.#signed = new MessageWriter(config, "test");
    this.#plain = new MessageWriter(config, "test");
  }

  /** @throws FedmsgError FEDMSG_CREDENTIALS where there is nothing to sign with */
  static async open(config: Config, transport: Transport): Promise<Voice> {
    const publisher = transport.createPublisher({ awaitSubscriber: true });
    const voice = new Voice(config, publisher);
    if (config.sign_messages) {
      // As a publisher through a relay signs that has no name of its own.
      voice.#signed.signer = await createSigner(config, { name: config.name ?? "relay_inbound" });
    }
    for (const relay of config.relay_inbound) publisher.connect(relay);
    return voice;
  }

  /** Whether these frames were said here. */
  said(frames: Frames): boolean {
    return this.#own.has(frames);
  }

  /** Makes a message. @throws FedmsgError FEDMSG_ENCODE, FEDMSG_TOO_LARGE */
  write({ topic, modname, msg, ...fields }: TestMessage): Written {
    const { topic_prefix: prefix, environment } = this.#config;
    const full = modname === undefined ? this.#fullTopic(topic) : buildTopic({ prefix, environment, modname, topic });
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const writer = fields.signature === undefined ? this.#signed : this.#plain;
    return writer.write({
      ...{ topic: "said", modname: "test", msg },
      pre_fire_hook: (message) => Object.assign(message, Object.fromEntries(given), { topic: full }),
    });
  }

  /** Says it; resolves when whoever listens has it. */
  async say({ frames }: Written): Promise<void> {
    this.#own.add(frames);
    await this.#publisher.send(frames);
  }

  async close(): Promise<void> {
    await this.#publisher.close();
  }

  #fullTopic(topic: string): string {
    const { topic_prefix: prefix, environment } = this.#config;
    return topic.startsWith(`${prefix}.`) ? topic : `${prefix}.${environment}.${topic}`;
  }
}

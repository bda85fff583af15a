/**
 * A bus for the tests of programs that use fedmsg: in memory, alone in the world, and with something to look at.
 *
 * ```
 * connect() ─┐                                  ┌─▶ connect(): subscribers
 * publish() ─┼─▶ the middle: notes, forwards ───┤
 * feed() ────┘         │                        └─▶ run(): a hub with the consumer under test
 *                      ▼
 *          published, expectPublished()
 * ```
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, connect } from "../bus/bus.ts";
import type { Config, ConfigInput } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { ConsumerDefinition } from "../plugins/consumer.ts";
import type { ProducerDefinition } from "../plugins/producer.ts";
import { createMemoryTransport, processNetwork } from "../transport/memory/index.ts";
import type { Frames } from "../transport/transport.ts";
import { decodeMessage } from "../wire/frames.ts";
import { PublishedLog, type PublishedMessage } from "./published.ts";
import { TestRelay } from "./relay.ts";
import {
  ConsumerUnderTest,
  type RunConsumerOptions,
  type RunContext,
  type RunningConsumer,
} from "./running-consumer.ts";
import { ProducerUnderTest, type RunningProducer } from "./running-producer.ts";
import type { Expected, MsgCheck, StandardSchemaV1 } from "./schema.ts";
import { show } from "./show.ts";
import { testBusConfig } from "./test-config.ts";
import { type TestMessage, Voice } from "./voice.ts";

/** How to make a test bus. */
export interface TestBusOptions {
  /**
   * Keys to set; `validate_signatures` is off unless it is set here. What leads out of the process has no effect: addresses,
   * relays, journals, outbox, monitoring, lists of modules. Where signatures are validated, URLs of certificates are refused.
   */
  readonly config?: ConfigInput | Config;
}

/** How long to wait for a message. */
export interface ExpectPublishedOptions {
  /** In ms. Default 2000. */
  readonly timeoutMs?: number;
}

/** How long to wait for a message that must not come. */
export interface ExpectNothingOptions {
  /** In ms. Default 50. What was published before the call counts in any case. */
  readonly withinMs?: number;
}

/** A bus in memory. Made by {@link createTestBus}. */
export interface TestBus extends AsyncDisposable {
  /** A complete configuration, for code under test that opens its bus itself: `connect({ config })` joins this bus. */
  readonly config: Config;
  /** Joins the bus: for code under test that is given its bus. Closed with the test bus. @param name default `test` */
  connect(name?: string): Promise<Bus>;
  /** Says something as somebody else; resolves when whoever listens has it. @throws FedmsgError FEDMSG_ENCODE, FEDMSG_TOO_LARGE */
  publish(message: TestMessage): Promise<PublishedMessage>;
  /** Everything that was published so far, in order, what the test itself said included: the newest 100,000 at least. */
  readonly published: readonly PublishedMessage[];
  /**
   * Resolves with the first message that the code under test published, that matches, and that no earlier call resolved with.
   *
   * @param topic the whole topic; or a pattern with `*` (one word) and `#` (any number of words); or either of them for the part
   *   behind prefix and environment: `git.receive`, `git.#`. Empty for any
   * @param schema what `msg` must be like: a schema of valibot, zod or arktype, or a function that throws or returns `false`
   * @throws FedmsgError FEDMSG_EXPECTATION: shows what was published instead, and why each message is not the one; FEDMSG_CLOSED
   */
  expectPublished<Msg>(
    topic: string,
    schema: StandardSchemaV1<Msg>,
    options?: ExpectPublishedOptions,
  ): Promise<PublishedMessage<Msg>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it expects to be there
  expectPublished(topic: string, schema?: MsgCheck, options?: ExpectPublishedOptions): Promise<PublishedMessage<any>>;
  /**
   * Resolves when the code under test has published nothing, on a topic as `expectPublished` has it, that was not already
   * given out, and does not do so for a while.
   *
   * @throws FedmsgError FEDMSG_EXPECTATION: shows the message; FEDMSG_CLOSED
   */
  expectNothingPublished(topic?: string, options?: ExpectNothingOptions): Promise<void>;
  /**
   * Runs a consumer, or a producer, in a real hub of its own (`@fedmsg/hub`, to be installed beside). It is stopped with the
   * test bus. A durable consumer keeps what it keeps in a temporary folder, and goes on there when it is run again.
   *
   * @throws FedmsgError FEDMSG_MODULE (what is wrong with the definition; its `start` failed), FEDMSG_UNSUPPORTED (no hub)
   */
  run(consumer: ConsumerDefinition, options?: RunConsumerOptions): Promise<RunningConsumer>;
  run(producer: ProducerDefinition): Promise<RunningProducer>;
  /** Ends all that was started on it, and removes what it kept. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes a bus for a test: in memory, without a port, and without a look at the user's configuration.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID, FEDMSG_CREDENTIALS (`sign_messages`, and nothing to sign with)
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { createTestBus } from "fedmsg/testing";
 *
 * test("a new build is announced", async (t) => {
 *   const bus = await createTestBus();
 *   t.after(() => bus.close()); // or `await using bus = …`
 *   await announce(await bus.connect(), "kernel"); // the code under test
 *   await bus.expectPublished("builds.new", (msg) => msg.name === "kernel");
 * });
 * ```
 */
export async function createTestBus(options: TestBusOptions = {}): Promise<TestBus> {
  const folder = await mkdtemp(join(tmpdir(), "fedmsg-testing-"));
  const bus = new MemoryTestBus(folder, options.config ?? {});
  try {
    await bus.open();
    return bus;
  } catch (error) {
    await bus.close();
    throw error;
  }
}

class MemoryTestBus implements TestBus {
  readonly #folder: string;
  readonly #given: ConfigInput | Config;
  // That of `transport: "memory"`, so that whoever has the configuration gets here; ports tell test buses apart.
  readonly #transport = createMemoryTransport(processNetwork);
  readonly #relay = new TestRelay(processNetwork, (frames) => this.#note(frames));
  readonly #buses: Bus[] = [];
  readonly #running: (ConsumerUnderTest | ProducerUnderTest)[] = [];
  #config!: Config;
  #published!: PublishedLog;
  #voice: Voice | undefined;
  #closing: Promise<void> | undefined;

  constructor(folder: string, given: ConfigInput | Config) {
    this.#folder = folder;
    this.#given = given;
  }

  async open(): Promise<void> {
    const { inbound, outbound } = this.#relay;
    this.#config = testBusConfig(this.#given, { inbound, outbound, folder: this.#folder });
    this.#published = new PublishedLog(`${this.#config.topic_prefix}.${this.#config.environment}.`);
    this.#voice = await Voice.open(this.#config, this.#transport);
  }

  get config(): Config {
    return this.#config;
  }

  get published(): readonly PublishedMessage[] {
    return this.#published.all;
  }

  async connect(name = "test"): Promise<Bus> {
    this.#assertOpen();
    const bus = await connect({ name, config: this.#config, transport: this.#transport });
    this.#buses.push(bus);
    if (this.#closing) await bus.close();
    return bus;
  }

  async publish(message: TestMessage): Promise<PublishedMessage> {
    const { voice } = this.#assertOpen();
    const written = voice.write(message);
    await voice.say(written);
    const { topic, msg } = written.message;
    return { topic, message: written.message, msg, body: written.frames[1] as Uint8Array, byTest: true };
  }

  expectPublished<Msg>(
    topic: string,
    schema?: Expected<Msg>,
    { timeoutMs = 2000 }: ExpectPublishedOptions = {},
  ): Promise<PublishedMessage<Msg>> {
    return this.#published.expect(topic, schema, timeoutMs);
  }

  expectNothingPublished(topic = "", { withinMs = 50 }: ExpectNothingOptions = {}): Promise<void> {
    return this.#published.expectNothing(topic, withinMs);
  }

  run(consumer: ConsumerDefinition, options?: RunConsumerOptions): Promise<RunningConsumer>;
  run(producer: ProducerDefinition): Promise<RunningProducer>;
  async run(
    definition: ConsumerDefinition | ProducerDefinition,
    options: RunConsumerOptions = {},
  ): Promise<RunningConsumer | RunningProducer> {
    const context = this.#assertOpen();
    if (typeof definition !== "object" || definition === null) {
      const wanted = "wanted what defineConsumer or defineProducer returns, the default export of its module";
      throw new FedmsgError("FEDMSG_MODULE", `run: found ${show(definition, 100)}; ${wanted}`);
    }
    const running =
      "poll" in definition
        ? new ProducerUnderTest(definition, context)
        : new ConsumerUnderTest(definition, options, context);
    this.#running.push(running);
    await running.start();
    if (this.#closing) await running.stop();
    return running;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#published?.close();
    await Promise.all(this.#running.map((running) => running.stop()));
    await Promise.all(this.#buses.map((bus) => bus.close()));
    await this.#voice?.close();
    this.#relay.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What is no message goes on its way, and is not noted. */
  #note(frames: Frames): void {
    const bytes = frames.map((frame) => (typeof frame === "string" ? Buffer.from(frame) : frame));
    const decoded = decodeMessage(bytes, Number.POSITIVE_INFINITY);
    if (!decoded.valid) return;
    const { topic, message, body } = decoded;
    this.#published.add({ topic, message, msg: message.msg, body, byTest: this.#voice?.said(frames) ?? false });
  }

  #assertOpen(): RunContext {
    if (this.#closing || !this.#voice) throw new FedmsgError("FEDMSG_CLOSED", "the test bus is closed");
    return { config: this.#config, transport: this.#transport, voice: this.#voice };
  }
}

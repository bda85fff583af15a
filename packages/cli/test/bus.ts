/** The other side of a command under test: somebody it can listen to, and somebody who listens to it. */

import { type Daemon, startRelay } from "@fedmsg/hub";
import { type Bus, connect, type Received, type Subscription } from "fedmsg";
import { type Config, completeConfig } from "fedmsg/config";
import { createTransport, type Publisher } from "fedmsg/plugin";

const any = "tcp://127.0.0.1:*";

/** A publisher that says whatever it is told, right or wrong. */
export class Speaker implements AsyncDisposable {
  readonly endpoint: string;
  readonly #publisher: Publisher;

  private constructor(publisher: Publisher, endpoint: string) {
    this.#publisher = publisher;
    this.endpoint = endpoint;
  }

  /** Listens for subscribers, on a port of its own unless told, or connects to a relay. */
  static async open({ bind = any, connect }: { bind?: string; connect?: string } = {}): Promise<Speaker> {
    const transport = await createTransport(completeConfig({}));
    const publisher = transport.createPublisher({ awaitSubscriber: connect !== undefined });
    if (connect === undefined) return new Speaker(publisher, await publisher.bind(bind));
    publisher.connect(connect);
    return new Speaker(publisher, connect);
  }

  /** The configuration of those who shall hear it. */
  get config() {
    return { validate_signatures: false, endpoints: { speaker: [this.endpoint] } };
  }

  /** Resolves when somebody listens. */
  subscribed(): Promise<void> {
    return this.#publisher.subscribed();
  }

  /** Says a message: an object, which gets its topic, or the exact text of a body. */
  say(topic: string, body: string | object): Promise<void> {
    return this.sayFrames(topic, typeof body === "string" ? body : JSON.stringify({ topic, ...body }));
  }

  /** Says frames as they are. */
  sayFrames(...frames: (string | Uint8Array)[]): Promise<void> {
    return this.#publisher.send(frames.map((frame) => Buffer.from(frame)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher.close();
  }
}

/** A relay in this process, and what comes out of it. */
export class Listener implements AsyncDisposable {
  readonly relay: Daemon;
  readonly #bus: Bus;
  readonly #subscription: Subscription;

  private constructor(relay: Daemon, bus: Bus) {
    this.relay = relay;
    this.#bus = bus;
    this.#subscription = bus.subscribe();
  }

  /** Starts a relay, on a port of its own unless told, and listens to it. */
  static async open({ inbound = any }: { inbound?: string } = {}): Promise<Listener> {
    const config = { relay_inbound: [inbound], endpoints: { relay_outbound: [any] } };
    const relay = await startRelay({ config: completeConfig(config) });
    const listener = new Listener(relay, await connect({ config: muted([relay.outbound]) }));
    await relay.subscribed();
    return listener;
  }

  /** The configuration of those who publish through the relay. */
  get config() {
    return { relay_inbound: this.relay.inbound };
  }

  /** The next `count` messages. */
  async take(count: number): Promise<Received[]> {
    const taken: Received[] = [];
    const iterator = this.#subscription[Symbol.asyncIterator]();
    while (taken.length < count) {
      const { value, done } = await iterator.next();
      if (done) throw new Error("the relay is gone");
      taken.push(value);
    }
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bus.close();
    await this.relay.close();
  }
}

/** The configuration of somebody who only listens. */
export function muted(addresses: readonly string[]): Config {
  return completeConfig({ mute: true, validate_signatures: false, endpoints: { relay_outbound: addresses } });
}

import {
  createMemoryTransport,
  createTransport,
  type Frames,
  type Publisher,
  type PublisherOptions,
  type SocketOptions,
  type Subscriber,
  type Transport,
} from "fedmsg/plugin";
import { anyAddress, testConfig } from "./test-config.ts";
import { withTimeout } from "./waiting.ts";

/** The frames of a message from texts. */
export function toFrames(...parts: readonly (string | Uint8Array)[]): Frames {
  return parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part));
}

/** The frames of a message as texts. */
export function toTexts(frames: Frames): string[] {
  return frames.map((frame) => Buffer.from(frame).toString());
}

/** Reads a subscriber message by message. */
export class Inbox {
  readonly socket: Subscriber;
  readonly #waiting: Frames[] = [];

  constructor(socket: Subscriber) {
    this.socket = socket;
  }

  /** The next message. */
  async next(): Promise<Frames> {
    while (this.#waiting.length === 0) {
      const batch = await withTimeout(this.socket.receive(), "a message");
      if (batch.length === 0) throw new Error("the socket was closed while a message was expected");
      this.#waiting.push(...batch);
    }
    return this.#waiting.shift() as Frames;
  }

  /** The next `n` messages. */
  async take(n: number): Promise<Frames[]> {
    const messages: Frames[] = [];
    while (messages.length < n) messages.push(await this.next());
    return messages;
  }

  /** The frame at `index` of the next message, as a text. */
  async text(index = 0): Promise<string> {
    return toTexts(await this.next())[index] as string;
  }

  /** The last frame of the next `n` messages, as texts. */
  async bodies(n: number): Promise<string[]> {
    return (await this.take(n)).map((frames) => toTexts(frames).at(-1) as string);
  }
}

/**
 * Says `topic` until the inbox hears it: for where nothing tells that a subscriber is there, or has room again. It may
 * be heard more than once.
 *
 * @returns what the inbox heard before
 */
export async function sayUntilHeard(publisher: Publisher, inbox: Inbox, topic = "again"): Promise<Frames[]> {
  let isHeard = false;
  const noteHeard = () => {
    isHeard = true;
  };
  const earlier = hearUntil(inbox, topic);
  earlier.then(noteHeard, noteHeard);
  while (!isHeard) {
    await publisher.send(toFrames(topic, "{}"));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return earlier;
}

async function hearUntil(inbox: Inbox, topic: string): Promise<Frames[]> {
  const earlier: Frames[] = [];
  for (;;) {
    const frames = await inbox.next();
    if (String(frames[0]) === topic) return earlier;
    earlier.push(frames);
  }
}

/** What a test asks of a subscriber. */
export interface InboxOptions extends SocketOptions {
  /** What it subscribes to. Default: everything. */
  readonly prefixes?: readonly string[];
}

/** Makes sockets of one transport and closes them all at the end of a test. */
export class Sockets implements AsyncDisposable {
  readonly transport: Transport;
  readonly #open: (Publisher | Subscriber)[] = [];

  constructor(transport: Transport) {
    this.transport = transport;
  }

  publisher(options?: PublisherOptions): Publisher {
    const socket = this.transport.createPublisher(options);
    this.#open.push(socket);
    return socket;
  }

  subscriber(options?: SocketOptions): Subscriber {
    const socket = this.transport.createSubscriber(options);
    this.#open.push(socket);
    return socket;
  }

  /** A publisher that listens, and its address. */
  async listening(options?: PublisherOptions): Promise<[publisher: Publisher, address: string]> {
    const publisher = this.publisher(options);
    return [publisher, await publisher.bind(anyAddress)];
  }

  /** A subscriber to what is published at the addresses. */
  inbox(addresses: string | readonly string[], { prefixes = [""], ...options }: InboxOptions = {}): Inbox {
    const socket = this.subscriber(options);
    for (const prefix of prefixes) socket.subscribe(prefix);
    for (const address of [addresses].flat()) socket.connect(address);
    return new Inbox(socket);
  }

  /** A subscriber to everything that listens, as a relay does, and its address. */
  async boundInbox(options?: SocketOptions): Promise<[inbox: Inbox, address: string]> {
    const socket = this.subscriber(options);
    socket.subscribe("");
    return [new Inbox(socket), await socket.bind(anyAddress)];
  }

  /** A publisher that listens and a subscriber to everything, connected. */
  async pair(options: PublisherOptions & SocketOptions = {}): Promise<[publisher: Publisher, inbox: Inbox]> {
    const [publisher, address] = await this.listening(options);
    const inbox = this.inbox(address, options);
    await withTimeout(publisher.subscribed(), "the subscription");
    return [publisher, inbox];
  }

  /** An address on which nobody listens yet. */
  async freeAddress(): Promise<string> {
    const [publisher, address] = await this.listening();
    await publisher.close();
    return address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((socket) => socket.close()));
  }
}

/** Every transport there is, for tests that shall hold on each: `describe.each(everyTransport)("%s", …)`. */
export const everyTransport: readonly (readonly [name: string, make: () => Promise<Transport>])[] = [
  ["memory", async () => createMemoryTransport()],
  ["zmtp", () => createTransport(testConfig({ transport: "zmtp" }))],
  ["libzmq", () => createTransport(testConfig({ transport: "libzmq" }))],
];

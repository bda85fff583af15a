/** A peer that says whatever a test wants it to say. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { withTimeout } from "@fedmsg/testkit";
import {
  encodeCommand,
  encodeGreeting,
  encodeReady,
  FrameDecoder,
  type Greeting,
  greetingLength,
} from "../../src/codec/index.ts";
import { Collector } from "./collect.ts";

/** A TCP or ipc connection, and what came over it. */
export class RawPeer implements AsyncDisposable {
  readonly stream: Socket;
  /** What came behind the greeting. */
  readonly received = new Collector();
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #decoder = new FrameDecoder(this.received);
  #greeting = 0;

  private constructor(stream: Socket) {
    this.stream = stream;
    this.closed = new Promise((resolve) => void stream.once("close", () => resolve()));
    stream.on("error", () => {}); // Told by "close".
    stream.on("data", (chunk: Buffer) => {
      const count = Math.min(greetingLength - this.#greeting, chunk.length);
      this.#greeting += count;
      if (count < chunk.length) this.#decoder.push(chunk.subarray(count));
    });
  }

  /** Connects. With `deaf` it never reads. */
  static async to(address: string, { deaf = false, allowHalfOpen = false } = {}): Promise<RawPeer> {
    const { protocol, hostname, port, pathname } = new URL(address);
    const stream = connect({
      ...(protocol === "ipc:" ? { path: pathname } : { host: hostname, port: +port }),
      allowHalfOpen,
    });
    const peer = new RawPeer(stream);
    if (deaf) stream.pause();
    await once(stream, "connect");
    return peer;
  }

  /** Connects and shakes hands; resolves when the other's READY is there. */
  static async ready(address: string, type: string, options: Partial<Greeting> & { identity?: Buffer } = {}) {
    const peer = await RawPeer.to(address);
    peer.write(encodeGreeting(options), encodeReady(type, options.identity));
    await peer.command("READY");
    return peer;
  }

  write(...bytes: readonly Uint8Array[]): void {
    this.stream.write(Buffer.concat(bytes));
  }

  /** Names of the commands that came. */
  get commands(): string[] {
    return this.received.heard.flatMap((item) => ("command" in item ? [nameOf(item.command)] : []));
  }

  /** Resolves when a command of this name has come. */
  async command(name: string): Promise<void> {
    while (!this.commands.includes(name)) {
      const over = this.closed.then(() => {
        throw new Error(`the connection ended before ${name} came`);
      });
      await withTimeout(Promise.race([once(this.stream, "data"), over]), name);
    }
  }

  /** Resolves when the other side has ended the connection. */
  async wasCut(): Promise<void> {
    await withTimeout(this.closed, "the end of the connection");
  }

  /** Ends with a RST, where there is one: not on ipc. */
  reset(): void {
    if (this.stream.remoteAddress === undefined) this.stream.destroy();
    else this.stream.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy();
    await this.closed;
  }
}

function nameOf(body: Buffer): string {
  return body.toString("latin1", 1, 1 + (body[0] as number));
}

/** A READY with these properties, as they are. */
export function readyOf(...properties: readonly (readonly [name: string, value: string | Buffer])[]): Buffer {
  const data = properties.map(([name, value]) => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([Buffer.of(name.length), Buffer.from(name), length, bytes]);
  });
  return encodeCommand("READY", Buffer.concat(data));
}

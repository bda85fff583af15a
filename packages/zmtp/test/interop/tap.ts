import { connect, createServer, type Socket } from "node:net";

/** Counts the heartbeats that pass between two sockets. `forward` is from the one that connected. */
export class Tap {
  readonly counts = { forward: { PING: 0, PONG: 0 }, back: { PING: 0, PONG: 0 } };
  readonly #streams: Socket[] = [];
  readonly #server = createServer((stream) => this.#accept(stream));
  readonly #port: number;
  /** Connections so far. */
  connections = 0;

  private constructor(target: string) {
    this.#port = Number(new URL(target).port);
  }

  /** Stands before a TCP address. */
  static async before(target: string): Promise<[tap: Tap, address: string]> {
    const tap = new Tap(target);
    await new Promise<void>((resolve) => tap.#server.listen(0, "127.0.0.1", () => resolve()));
    const bound = tap.#server.address();
    return [tap, `tcp://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}`];
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(incoming: Socket): void {
    this.connections++;
    const outgoing = connect(this.#port, "127.0.0.1");
    this.#join(incoming, outgoing, this.counts.forward);
    this.#join(outgoing, incoming, this.counts.back);
  }

  #join(from: Socket, to: Socket, counts: Record<"PING" | "PONG", number>): void {
    this.#streams.push(from);
    from.on("error", () => {});
    from.on("close", () => to.destroy());
    from.on("data", (chunk) => {
      const text = chunk.toString("latin1");
      for (const name of ["PING", "PONG"] as const) counts[name] += text.split(`\x04${name}`).length - 1;
    });
    from.pipe(to);
  }
}

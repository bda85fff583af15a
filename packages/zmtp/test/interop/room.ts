/** Where a case's sockets, processes and files live: all of them are gone at its end, also when it fails. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Impl, makeSocket, type PeerOptions, type PeerSocket, type SocketType } from "./adapters.ts";

/** What carries the bytes. */
export type Carrier = "tcp" | "ipc";

/** Every carrier. */
export const carriers: readonly Carrier[] = ["tcp", "ipc"];

/** Made by each test with `await using`. */
export class Room implements AsyncDisposable {
  readonly #open: { close(): Promise<void> }[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "zmtp-"));
  #paths = 0;

  socket(impl: Impl, type: SocketType, options?: PeerOptions): PeerSocket {
    return this.keep(makeSocket(impl, type, options));
  }

  /** Closes it at the end, before what was made earlier. */
  keep<T extends { close(): Promise<void> }>(thing: T): T {
    this.#open.push(thing);
    return thing;
  }

  /** Where to bind: a port that the system chooses, or a path that nobody has. */
  address(carrier: Carrier = "tcp"): string {
    return carrier === "tcp" ? "tcp://127.0.0.1:*" : `ipc://${join(this.#folder, `${this.#paths++}`)}`;
  }

  /** Where nobody listens yet. */
  async freeAddress(carrier: Carrier = "tcp"): Promise<string> {
    return carrier === "tcp" ? `tcp://127.0.0.1:${await freePort()}` : this.address(carrier);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const results = await Promise.allSettled(this.#open.reverse().map((thing) => thing.close()));
    rmSync(this.#folder, { recursive: true, force: true });
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  await new Promise<unknown>((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a port was expected");
  return address.port;
}

import type { Transport } from "../transport/transport.ts";
import { Source, type SourcesOptions } from "./source.ts";

/**
 * Sources that are read together, those of one subscription or of one daemon: one socket for each address, which come and go
 * with the addresses that are listed.
 */
export class Sources {
  readonly #transport: Promise<Transport>;
  readonly #options: SourcesOptions;
  readonly #all = new Set<Source>();
  /** What is subscribed to, and how often that was asked for. */
  readonly #prefixes = new Map<string, number>();
  /** Changes are made one after the other. */
  #work: Promise<void> = Promise.resolve();
  /** When those that are no more were done with the last that came. */
  #endedAt = -Infinity;
  #isClosed = false;

  constructor(transport: Promise<Transport>, options: SourcesOptions) {
    this.#transport = transport;
    this.#options = options;
    this.subscribe(options.prefixes ?? []);
  }

  /** Those that connect or listen, and were not closed. */
  get open(): readonly Source[] {
    return [...this.#all].filter(({ isOpen }) => isOpen);
  }

  /** When something came last, or was done with, in ms of `performance.now()`; negative infinity before. */
  get lastAt(): number {
    let last = this.#endedAt;
    for (const { lastAt } of this.#all) last = Math.max(last, lastAt);
    return last;
  }

  /** Asks for these beginnings of topics too, from now on. */
  subscribe(prefixes: readonly string[]): void {
    for (const prefix of prefixes) {
      const count = this.#prefixes.get(prefix) ?? 0;
      this.#prefixes.set(prefix, count + 1);
      if (count === 0) for (const source of this.#all) source.subscribe(prefix);
    }
  }

  /** Takes one `subscribe` back. */
  unsubscribe(prefixes: readonly string[]): void {
    for (const prefix of prefixes) {
      const left = (this.#prefixes.get(prefix) ?? 0) - 1;
      if (left > 0) this.#prefixes.set(prefix, left);
      else if (this.#prefixes.delete(prefix)) for (const source of this.#all) source.unsubscribe(prefix);
    }
  }

  /**
   * Opens a source for each address, twice where it is listed twice. The first failure ends it.
   *
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
   */
  openAll(endpoints: readonly (readonly [name: string, addresses: readonly string[]])[]): Promise<void> {
    return this.#enqueue(async () => {
      for (const [name, addresses] of endpoints) for (const address of addresses) await this.#open(name, address);
    });
  }

  /**
   * Makes `addresses` those of `name`: new ones are opened, and those that are gone are read to their end and closed. A
   * new one that cannot be opened is told as a warning, and the others go on.
   */
  update(name: string, addresses: readonly string[]): void {
    const update = this.#enqueue(async () => {
      const present = [...this.#all].filter((source) => source.name === name);
      for (const source of present) if (!addresses.includes(source.address)) source.leave();
      for (const address of addresses) {
        const same = present.filter((source) => source.address === address);
        if (same.filter((source) => source.stay()).length > 0) continue;
        // What the one that is leaving received comes before what the new one will.
        await Promise.all(same.map((source) => source.ended));
        await this.#open(name, address).catch((error: Error) => {
          this.#options.status.emit({ type: "warning", name, detail: `${address}: ${error.message}` });
        });
      }
    });
    update.catch(() => {}); // Only a transport that cannot be had, of which `open` has told.
  }

  /** Receives no more. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#work;
    await Promise.all([...this.#all].map((source) => source.close()));
  }

  /** After `close`, resolves when everything that was received has been taken. */
  async ended(): Promise<void> {
    await Promise.all([...this.#all].map((source) => source.ended));
  }

  #enqueue(change: () => Promise<void>): Promise<void> {
    const done = this.#work.then(change);
    this.#work = done.catch(() => {});
    return done;
  }

  async #open(name: string, address: string): Promise<void> {
    const transport = await this.#transport;
    const { accepts, explain } = this.#options;
    let source: Source | undefined;
    try {
      if (accepts && !(await accepts(address))) return;
      if (this.#isClosed) return;
      source = new Source(transport, this.#options, name, address);
      this.#all.add(source);
      await source.open(this.#prefixes.keys());
      void source.ended.then(() => this.#forget(source as Source));
    } catch (error) {
      await source?.close();
      if (source) this.#all.delete(source);
      throw explain ? explain(error, name, address) : error;
    }
  }

  #forget(source: Source): void {
    this.#endedAt = Math.max(this.#endedAt, source.lastAt);
    this.#all.delete(source);
  }
}

import type { Transport } from "../transport/transport.ts";
import { Source, type SourceContext } from "./source.ts";

/** The sources of one subscription, which come and go with the addresses that are listed. */
export class Sources {
  readonly #transport: Promise<Transport>;
  readonly #context: SourceContext;
  readonly #all = new Set<Source>();
  /** Changes are made one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(transport: Promise<Transport>, context: SourceContext) {
    this.#transport = transport;
    this.#context = context;
  }

  /**
   * Opens a source for each address, twice where it is listed twice. The first failure ends it.
   *
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
   */
  open(endpoints: readonly (readonly [name: string, addresses: readonly string[]])[]): Promise<void> {
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
          this.#context.status.emit({ type: "warning", name, detail: `${address}: ${error.message}` });
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
    if (this.#isClosed) return;
    const source = new Source(transport, this.#context, name, address);
    this.#all.add(source);
    try {
      await source.open();
    } catch (error) {
      await source.close();
      this.#all.delete(source);
      throw error;
    }
    void source.ended.then(() => this.#all.delete(source));
  }
}

/**
 * A publisher that is `active`, and hears from its relay that it has a message (`relay_confirm`); with an outbox it keeps until
 * then what it publishes.
 */

import type { Config } from "../config/index.ts";
import { ConfirmClient, type ConfirmEvent, type Settle } from "../replay/confirm-client.ts";
import { confirmSocket } from "../replay/confirm-socket.ts";
import { abortedError } from "../transport/errors.ts";
import type { Frames } from "../transport/transport.ts";
import type { Delivery } from "./delivery.ts";
import type { Written } from "./message-writer.ts";
import { openOutbox } from "./open-outbox.ts";
import type { Outbox } from "./outbox.ts";
import { ConfirmedReceipt, type Receipt } from "./receipt.ts";
import type { StatusEvents } from "./status.ts";

/** What it is made of. */
export interface ConfirmingOptions {
  readonly config: Config;
  readonly name: string;
  readonly status: StatusEvents;
}

/** Publishes, and knows what was confirmed. */
export class ConfirmingPublisher {
  readonly #client: ConfirmClient;
  readonly #relays: readonly string[];
  readonly #outbox: Outbox | undefined;

  private constructor(relays: readonly string[], client: ConfirmClient, outbox: Outbox | undefined) {
    this.#relays = relays;
    this.#client = client;
    this.#outbox = outbox;
  }

  /**
   * Opens the outbox, if there is to be one, and connects. What the outbox has from before goes out at once.
   *
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_CONFIG_INVALID, FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED
   */
  static async open(options: ConfirmingOptions): Promise<ConfirmingPublisher> {
    const { config, name, status } = options;
    const client = new ConfirmClient({
      relays: config.relay_confirm,
      socket: confirmSocket(config),
      timeoutMs: config.outbox === null ? config.publish_timeout * 1000 : 0,
      bytesMax: config.outbox === null ? config.queueBytesMax : Number.POSITIVE_INFINITY, // An outbox bounds it itself.
      keepsAlive: config.outbox === null,
      onEvent: (event) => tell(event, options),
    });
    if (config.outbox === null) return new ConfirmingPublisher(config.relay_confirm, client, undefined);
    let isOpen = false;
    const onWarning = (detail: string) => {
      if (isOpen) status.emit({ type: "warning", name, detail });
      else status.announce({ type: "warning", name, detail });
    };
    try {
      const outbox = await openOutbox({ config, name, client, onWarning });
      isOpen = true;
      return new ConfirmingPublisher(config.relay_confirm, client, outbox);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  get relay(): string {
    return this.#client.relay;
  }

  /**
   * Publishes; resolves when the relay has it, or, with an outbox, the disk.
   *
   * @param onTaken hears of it then
   * @throws FedmsgError FEDMSG_TIMEOUT, FEDMSG_REFUSED, FEDMSG_QUEUE_FULL, FEDMSG_JOURNAL, FEDMSG_CLOSED, FEDMSG_ABORTED
   */
  publish(written: Written, signal: AbortSignal | undefined, onTaken: () => void): Promise<Receipt> {
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    return this.#outbox ? this.#keep(this.#outbox, written, onTaken) : this.#hand(written, signal, onTaken);
  }

  async #keep(outbox: Outbox, written: Written, onTaken: () => void): Promise<Receipt> {
    const place = await outbox.keep(written);
    onTaken();
    return new ConfirmedReceipt(written.message, () => outbox.confirmed(place));
  }

  #hand({ frames, message }: Written, signal: AbortSignal | undefined, onTaken: () => void): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const settle: Settle = (error, position) => {
        if (onAbort) signal?.removeEventListener("abort", onAbort);
        if (error) {
          reject(error);
          return;
        }
        const { relay } = this.#client;
        onTaken();
        resolve(new ConfirmedReceipt(message, async () => ({ relay, position })));
      };
      const outgoing = this.#client.send(frames, settle);
      const onAbort = signal && (() => this.#client.giveUp(outgoing, abortedError(signal)));
      if (onAbort) signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** How it goes at the moment. */
  get delivery(): Delivery {
    const { count: inFlight, counts, isConnected, relay: used } = this.#client;
    return {
      relays: this.#relays.map((relay) => ({ relay, isConnected: isConnected && relay === used })),
      ...{ inFlight, confirmed: counts.confirmed, retried: counts.retried, refused: { ...counts.refused } },
      ...(this.#outbox && { outbox: this.#outbox.state }),
    };
  }

  /** Sends what is not counted and not kept; resolves when the relay has it. */
  async send(frames: Frames): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#client.send(frames, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves when the relay is there. */
  subscribed(_topic?: string, signal?: AbortSignal): Promise<void> {
    return this.#client.connected(signal);
  }

  /**
   * Waits for the relay's answers, and closes. With an outbox for `publish_timeout` at most, and, where nobody waits for a
   * confirmation, not for a relay that is away. Idempotent.
   */
  async drain(): Promise<void> {
    if (this.#outbox) await this.#outbox.drain();
    await this.#client.drain();
  }

  /** Stops. Idempotent. */
  async close(): Promise<void> {
    await this.#client.close();
    await this.#outbox?.close();
  }
}

const refusals: Readonly<Record<string, string>> = {
  busy: "it has no room at the moment",
  journal: "it cannot write its journal at the moment",
  version: "it does not know this version of the protocol",
};

function tell(event: ConfirmEvent, { name, status }: ConfirmingOptions): void {
  const { relay } = event;
  if (event.type === "waiting") status.emit({ type: "waiting", name, endpoint: relay, ms: event.ms });
  else {
    const why = refusals[event.code] ?? `it says ${JSON.stringify(event.code)}`;
    status.emit({ type: "warning", name, detail: `the relay at ${relay} confirms nothing: ${why}; it is asked again` });
  }
}

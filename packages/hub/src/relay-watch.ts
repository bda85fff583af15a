/** What a hub's log says of the relay to which the hub publishes (`relay_confirm`), and what the bus tells. */

import type { Bus, Delivery, StatusEvent } from "fedmsg";
import { countOf, type Log } from "fedmsg/plugin";

/** A relay may be away for so long before that is told, in ms: a restart is nothing to look at. */
const patienceMs = 10_000;
/** How often it is told while it lasts, in ms. */
const againMs = 3_600_000;
const tickMs = 1000;

/** Says in a log that no relay is there, when that has lasted, every hour while it does, and once when one is there again. */
export class RelayWatch {
  readonly #log: Log;
  #goneAt: number | undefined;
  #toldAt: number | undefined;
  #waiting = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Looks; once a second is often enough.
   *
   * @param nowMs by a clock that nobody sets
   */
  look(delivery: Delivery | undefined, nowMs: number): void {
    if (!delivery) return;
    const relay = delivery.relays.find(({ isConnected }) => isConnected)?.relay;
    if (relay !== undefined) this.#isThere(relay, nowMs);
    else this.#isAway(delivery, nowMs);
  }

  #isAway({ relays, inFlight, outbox }: Delivery, nowMs: number): void {
    this.#goneAt ??= nowMs;
    this.#waiting = outbox?.waiting ?? inFlight;
    const sinceMs = nowMs - this.#goneAt;
    if (sinceMs < patienceMs || (this.#toldAt !== undefined && nowMs - this.#toldAt < againMs)) return;
    this.#toldAt = nowMs;
    const addresses = relays.map(({ relay }) => relay).join(", ");
    const where = outbox ? " in the outbox" : "";
    const what = `${countOf(this.#waiting, "message waits", "messages wait")}${where}`;
    this.#log.warn(`relay_confirm: no connection to ${addresses} for ${seconds(sinceMs)} s; ${what}`);
  }

  #isThere(relay: string, nowMs: number): void {
    if (this.#toldAt !== undefined && this.#goneAt !== undefined) {
      const away = seconds(nowMs - this.#goneAt);
      this.#log.info(
        `relay_confirm: ${relay} is there after ${away} s; ${countOf(this.#waiting, "message")} waited for it`,
      );
    }
    this.#goneAt = undefined;
    this.#toldAt = undefined;
  }
}

/** Who hears of a bus. */
export interface BusListener {
  readonly log: Log;
  readonly onEvent?: ((event: StatusEvent) => void) | undefined;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly monotonicNow?: () => number;
}

/** Hands on what a bus tells, and watches its relay, until the bus is closed. */
export async function hearBus(bus: Bus, listener: BusListener): Promise<void> {
  const { log, onEvent, monotonicNow = () => performance.now() } = listener;
  const watch = new RelayWatch(log);
  const timer = setInterval(() => watch.look(bus.delivery(), monotonicNow()), tickMs).unref();
  try {
    for await (const event of bus.status()) onEvent?.(event);
  } finally {
    clearInterval(timer);
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

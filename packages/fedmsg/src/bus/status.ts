import type { CryptoEvent, Reason } from "../crypto/index.ts";
import type { SocketEvent } from "../transport/transport.ts";
import type { InvalidReason } from "../wire/frames.ts";

/** Why a message did not get through: it is none, or nobody vouches for it. */
export type RefusalReason = InvalidReason | Reason;

/** What a bus tells about itself. None of it is an error: the bus goes on. */
export type StatusEvent =
  /** It listens on `endpoint`. `note` says where that differs from what the configuration names. */
  | { readonly type: "listening"; readonly name: string; readonly endpoint: string; readonly note?: string }
  /** A peer at `endpoint` is there. */
  | { readonly type: "connected"; readonly name: string; readonly endpoint: string }
  /** A peer is gone, or its name does not resolve yet (`detail`). It is tried again. */
  | { readonly type: "disconnected"; readonly name: string; readonly endpoint: string; readonly detail?: string }
  /** A message was refused. `topic` is what its first frame says. */
  | {
      readonly type: "invalid";
      readonly name: string;
      readonly endpoint: string;
      readonly topic: string;
      readonly reason: RefusalReason;
      readonly detail: string;
    }
  /** A message that came before came again, by another path or played back (`replay_window`). It is nobody's fault. */
  | { readonly type: "duplicate"; readonly name: string; readonly endpoint: string; readonly topic: string }
  /** What becomes of the certificate authority, of the list of revoked certificates, of our own key; weak certificates. */
  | CryptoEvent
  /** Messages have waited for the relay at `endpoint` for so many ms; told every second. */
  | { readonly type: "waiting"; readonly name: string; readonly endpoint: string; readonly ms: number }
  /**
   * Subscribers of ours that do not keep up lost `count` messages since the last such event. With `subscription` it is one of
   * this bus (`shareConnections`; its name, or `subscription`), and the last message that it lost came from `endpoint`.
   */
  | {
      readonly type: "dropped";
      readonly name: string;
      readonly endpoint: string;
      readonly count: number;
      readonly subscription?: string;
    }
  /** The SRV records of the domain `name` (`srv_endpoints`) list other addresses than before. */
  | {
      readonly type: "endpoints";
      readonly name: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  /** It follows a journal, the one of `replay_endpoints[name]`, and has handled everything up to `position`. */
  | { readonly type: "following"; readonly name: string; readonly journal: string; readonly position: number }
  /** So many messages that did not come, or came while nobody was there, were fetched; they lie in `from` to `to`. */
  | {
      readonly type: "replayed";
      readonly name: string;
      readonly journal: string;
      readonly count: number;
      readonly from: number;
      readonly to: number;
    }
  /**
   * Messages at these positions of a journal cannot be had any more, as far as they were not seen before; without `to`,
   * nobody knows how many there were.
   */
  | {
      readonly type: "gap";
      readonly name: string;
      readonly journal: string;
      readonly from: number;
      readonly to?: number;
      readonly detail: string;
    }
  /**
   * Something about `name`, a key of `endpoints` or of the configuration, deserves a look: SRV records cannot be had, or
   * `replay_window` is longer than there is room for.
   */
  | { readonly type: "warning"; readonly name: string; readonly detail: string };

/** What there is to say about connections that were cut. */
export function cutWarning(
  name: string,
  { address, detail, count }: Extract<SocketEvent, { type: "cut" }>,
): StatusEvent {
  const more = count > 1 ? `; ${count - 1} more since this was last told` : "";
  return { type: "warning", name, detail: `${address}: ${detail}${more}` };
}

/** Takes events. */
export interface EventSink {
  emit(event: StatusEvent): void;
}

/** Events that a listener may be behind, before it loses the oldest. */
const listenerEventsMax = 1000;

/** Hands events to any number of listeners, none of which can hold up the others. */
export class StatusEvents implements EventSink {
  readonly #listeners = new Set<Listener>();
  readonly #announced: StatusEvent[] = [];
  #ended = false;

  emit(event: StatusEvent): void {
    for (const listener of this.#listeners) listener.push(event);
  }

  /** Like `emit`, and whoever begins to listen later hears it, too. For what happens once in the life of a bus. */
  announce(event: StatusEvent): void {
    this.#announced.push(event);
    this.emit(event);
  }

  /** Hears of what was announced, and of everything from now on; ends with the bus. */
  listen(): AsyncIterableIterator<StatusEvent, undefined> {
    const listener = new Listener(() => this.#listeners.delete(listener));
    for (const event of this.#announced) listener.push(event);
    if (this.#ended) listener.end();
    else this.#listeners.add(listener);
    return listener;
  }

  end(): void {
    this.#ended = true;
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }
}

class Listener implements AsyncIterableIterator<StatusEvent, undefined> {
  readonly #onReturn: () => void;
  #events: StatusEvent[] = [];
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(event: StatusEvent): void {
    this.#events.push(event);
    if (this.#events.length > listenerEventsMax) this.#events.shift();
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async next(): Promise<IteratorResult<StatusEvent, undefined>> {
    while (this.#events.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const value = this.#events.shift();
    return value ? { done: false, value } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<StatusEvent, undefined>> {
    this.#events = [];
    this.end();
    this.#onReturn();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

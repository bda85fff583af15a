import type { CutReason } from "./codec/fault.ts";

/** Who is at the other side of a connection. */
export interface PeerInfo {
  /** Such as `SUB`. */
  readonly socketType: string;
  /** What it calls itself, or nothing. */
  readonly identity: Buffer;
  /** The version of ZMTP it speaks, such as `3.1`. */
  readonly version: string;
  /** Its address and port, or nothing for ipc. */
  readonly remote: string;
}

/** What happens to a socket's connections. `address` is the one that was bound or connected to. */
export type MonitorEvent =
  | { readonly type: "listening"; readonly address: string }
  /** The handshake is done. */
  | { readonly type: "connected"; readonly address: string; readonly peer: PeerInfo }
  /** A connection is over that was `connected`. */
  | { readonly type: "disconnected"; readonly address: string }
  /** Connecting failed, or the connection is over: it is tried again in so many ms. */
  | { readonly type: "retry"; readonly address: string; readonly ms: number; readonly detail: string }
  /** The host's name has no address yet; it is asked for again. */
  | { readonly type: "unresolved"; readonly address: string; readonly detail: string }
  /** We ended a connection, because the peer broke the protocol or a limit. */
  | { readonly type: "cut"; readonly address: string; readonly reason: CutReason; readonly detail: string }
  /** The peer refused us in the handshake, and said why. */
  | { readonly type: "refused"; readonly address: string; readonly detail: string }
  /** A full subscriber lost so many messages since the last such event. */
  | { readonly type: "dropped"; readonly address: string; readonly count: number }
  /** A connection could not be accepted, such as for want of file descriptors. */
  | { readonly type: "accept-failed"; readonly address: string; readonly detail: string };

/** Events that wait for a slow reader; older ones give way. */
const waitingMax = 1000;

/** Tells events to whoever listens. */
export class Monitor {
  readonly #onEvent: ((event: MonitorEvent) => void) | undefined;
  readonly #readers = new Set<EventReader>();
  #ended = false;

  constructor(onEvent: ((event: MonitorEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  emit(event: MonitorEvent): void {
    this.#onEvent?.(event);
    for (const reader of this.#readers) reader.push(event);
  }

  /** Nothing more comes: what waits is still read. */
  end(): void {
    this.#ended = true;
    for (const reader of [...this.#readers]) reader.end();
  }

  /** Events from now on, at most {@link waitingMax} of them unread. */
  read(signal: AbortSignal | undefined): AsyncIterableIterator<MonitorEvent> {
    const onAbort = () => reader.end();
    const reader = new EventReader(() => {
      this.#readers.delete(reader);
      signal?.removeEventListener("abort", onAbort);
    });
    this.#readers.add(reader);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (this.#ended || signal?.aborted) reader.end();
    return reader;
  }
}

class EventReader implements AsyncIterableIterator<MonitorEvent> {
  readonly #leave: () => void;
  readonly #waiting: MonitorEvent[] = [];
  readonly #asked: ((result: IteratorResult<MonitorEvent>) => void)[] = [];
  #ended = false;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  push(event: MonitorEvent): void {
    const answer = this.#asked.shift();
    if (answer) {
      answer({ done: false, value: event });
      return;
    }
    if (this.#waiting.length >= waitingMax) this.#waiting.shift();
    this.#waiting.push(event);
  }

  end(): void {
    this.#ended = true;
    this.#leave();
    for (const answer of this.#asked.splice(0)) answer({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<MonitorEvent>> {
    const value = this.#waiting.shift();
    if (value) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  return(): Promise<IteratorResult<MonitorEvent>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

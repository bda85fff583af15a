/**
 * One address to be connected to, for as long as it is wanted: tried, and tried again with growing and varied pauses after
 * each failure and each loss.
 *
 * What is read goes into one buffer that all connections of the thread share (`onread` of `net.Socket`): it is used up
 * before the next read begins.
 */

import { connect, type Socket as Stream } from "node:net";
import type { MonitorEvent } from "../events.ts";
import { type Settings, timerMsMax } from "../options.ts";
import type { Address } from "./address.ts";

const readBytes = 256 * 1024;
let readBuffer: Buffer | undefined;

/** What a connector tells. */
export interface ConnectorOwner {
  readonly settings: Settings;
  /** A stream that is being opened: makes the peer that is to read it. */
  connecting(stream: Stream, connector: Connector): { feed(chunk: Buffer): void };
  emit(event: MonitorEvent): void;
}

/** Keeps one address connected. */
export class Connector {
  readonly address: string;
  readonly #parsed: Address;
  readonly #owner: ConnectorOwner;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs: number;
  #isRef: boolean;
  #stopped = false;

  constructor(address: string, parsed: Address, owner: ConnectorOwner, isRef: boolean) {
    this.address = address;
    this.#parsed = parsed;
    this.#owner = owner;
    this.#isRef = isRef;
    this.#pauseMs = owner.settings.reconnectMs;
    this.#open();
  }

  /** The handshake is done: pauses begin anew after the next loss. */
  succeeded(): void {
    this.#pauseMs = this.#owner.settings.reconnectMs;
  }

  /** The connection is over, or never came to be. */
  lost(detail: string, code: string | undefined): void {
    if (this.#stopped) return;
    const { reconnectMaxMs, reconnectJitter } = this.#owner.settings;
    const varied = Math.round(this.#pauseMs * (1 + reconnectJitter * (2 * Math.random() - 1)));
    const ms = Math.min(Math.max(1, varied), timerMsMax);
    this.#pauseMs = Math.min(this.#pauseMs * 2, reconnectMaxMs);
    const { address } = this;
    this.#timer = setTimeout(() => this.#open(), ms);
    if (!this.#isRef) this.#timer.unref();
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") this.#owner.emit({ type: "unresolved", address, detail });
    else this.#owner.emit({ type: "retry", address, ms, detail });
  }

  ref(isRef: boolean): void {
    this.#isRef = isRef;
    if (isRef) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** No further tries. What is connected stays. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #open(): void {
    const { keepAlive } = this.#owner.settings;
    readBuffer ??= Buffer.allocUnsafeSlow(readBytes);
    const buffer = readBuffer;
    const stream = connect({
      ...(this.#parsed.scheme === "ipc"
        ? { path: this.#parsed.path }
        : { host: this.#parsed.host, port: this.#parsed.port as number }),
      noDelay: true,
      ...(keepAlive && { keepAlive: true, keepAliveInitialDelay: keepAlive.idleS * 1000 }),
      onread: {
        buffer,
        callback: (count) => {
          peer.feed(buffer.subarray(0, count));
          return true;
        },
      },
    });
    const peer = this.#owner.connecting(stream, this);
  }
}

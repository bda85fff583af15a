/** A socket under attack in a test: what it told, and whether its good peer noticed anything. */

import { eventually, withTimeout } from "@fedmsg/testkit";
import { Target } from "../../fuzz/targets.mjs";
import type { CutReason, MonitorEvent, SocketOptions } from "../../src/index.ts";

/** As `Target`. */
export type TargetType = "PUB" | "XPUB" | "SUB" | "ROUTER" | "REP" | "DEALER";
type Cut = MonitorEvent & { readonly type: "cut" };

/** Fails at its end if the good peer missed anything. */
export class Arena implements AsyncDisposable {
  readonly target: Target;
  readonly events: readonly MonitorEvent[];

  private constructor(target: Target, events: readonly MonitorEvent[]) {
    this.target = target;
    this.events = events;
  }

  static async start(type: TargetType, options: SocketOptions = {}, address?: string): Promise<Arena> {
    const events: MonitorEvent[] = [];
    const settings = {
      options: { lingerMs: 0, ...options, onEvent: (event: MonitorEvent) => void events.push(event) },
    };
    const target = await withTimeout(
      Target.start(type, address === undefined ? settings : { ...settings, address }),
      type,
    );
    return new Arena(target, events);
  }

  get address(): string {
    return this.target.address;
  }

  get cuts(): Cut[] {
    return this.events.filter((event) => event.type === "cut");
  }

  /** Resolves when so many connections were cut, all for this reason. */
  async cut(reason: CutReason, count = 1): Promise<void> {
    await eventually(() => this.cuts.length >= count, `${count} × ${reason}, found ${this.#reasons()}`);
    const others = this.cuts.filter((event) => event.reason !== reason);
    if (others.length > 0) throw new Error(`cut for ${this.#reasons()} instead of ${reason}`);
  }

  #reasons(): string {
    return this.cuts.map((event) => `${event.reason} (${event.detail})`).join(", ") || "nothing";
  }

  /** Resolves when nobody but the good peer is there. */
  async alone(): Promise<void> {
    await eventually(() => this.target.socket.peers === 1, "that the good peer is alone");
  }

  /** The good peer goes on: so many messages more. */
  async goesOn(messages = 5): Promise<void> {
    const { target } = this;
    const until = target.received + messages;
    await eventually(() => target.received >= until || target.faults.length > 0, "the good peer's messages");
    if (target.faults.length > 0) throw new Error(target.faults.join("; "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.goesOn();
    } finally {
      await this.target.close();
    }
  }
}

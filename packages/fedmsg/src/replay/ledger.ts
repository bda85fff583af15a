/**
 * What became of each message of a subscription, by its key, whichever way it came and whatever journals list it.
 *
 * ```
 *             see                      handled
 *  unknown ─────────▶ pending ───────────────────▶ handled      kept by the cursor store
 *     ▲                  │
 *     └──────────────────┘
 *           release
 * ```
 *
 * A pending message may be let go only where a journal has it. What heartbeats list does not say so, as anybody can send them:
 * the journal must have given the same message.
 */

import { canonicalize } from "../wire/canonical.ts";
import type { CursorStore } from "./cursors.ts";

/** Waits for keys. */
export interface KeyWatcher {
  /** The message came. */
  seen(): void;
  /** It was given back: it must come once more. */
  released(): void;
  /** It is handled, and is not watched any more. */
  handled(key: string): void;
}

/** See the top of this file. */
export class Ledger {
  readonly #store: Pick<CursorStore, "has">;
  /** By key: the body, where whoever saw the message gave it. */
  readonly #pending = new Map<string, Uint8Array | undefined>();
  /** Those that are pending, and that a journal gave when it was asked. */
  readonly #vouched = new Set<string>();
  readonly #watchers = new Map<string, Set<KeyWatcher>>();

  constructor(store: Pick<CursorStore, "has">) {
    this.#store = store;
  }

  /** Messages that were seen, and are not handled yet. */
  get pending(): number {
    return this.#pending.size;
  }

  stateOf(key: string): "unknown" | "pending" | "handled" {
    if (this.#pending.has(key)) return "pending";
    return this.#store.has(key) ? "handled" : "unknown";
  }

  /** Pending messages that no journal gave when it was asked. */
  get unvouched(): number {
    return this.#pending.size - this.#vouched.size;
  }

  /**
   * Notes a message that came. Answers false for one that came before.
   *
   * @param body needed for {@link vouch}
   */
  see(key: string, body?: Uint8Array): boolean {
    if (this.stateOf(key) !== "unknown") return false;
    this.#pending.set(key, body);
    for (const watcher of this.#watchers.get(key) ?? []) watcher.seen();
    return true;
  }

  /** A pending message is handled: the store has it. */
  handled(key: string): void {
    this.#pending.delete(key);
    if (this.#vouched.size > 0) this.#vouched.delete(key);
    const watchers = this.#watchers.get(key);
    if (!watchers) return;
    this.#watchers.delete(key);
    for (const watcher of watchers) watcher.handled(key);
  }

  /** A pending message could not be handled: it is taken once more when it comes again. */
  release(key: string): void {
    if (!this.#pending.delete(key)) return;
    if (this.#vouched.size > 0) this.#vouched.delete(key);
    for (const watcher of this.#watchers.get(key) ?? []) watcher.released();
  }

  /**
   * A journal has a message with this key. It counts where it is the pending one, however it is spaced: without signatures, or
   * through a relay that does not look at them, somebody may have put there what has the same key and says something else.
   *
   * @returns whether it counts, and nobody said it before
   */
  vouch(key: string, body: Uint8Array): boolean {
    const pending = this.#pending.get(key);
    if (!pending || this.#vouched.has(key) || !isSame(pending, body)) return false;
    this.#vouched.add(key);
    return true;
  }

  /** Takes `vouch` back. */
  unvouch(key: string): void {
    this.#vouched.delete(key);
  }

  /** Whether a journal gave this pending message when it was asked. */
  isVouched(key: string): boolean {
    return this.#vouched.has(key);
  }

  /** `watcher` hears of a key from now on. */
  watch(key: string, watcher: KeyWatcher): void {
    const watchers = this.#watchers.get(key);
    if (watchers) watchers.add(watcher);
    else this.#watchers.set(key, new Set([watcher]));
  }

  /** Takes `watch` back. */
  unwatch(key: string, watcher: KeyWatcher): void {
    const watchers = this.#watchers.get(key);
    if (watchers?.delete(watcher) && watchers.size === 0) this.#watchers.delete(key);
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (Buffer.compare(one, other) === 0) return true;
  try {
    return canonicalize(one) === canonicalize(other);
  } catch {
    return false; // Python could not read it.
  }
}

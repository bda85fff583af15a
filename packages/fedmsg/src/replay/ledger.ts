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
 */

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
  readonly #pending = new Set<string>();
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

  /** Notes a message that came. Answers false for one that came before. */
  see(key: string): boolean {
    if (this.stateOf(key) !== "unknown") return false;
    this.#pending.add(key);
    for (const watcher of this.#watchers.get(key) ?? []) watcher.seen();
    return true;
  }

  /** A pending message is handled: the store has it. */
  handled(key: string): void {
    this.#pending.delete(key);
    const watchers = this.#watchers.get(key);
    if (!watchers) return;
    this.#watchers.delete(key);
    for (const watcher of watchers) watcher.handled(key);
  }

  /** A pending message could not be handled: it is taken once more when it comes again. */
  release(key: string): void {
    if (!this.#pending.delete(key)) return;
    for (const watcher of this.#watchers.get(key) ?? []) watcher.released();
  }

  /** `watcher` hears of a key from now on. */
  watch(key: string, watcher: KeyWatcher): void {
    const watchers = this.#watchers.get(key);
    if (watchers) watchers.add(watcher);
    else this.#watchers.set(key, new Set([watcher]));
  }

  /** Whether anybody waits for a key. */
  isWatched(key: string): boolean {
    return this.#watchers.has(key);
  }

  /** Takes `watch` back. */
  unwatch(key: string, watcher: KeyWatcher): void {
    const watchers = this.#watchers.get(key);
    if (watchers?.delete(watcher) && watchers.size === 0) this.#watchers.delete(key);
  }
}

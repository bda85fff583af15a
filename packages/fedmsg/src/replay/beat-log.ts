/**
 * What a publisher said by heartbeats, and what a subscriber heard: whether that is the same says one digest.
 *
 * ```
 * heartbeats   (120, 1120]   (1120, 1163]   (1163, 2163]
 *               digest        digest         digest         SHA-256 of each `msg`, as it was sent
 *              └───────────── SHA-256 of them ────────┘     what is told for [120, 2163]
 * ```
 *
 * Anybody can send a heartbeat; so a subscriber believes none for long, and asks (docs/wire.md, "Heartbeats").
 */

import { createHash } from "node:crypto";
import { dumps } from "../wire/dumps.ts";

/** Heartbeats that a publisher remembers: seconds of them under full load, hours of a quiet one. */
const beatsMax = 10_000;

/** One heartbeat that listed something. */
export interface Beat {
  readonly from: number;
  readonly to: number;
  readonly digest: Buffer;
}

/** The digest of one heartbeat's `msg`. */
export function digestOf(msg: unknown): Buffer {
  return createHash("sha256").update(dumps(msg)).digest();
}

/** The digest of several, as it is told. */
export function digestOfAll(beats: readonly Beat[]): string {
  const hash = createHash("sha256");
  for (const { digest } of beats) hash.update(digest);
  return hash.digest("hex");
}

/** Remembers what was said, since the journal was opened. */
export class BeatLog {
  #beats: Beat[] = [];

  /** Notes a heartbeat that was sent. */
  add(msg: { readonly from: number; readonly to: number }): void {
    if (msg.from === msg.to) return;
    this.#beats.push({ from: msg.from, to: msg.to, digest: digestOf(msg) });
    if (this.#beats.length > 2 * beatsMax) this.#beats = this.#beats.slice(-beatsMax);
  }

  /** The digest of what was said behind one position up to another; nothing where these are no ends of heartbeats. */
  digest(from: number, to: number): string | undefined {
    const first = this.#beats.findIndex((beat) => beat.from === from);
    const last = this.#beats.findLastIndex((beat) => beat.to === to);
    return first < 0 || last < first ? undefined : digestOfAll(this.#beats.slice(first, last + 1));
  }
}

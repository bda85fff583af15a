/**
 * Where a `msg_id` and where a time may be found, without an index that every insert pays for.
 *
 * The journal is divided into runs of 4096 positions. When a run is full, two things are written, in the transaction that
 * filled it: its least and greatest time, and for each of 64 buckets the hashes of the run's ids that fall into it.
 *
 * ```
 * hash of a msg_id   bbbbbb ...... hhhhhhhhhhhhhhhhhhhh     32 bits: 6 choose the bucket, 20 stand in its key
 * key                hhhhhhhhhhhhhhhhhhhh oooooooooooo      20 bits of hash, 12 of offset in the run; uint32, little-endian
 * ids                bucket·2³² + run  ->  the keys of that bucket in that run, one behind the other
 * ```
 *
 * A look-up reads one bucket of all runs, which lie side by side: 61,440 of the keys of a journal of a million entries. Each
 * hit is compared with its entry. The newest positions, at most 4095, are in no run yet; they are scanned.
 *
 * Measured at a million entries of 500 bytes, in entries a second and microseconds a look-up: no index 156,000, these runs
 * 139,000 and 490, an index on an 8-byte hash 40,000 and 16, an index on the text 33,000 and 6. The latter two fall further with
 * the size of the journal, as every insert changes a page of its own; these runs do not.
 */

import type { Database, Statement } from "../sqlite.ts";
import { hashText } from "./hash.ts";
import type { Range } from "./ranges.ts";
import { readText, type StoredText, storeText } from "./rows.ts";

/** Positions in a run. */
export const runLength = 4096;
const bucketBits = 6;
const offsetBits = 12;
const hashMask = 0xfffff;
const bucketStep = 2 ** 32;
const idsPerQuestion = 500;

/** How many runs are full when `head` is the newest position. */
export function fullRuns(head: number): number {
  return Math.floor(head / runLength);
}

/** With a finish that spreads it over all bits. Kept in files: never change it within a format. */
function hashOf(text: string): number {
  let hash = hashText(text);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}

function keyOf(hash: number, offset: number): number {
  return (((hash & hashMask) << offsetBits) | offset) >>> 0;
}

function bucketOf(hash: number): number {
  return hash >>> (32 - bucketBits);
}

/** What is written of a run. */
interface EncodedRun {
  readonly least: number;
  readonly greatest: number;
  /** Empty where no id falls into the bucket. */
  readonly buckets: readonly Uint8Array[];
}

/** Gathers a run: the hash and the time at each offset. */
class Gathered {
  #hashes = new Uint32Array(runLength);
  /** NaN where there is no entry. */
  #times = new Float64Array(runLength).fill(Number.NaN);
  /** Which run it is; -1 for none. */
  run = -1;
  count = 0;

  begin(run: number): void {
    this.run = run;
    this.count = 0;
    this.#times.fill(Number.NaN);
  }

  set(offset: number, timeMs: number, msgId: string): void {
    this.#hashes[offset] = hashOf(msgId);
    this.#times[offset] = timeMs;
    this.count++;
  }

  encode(): EncodedRun {
    const buckets: number[][] = Array.from({ length: 1 << bucketBits }, () => []);
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    this.#times.forEach((timeMs, offset) => {
      if (Number.isNaN(timeMs)) return;
      least = Math.min(least, timeMs);
      greatest = Math.max(greatest, timeMs);
      const hash = this.#hashes[offset] as number;
      (buckets[bucketOf(hash)] as number[]).push(keyOf(hash, offset));
    });
    return { least, greatest, buckets: buckets.map(encodeKeys) };
  }
}

function encodeKeys(keys: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(keys.length * 4);
  keys.forEach((key, n) => {
    bytes.writeUInt32LE(key, n * 4);
  });
  return bytes;
}

/** Gathers the run that is being filled, and writes it when it is full, or when entries of a later one come. */
export class RunWriter {
  readonly #gathered = new Gathered();
  readonly #insertRun: Statement;
  readonly #insertIds: Statement;

  constructor(db: Database) {
    this.#insertRun = db.prepare("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)");
    this.#insertIds = db.prepare("INSERT OR REPLACE INTO ids VALUES (?, ?)");
  }

  /** Begins with what is there of the run that `head` is in: at open, and after a rollback. */
  load(db: Database, head: number): void {
    const one = db.prepare("SELECT position, time, msg_id FROM entries WHERE position = ?");
    const note = ({ position, time, msg_id }: { position: number; time: number; msg_id: StoredText }) => {
      this.add(position, time, readText(msg_id));
    };
    this.#gathered.begin(fullRuns(head));
    const from = fullRuns(head) * runLength;
    try {
      const rows = db.prepare("SELECT position, time, msg_id FROM entries WHERE position > ? AND position <= ?");
      for (const row of rows.iterate(from, head)) note(row);
    } catch {
      for (let position = from + 1; position <= head; position++) {
        const row = attempt(() => one.get(position)); // What cannot be read is left out.
        if (row) note(row);
      }
    }
  }

  /** Notes an entry; the last of its run writes the run. */
  add(position: number, timeMs: number, msgId: string): void {
    const run = fullRuns(position - 1);
    const offset = (position - 1) % runLength;
    if (run !== this.#gathered.run) {
      this.#write();
      this.#gathered.begin(run);
    }
    this.#gathered.set(offset, timeMs, msgId);
    if (offset === runLength - 1) this.#write();
  }

  #write(): void {
    const { run, count } = this.#gathered;
    if (count === 0) return;
    const { least, greatest, buckets } = this.#gathered.encode();
    this.#insertRun.run(run, least, greatest);
    buckets.forEach((keys, bucket) => {
      if (keys.length > 0) this.#insertIds.run(bucket * bucketStep + run, keys);
    });
    this.#gathered.count = 0;
  }
}

/** Compares what is written of full runs with their entries. */
export class RunVerifier {
  readonly #gathered = new Gathered();
  readonly #times: Statement;
  readonly #keys: Statement;

  constructor(db: Database) {
    this.#times = db.prepare("SELECT time_min, time_max FROM runs WHERE run = ?");
    this.#keys = db.prepare("SELECT keys FROM ids WHERE id = ?");
  }

  /**
   * Notes an entry, in the order of positions.
   *
   * @returns whether what is written of its run is right, where this is the last of a run that is all there
   */
  add(position: number, timeMs: number, msgId: string): boolean {
    const run = fullRuns(position - 1);
    const offset = (position - 1) % runLength;
    if (run !== this.#gathered.run) this.#gathered.begin(run);
    this.#gathered.set(offset, timeMs, msgId);
    return offset !== runLength - 1 || this.#gathered.count < runLength || this.#isRight(run);
  }

  #isRight(run: number): boolean {
    const { least, greatest, buckets } = this.#gathered.encode();
    const times = attempt(() => this.#times.get(run));
    if (times?.time_min !== least || times?.time_max !== greatest) return false;
    return buckets.every((keys, bucket) => {
      const stored: Uint8Array | undefined = attempt(() => this.#keys.get(bucket * bucketStep + run)?.keys);
      return stored ? Buffer.compare(stored, keys) === 0 : keys.length === 0;
    });
  }
}

/** Takes away the runs from `from` up to, but not with, `to`. */
export function deleteRuns(db: Database, from: number, to: number): void {
  db.prepare("DELETE FROM runs WHERE run >= ? AND run < ?").run(from, to);
  const ids = db.prepare("DELETE FROM ids WHERE id >= ? AND id < ?");
  for (let bucket = 0; bucket < 1 << bucketBits; bucket++) {
    ids.run(bucket * bucketStep + from, bucket * bucketStep + Math.min(to, bucketStep));
  }
}

/** Looks ids and times up. `bounds` are the positions that are there. */
export class RunReader {
  readonly #db: Database;
  readonly #keys: Statement;
  readonly #idAt: Statement;
  readonly #overlapping: Statement;
  readonly #begunBy: Statement;
  readonly #lastBy: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#keys = db.prepare("SELECT id, keys FROM ids WHERE id >= ? AND id < ?");
    this.#idAt = db.prepare("SELECT msg_id FROM entries WHERE position = ?");
    this.#overlapping = db.prepare("SELECT run, time_min, time_max FROM runs WHERE time_min <= ? AND time_max >= ?");
    this.#begunBy = db.prepare("SELECT run FROM runs WHERE time_min <= ? ORDER BY run DESC");
    this.#lastBy = db.prepare(
      "SELECT position FROM entries WHERE position BETWEEN ? AND ? AND time <= ? ORDER BY position DESC LIMIT 1",
    );
  }

  /** Positions of these ids, at least the first `limit` of them. */
  positionsOf(msgIds: readonly string[], bounds: Range, limit: number): number[] {
    const found: number[] = [];
    for (const msgId of new Set(msgIds)) found.push(...this.#positionsInRuns(msgId, bounds, limit));
    return found.concat(this.#positionsBehindRuns(msgIds, bounds, limit));
  }

  #positionsInRuns(msgId: string, bounds: Range, limit: number): number[] {
    const found: number[] = [];
    const hash = hashOf(msgId);
    const bucket = bucketOf(hash) * bucketStep;
    const rows = this.#keys.all(bucket + fullRuns(bounds.from - 1), bucket + fullRuns(bounds.to));
    for (const { id, keys } of rows as { id: number; keys: Uint8Array }[]) {
      for (const offset of offsetsIn(keys, hash)) {
        const position = (id - bucket) * runLength + offset + 1;
        if (position < bounds.from || !this.#isAt(position, msgId)) continue;
        found.push(position);
        if (found.length >= limit) return found;
      }
    }
    return found;
  }

  /** Whether an id is that of a position; not so where it cannot be read: who reads it for an answer says so. */
  #isAt(position: number, msgId: string): boolean {
    const stored: StoredText | undefined = attempt(() => this.#idAt.get(position)?.msg_id);
    return stored !== undefined && readText(stored) === msgId;
  }

  #positionsBehindRuns(msgIds: readonly string[], { from, to }: Range, limit: number): number[] {
    const behind = { from: Math.max(from, fullRuns(to) * runLength + 1), to };
    try {
      return this.#scanForIds(msgIds, behind, limit);
    } catch {
      const positions = Array.from({ length: to - behind.from + 1 }, (_, n) => behind.from + n);
      return positions.filter((position) => msgIds.some((msgId) => this.#isAt(position, msgId)));
    }
  }

  #scanForIds(msgIds: readonly string[], { from, to }: Range, limit: number): number[] {
    const found: number[] = [];
    for (let n = 0; n < msgIds.length; n += idsPerQuestion) {
      const some = msgIds.slice(n, n + idsPerQuestion).map(storeText);
      const marks = some.map(() => "?").join();
      const where = `position BETWEEN ? AND ? AND msg_id IN (${marks}) ORDER BY position LIMIT ?`;
      const rows = this.#db.prepare(`SELECT position FROM entries WHERE ${where}`).all(from, to, ...some, limit);
      for (const { position } of rows) found.push(position);
    }
    return found;
  }

  /** Ranges that may hold entries of these times, in two kinds: where every entry is of one, and where some may be. */
  rangesOf(fromMs: number, toMs: number, bounds: Range): { readonly whole: Range[]; readonly part: Range[] } {
    const behind = { from: fullRuns(bounds.to) * runLength + 1, to: bounds.to };
    const whole: Range[] = [];
    const part: Range[] = [behind];
    for (const { run, time_min, time_max } of this.#overlapping.all(toMs, fromMs)) {
      const range = { from: run * runLength + 1, to: (run + 1) * runLength };
      (time_min >= fromMs && time_max <= toMs ? whole : part).push(range);
    }
    return { whole, part };
  }

  /** The last position whose time is at or before this one; 0 where there is none. */
  lastAt(timeMs: number, bounds: Range): number {
    const full = fullRuns(bounds.to);
    const behind = this.#lastIn({ from: Math.max(bounds.from, full * runLength + 1), to: bounds.to }, timeMs);
    if (behind !== undefined) return behind;
    for (const { run } of this.#begunBy.iterate(timeMs)) {
      if (run >= full) continue;
      const from = Math.max(bounds.from, run * runLength + 1);
      const found = this.#lastIn({ from, to: (run + 1) * runLength }, timeMs);
      if (found !== undefined) return found;
    }
    return 0;
  }

  #lastIn({ from, to }: Range, timeMs: number): number | undefined {
    try {
      return this.#lastBy.get(from, to, timeMs)?.position;
    } catch {
      let position = to; // One by one, past what cannot be read.
      while (position >= from && !attempt(() => this.#lastBy.get(position, position, timeMs))) position--;
      return position >= from ? position : undefined;
    }
  }
}

/** What a read gives; undefined where SQLite cannot read that page or row. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function offsetsIn(keys: Uint8Array, hash: number): number[] {
  const bytes = Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength);
  const wanted = keyOf(hash, 0);
  const offsets: number[] = [];
  for (let n = 0; n + 4 <= bytes.length; n += 4) {
    const key = bytes.readUInt32LE(n);
    if (key - wanted >= 0 && key - wanted < runLength) offsets.push(key - wanted);
  }
  return offsets;
}

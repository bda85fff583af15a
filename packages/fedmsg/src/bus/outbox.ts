/**
 * What a publisher keeps until its relay has confirmed it: over a restart of either, and while the relay is away for hours.
 *
 * ```
 * publish ──▶ journal: 1 …………… through │ confirmed │ on its way │ … head
 *                      pruned          │  early    │ ≤ 2000     │  read in pages when there is room
 * ```
 *
 * An outbox is a journal (`Journal`, the same code and file) of one process. Its cursor is its first entry: what is confirmed is
 * pruned, a thousand at a time or once in a second. So after a crash some messages go out a second time, and the relay knows
 * them by their keys. Rejected: a cursor in a second file, which could be lost, or left, without the first.
 *
 * Messages are signed before they are kept, and have no `seq_id`: that would be taken for the relay's.
 */

import type { Config } from "../config/index.ts";
import { SteadyClock } from "../crypto/steady-clock.ts";
import { FedmsgError } from "../errors.ts";
import type { Confirmation, ConfirmClient, Outgoing } from "../replay/confirm-client.ts";
import type { Journal, JournalEntry } from "../replay/journal.ts";
import { closedError } from "../transport/errors.ts";
import type { Written } from "./message-writer.ts";
import { ConfirmWaiters, Outcomes } from "./outcomes.ts";

/** Parts of an outbox. */
export interface OutboxOptions {
  readonly config: Config;
  readonly client: ConfirmClient;
  readonly onWarning: (detail: string) => void;
}

/** Messages that are handed to the client at a time: those on their way, and as many behind them. */
const handedMax = 2000;
/** Bytes of these; one message always fits. */
const handedBytesMax = 16 * 1024 * 1024;
/** Fewer are not read from the journal while others are on their way. */
const pageMin = 250;
const pageBytes = 4 * 1024 * 1024;
/** So many confirmed entries are pruned together. */
const pruneEntries = 1000;
const tickMs = 1000;
/** So many that are too old are dropped at a time. */
const droppedMax = 10_000;
/** Messages that may wait for their turn in the journal. */
const pendingMax = 100_000;
/** Keeps messages and hands them to the relay. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #reopen: () => Promise<Journal>;
  readonly #clock = new SteadyClock(Date.now() / 1000, () => performance.now());
  readonly #outcomes = new Outcomes();
  readonly #waiters = new ConfirmWaiters((isWaiting) => this.#keepAlive(isWaiting));
  /** On their way, by position. */
  readonly #handed = new Map<number, Outgoing>();
  /** Positions beyond `#through` that are done with. */
  readonly #early = new Set<number>();
  #journal: Journal;
  /** Everything up to here is confirmed, or given up. */
  #through: number;
  /** Everything up to here was handed to the client. */
  #read: number;
  #doneBytes = 0;
  #pending = 0;
  #pendingBytes = 0;
  #isFilling = false;
  #isDropping = false;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #replacing: Promise<void> | undefined;
  #missing: FedmsgError | undefined;
  #timer: NodeJS.Timeout;
  #isEnding = false;
  #onEmpty = () => {};
  #closing: Promise<void> | undefined;

  constructor(options: OutboxOptions, journal: Journal, reopen: () => Promise<Journal>) {
    this.#options = options;
    this.#journal = journal;
    this.#reopen = reopen;
    this.#through = journal.info.first - 1;
    this.#read = this.#through;
    this.#timer = setInterval(() => this.#look(), tickMs).unref();
    this.#look();
  }

  /** Messages that are neither confirmed nor given up. */
  get count(): number {
    return this.#journal.info.head - this.#through - this.#early.size;
  }

  /**
   * Keeps a message; it goes out behind those before.
   *
   * @returns its position, once it is committed
   * @throws FedmsgError FEDMSG_QUEUE_FULL (`outbox_max_bytes`), FEDMSG_JOURNAL, FEDMSG_CLOSED
   */
  async keep({ frames, message }: Written): Promise<number> {
    if (this.#isEnding) throw closedError();
    if (this.#replacing) await this.#replacing;
    if (this.#missing) throw this.#missing;
    const body = frames[1] as Uint8Array;
    const bytes = body.byteLength + (frames[0] as Uint8Array).byteLength;
    this.#assertRoom(bytes);
    const { topic, msg_id: id } = message;
    const entry = { topic, msgId: typeof id === "string" ? id : "", body };
    this.#pending++;
    this.#pendingBytes += bytes;
    try {
      return await this.#journal.append(() => entry);
    } finally {
      this.#pending--;
      this.#pendingBytes -= bytes;
      this.#tellIfEmpty();
      this.#fillSoon();
    }
  }

  #assertRoom(bytes: number): void {
    const { outbox_max_bytes: bytesMax } = this.#options.config;
    const used = () => this.#journal.info.bytes - this.#doneBytes + this.#pendingBytes;
    if ((bytesMax === 0 || used() + bytes <= bytesMax) && this.#pending < pendingMax) return;
    const detail = `${this.count} messages of ${used()} bytes wait in the outbox, ${bytesMax} are allowed (outbox_max_bytes)`;
    throw new FedmsgError("FEDMSG_QUEUE_FULL", `${detail}; publish again when the relay has taken some`);
  }

  /** What becomes of the message at a position. */
  confirmed(position: number): Promise<Confirmation | undefined> {
    const known = this.#outcomes.find(position);
    if (known) return known instanceof FedmsgError ? Promise.reject(known) : Promise.resolve(known);
    if (position <= this.#through || this.#early.has(position)) {
      return Promise.resolve({ relay: this.#options.client.relay, position: 0 }); // Too long ago to know more.
    }
    if (this.#closing) return Promise.reject(stillThere());
    return this.#waiters.wait(position);
  }

  /** While somebody waits for a confirmation the process must not end. */
  #keepAlive(isWaiting: boolean): void {
    if (isWaiting) this.#timer.ref();
    else this.#timer.unref();
  }

  /** After what was committed together. */
  #fillSoon(): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    queueMicrotask(() => {
      this.#isFilling = false;
      this.#fill();
    });
  }

  /** Hands over what there is room for. */
  #fill(): void {
    if (this.#closing || this.#replacing || this.#missing || this.#isDropping) return;
    const { client } = this.#options;
    try {
      for (;;) {
        const left = this.#journal.info.head - this.#read;
        const room = handedMax - this.#handed.size;
        if (left <= 0 || room < Math.min(left, pageMin) || client.bytes >= handedBytesMax) return;
        const page = this.#journal.page({ after: this.#read, limit: room, bytesMax: pageBytes });
        if (page.damaged) this.#passDamaged(page.damaged);
        for (const entry of page.entries) {
          this.#hand(entry);
          this.#read = entry.position;
        }
        this.#read = page.through;
      }
    } catch (error) {
      this.#warn(`cannot be read: ${FedmsgError.from(error).message}`);
    }
  }

  #hand({ position, topic, body }: JournalEntry): void {
    const outgoing = this.#options.client.send([Buffer.from(topic), body], (error, at) => {
      if (this.#handed.get(position) !== outgoing) return; // Of a journal that is no more.
      this.#handed.delete(position);
      if (error?.code === "FEDMSG_CLOSED") return;
      if (error?.code === "FEDMSG_REFUSED") this.#warn(`a message on ${topic.slice(0, 200)} is lost: ${error.message}`);
      this.#done(position, outgoing.bytes, error ?? at);
    });
    this.#handed.set(position, outgoing);
  }

  #passDamaged(positions: readonly number[]): void {
    const error = new FedmsgError("FEDMSG_JOURNAL", "the outbox does not have any more what was written");
    this.#warn(`${positions.length} messages are lost: ${error.message}`);
    for (const position of positions) this.#done(position, 0, error);
  }

  /** A message is confirmed, or given up. */
  #done(position: number, bytes: number, outcome: FedmsgError | number): void {
    this.#doneBytes += bytes;
    if (typeof outcome === "number") this.#outcomes.add(position, this.#options.client.relay, outcome);
    else this.#outcomes.addLoss(position, outcome);
    if (position === this.#through + 1) {
      this.#through++;
      while (this.#early.delete(this.#through + 1)) this.#through++;
    } else this.#early.add(position);
    const { relay } = this.#options.client;
    this.#waiters.settle(position, typeof outcome === "number" ? { relay, position: outcome } : outcome);
    if (this.#through - this.#journal.info.first + 1 >= pruneEntries) this.#prune();
    this.#fillSoon();
    this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    if (this.#isEnding && this.count + this.#pending === 0) this.#onEmpty();
  }

  #prune(): void {
    if (this.#through < this.#journal.info.first) return;
    try {
      this.#journal.prune({ through: this.#through });
      this.#doneBytes = 0; // Those that were early count again, and are few.
    } catch (error) {
      this.#warn(`what is confirmed cannot be taken out: ${FedmsgError.from(error).message}`);
    }
  }

  /** Looks after the journal. */
  #look(): void {
    if (this.#closing || this.#replacing) return;
    if (this.#missing || !this.#isInPlace()) {
      this.#replacing = this.#replace().finally(() => {
        this.#replacing = undefined;
        this.#fill();
      });
      return;
    }
    this.#isDropping = this.#dropOld();
    if (this.#isDropping) setImmediate(() => this.#look());
    this.#prune();
    this.#fill();
  }

  #isInPlace(): boolean {
    try {
      return this.#journal.isInPlace();
    } catch {
      return false;
    }
  }

  /** What is too old is not worth sending: others would refuse it. Answers whether there may be more of it. */
  #dropOld(): boolean {
    const { outbox_max_age: maxAge } = this.#options.config;
    if (maxAge === 0) return false;
    const olderThanMs = (this.#clock.follow(Date.now() / 1000) - maxAge) * 1000;
    const oldest = this.#journal.positionAt(olderThanMs);
    const last = Math.min(oldest, this.#through + droppedMax);
    const error = new FedmsgError(
      "FEDMSG_TIMEOUT",
      `it waited in the outbox for longer than ${maxAge} s (outbox_max_age)`,
    );
    let count = 0;
    for (let position = this.#through + 1; position <= last; position++) {
      if (this.#early.has(position)) continue;
      count++;
      const outgoing = this.#handed.get(position);
      this.#handed.delete(position);
      if (outgoing) this.#options.client.giveUp(outgoing, error);
      this.#done(position, 0, error);
    }
    this.#read = Math.max(this.#read, last);
    if (count > 0) this.#options.onWarning(`outbox: ${count} messages are lost: ${error.message}`);
    return last < oldest;
  }

  /** Opens the journal anew, where its file was deleted or the disk failed. */
  async #replace(): Promise<void> {
    const { onWarning, client } = this.#options;
    const before = this.#journal.info;
    const waiting = this.count;
    if (!this.#missing)
      onWarning("outbox: its file was deleted, replaced or damaged, or the disk failed; it is opened anew");
    try {
      await this.#journal.close();
      this.#journal = await this.#reopen();
      this.#missing = undefined;
    } catch (error) {
      const { message } = FedmsgError.from(error);
      this.#missing = new FedmsgError("FEDMSG_JOURNAL", `there is no outbox: ${message}`, { cause: error });
      return;
    }
    const lost = new FedmsgError("FEDMSG_JOURNAL", "the outbox was deleted or replaced");
    const handed = [...this.#handed.values()];
    this.#handed.clear();
    for (const outgoing of handed) client.giveUp(outgoing, lost);
    const { uuid, earlier, first } = this.#journal.info;
    if (uuid !== before.uuid && !earlier.some((each) => each.uuid === before.uuid)) {
      if (waiting > 0) onWarning(`outbox: ${waiting} messages that were not confirmed are lost: ${lost.message}`);
      this.#waiters.rejectAll(lost);
    }
    this.#early.clear();
    this.#doneBytes = 0;
    this.#through = first - 1;
    this.#read = this.#through;
  }

  /** Waits until all is confirmed, for `publish_timeout` at most, and closes. What is left stays for the next start. */
  async drain(): Promise<void> {
    this.#isEnding = true;
    const { config, onWarning } = this.#options;
    if (this.count + this.#pending > 0 && !this.#closing) {
      let timer: NodeJS.Timeout | undefined;
      const { publish_timeout: seconds } = config;
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
        timer = setInterval(resolve, seconds > 0 ? seconds * 1000 : 0x7fffffff);
      });
      clearInterval(timer);
    }
    if (this.count > 0) {
      onWarning(`outbox: ${this.count} messages are not confirmed; they stay there, and go out at the next start`);
    }
    await this.#options.client.close();
    await this.close();
  }

  /** Stops; what is not confirmed stays for the next start. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isEnding = true;
    clearInterval(this.#timer);
    this.#onEmpty();
    await this.#replacing;
    if (!this.#missing) this.#prune();
    this.#waiters.rejectAll(stillThere());
    await this.#journal.close();
  }

  #warn(detail: string): void {
    const now = performance.now();
    if (now - this.#warnedAt < tickMs) return;
    this.#warnedAt = now;
    this.#options.onWarning(`outbox: ${detail}`);
  }
}

function stillThere(): FedmsgError {
  return new FedmsgError(
    "FEDMSG_CLOSED",
    "the bus was closed; the message is in the outbox, and goes out at the next start",
  );
}

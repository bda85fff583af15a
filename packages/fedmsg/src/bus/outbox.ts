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
import { FedmsgError } from "../errors.ts";
import type { Confirmation, ConfirmClient, Outgoing } from "../replay/confirm-client.ts";
import type { Journal, JournalEntry, JournalInfo } from "../replay/journal.ts";
import { closedError } from "../transport/errors.ts";
import { framesByteLength } from "../transport/transport.ts";
import type { OutboxState } from "./delivery.ts";
import type { Written } from "./message-writer.ts";
import { OutboxAge, type OutboxClocks } from "./outbox-age.ts";
import { damagedError, deletedError, stillThereError, tooOldError } from "./outbox-errors.ts";
import { OutboxFile } from "./outbox-file.ts";
import { OutboxSpace } from "./outbox-space.ts";
import { OutboxTally } from "./outbox-tally.ts";
import { OutboxWarnings } from "./outbox-warnings.ts";
import { ConfirmWaiters, OutboxLife, type OutboxPlace, vouchedThrough } from "./outcomes.ts";
import { waitAtMost } from "./wait-at-most.ts";

/** Parts of an outbox. */
export interface OutboxOptions {
  readonly config: Config;
  readonly client: ConfirmClient;
  readonly onWarning: (detail: string) => void;
  /** Default: the machine's. */
  readonly clocks?: OutboxClocks;
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

/** Keeps messages and hands them to the relay. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #file: OutboxFile;
  readonly #age: OutboxAge;
  readonly #space: OutboxSpace;
  readonly #tally = new OutboxTally();
  readonly #warnings: OutboxWarnings;
  readonly #waiters = new ConfirmWaiters((isWaiting) => this.#timer[isWaiting ? "ref" : "unref"]());
  /** On their way, by position. */
  readonly #handed = new Map<number, Outgoing>();
  /** Positions beyond `#through` that are done with. */
  readonly #early = new Set<number>();
  /** What positions mean as long as the journal is the same one. */
  #life = new OutboxLife();
  /** Everything up to here is confirmed, or given up. */
  #through = 0;
  /** Everything up to here was handed to the client. */
  #read = 0;
  #isFilling = false;
  #isDropping = false;
  readonly #timer: NodeJS.Timeout;
  #isEnding = false;
  #onEmpty = () => {};
  #closing: Promise<void> | undefined;

  /**
   * Begins to empty it.
   *
   * @throws FedmsgError FEDMSG_JOURNAL where it cannot be read. Nothing is left over but the journal, which stays open
   */
  constructor(options: OutboxOptions, journal: Journal, reopen: () => Promise<Journal>) {
    this.#options = options;
    this.#space = new OutboxSpace(options.config.outbox_max_bytes);
    this.#warnings = new OutboxWarnings(options.onWarning);
    this.#file = new OutboxFile(journal, reopen, this.#warnings);
    this.#age = new OutboxAge(options.config.outbox_max_age * 1000, options.clocks);
    this.#begin();
    this.#goOn();
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
  }

  #begin(): void {
    this.#through = this.#journal.info.first - 1;
    this.#read = this.#through;
    this.#age.begin(this.#journal, this.#through);
  }

  get #journal(): Journal {
    return this.#file.journal;
  }

  /** Messages that are neither confirmed nor given up. */
  get count(): number {
    return this.#journal.info.head - this.#through - this.#early.size;
  }

  /** How it is at the moment. */
  get state(): OutboxState {
    const problem = this.#file.problem ?? this.#tally.problem((bytes) => this.#space.hasRoom(this.#journal, bytes));
    return {
      waiting: this.count,
      waitingBytes: this.#space.waitingBytes(this.#journal),
      oldestSeconds: this.count === 0 ? 0 : this.#age.oldestSeconds(this.#journal, this.#through),
      ...this.#tally.counts,
      ...(problem !== undefined && { problem }),
    };
  }

  /**
   * Keeps a message; it goes out behind those before.
   *
   * @returns where it is, once it is committed
   * @throws FedmsgError FEDMSG_QUEUE_FULL (`outbox_max_bytes`), FEDMSG_JOURNAL, FEDMSG_CLOSED
   */
  async keep({ frames, message }: Written): Promise<OutboxPlace> {
    if (this.#isEnding) throw closedError();
    if (this.#file.replacing) await this.#file.replacing;
    const bytes = framesByteLength(frames);
    this.#assertTakes(bytes);
    const { topic, msg_id: id } = message;
    const entry = { topic, msgId: typeof id === "string" ? id : "", body: frames[1] as Uint8Array };
    const life = this.#life;
    this.#space.enter(bytes);
    try {
      const position = await this.#journal.append(() => entry);
      this.#tally.works();
      return { life, position };
    } catch (error) {
      throw this.#tally.reject(FedmsgError.from(error), bytes);
    } finally {
      this.#space.leave(bytes);
      this.#tellIfEmpty();
      this.#fillSoon();
    }
  }

  #assertTakes(bytes: number): void {
    if (!this.#file.missing && this.#space.hasRoom(this.#journal, bytes)) return;
    throw this.#tally.reject(this.#file.missing ?? this.#space.fullError(this.#journal, this.count), bytes);
  }

  /** What becomes of a message. */
  confirmed({ life, position }: OutboxPlace): Promise<Confirmation | undefined> {
    const known = life.find(position, this.#life);
    if (known) return known instanceof FedmsgError ? Promise.reject(known) : Promise.resolve(known);
    if (position <= this.#through || this.#early.has(position)) {
      return Promise.resolve({ relay: this.#options.client.relay, position: 0 }); // Too long ago to know more.
    }
    if (this.#closing) return Promise.reject(stillThereError());
    return this.#waiters.wait(position);
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
    if (this.#closing || this.#file.replacing || this.#file.missing || this.#isDropping) return;
    try {
      for (;;) {
        const left = this.#journal.info.head - this.#read;
        const room = handedMax - this.#handed.size;
        if (left <= 0 || room < Math.min(left, pageMin) || this.#options.client.bytes >= handedBytesMax) return;
        const page = this.#journal.page({ after: this.#read, limit: room, bytesMax: pageBytes });
        if (page.damaged) this.#passDamaged(page.damaged);
        for (const entry of page.entries) {
          this.#hand(entry);
          this.#read = entry.position;
        }
        this.#read = page.through;
      }
    } catch (error) {
      this.#file.failed(error);
    }
  }

  #hand({ position, topic, body }: JournalEntry): void {
    const outgoing = this.#options.client.send([Buffer.from(topic), body], (error, at) => {
      if (this.#handed.get(position) !== outgoing) return; // Of a journal that is no more.
      this.#handed.delete(position);
      if (error?.code === "FEDMSG_CLOSED") return;
      if (error?.code === "FEDMSG_REFUSED") this.#warnings.lost(1, topic, error.message);
      this.#tally.answered(error);
      this.#done(position, outgoing.bytes, error ?? at);
    });
    this.#handed.set(position, outgoing);
  }

  #passDamaged(positions: readonly number[]): void {
    const error = damagedError();
    this.#tally.giveUp("lost", positions.length);
    this.#warnings.lost(positions.length, undefined, error.message);
    for (const position of positions) this.#done(position, 0, error);
  }

  /** A message is confirmed, or given up. */
  #done(position: number, bytes: number, outcome: FedmsgError | number): void {
    this.#space.done(bytes);
    const { outcomes } = this.#life;
    if (typeof outcome === "number") outcomes.add(position, this.#options.client.relay, outcome);
    else outcomes.addLoss(position, outcome);
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
    if (this.#isEnding && this.count + this.#space.pending === 0) this.#onEmpty();
  }

  #prune(): void {
    if (this.#through < this.#journal.info.first || this.#file.replacing || this.#file.missing) return;
    try {
      this.#journal.prune({ through: this.#through });
      this.#space.pruned();
    } catch (error) {
      this.#warnings.trouble(`what is confirmed cannot be taken out: ${FedmsgError.from(error).message}`);
    }
  }

  #tick(): void {
    this.#warnings.flush();
    this.#file.tick();
    this.#lookAfterJournal();
  }

  #lookAfterJournal(): void {
    if (this.#closing || this.#file.replacing) return;
    if (!this.#file.isInPlace()) {
      const onNew = (before: JournalInfo) => this.#beginAnew(before);
      this.#file.replace(onNew, () => this.#fill());
      return;
    }
    try {
      this.#goOn();
    } catch (error) {
      this.#file.failed(error);
      this.#fill(); // What is too old goes out too, rather than nothing.
    }
  }

  #goOn(): void {
    this.#isDropping = false;
    this.#isDropping = this.#dropOld();
    if (this.#isDropping) setImmediate(() => this.#lookAfterJournal());
    this.#prune();
    this.#fill();
  }

  /** What is too old is not worth sending: others would refuse it. Answers whether there may be more of it. */
  #dropOld(): boolean {
    const oldest = this.#age.lastTooOld(this.#journal);
    const last = Math.min(oldest, this.#through + droppedMax);
    const error = tooOldError(this.#options.config.outbox_max_age);
    let count = 0;
    for (let position = this.#through + 1; position <= last; position = Math.max(position, this.#through) + 1) {
      if (this.#early.has(position)) continue;
      count++;
      const outgoing = this.#handed.get(position);
      this.#handed.delete(position);
      if (outgoing) this.#options.client.giveUp(outgoing, error);
      this.#done(position, 0, error);
    }
    this.#read = Math.max(this.#read, last);
    this.#tally.giveUp("too-old", count);
    if (count > 0) this.#warnings.tell(`${count} messages are lost: ${error.message}`);
    return last < oldest;
  }

  /** There is another journal, or the same one again. */
  #beginAnew(before: JournalInfo): void {
    const lost = deletedError();
    const vouched = vouchedThrough(this.#journal.info, before.uuid);
    if (vouched < before.head) {
      const early = [...this.#early].filter((position) => position > vouched).length;
      const count = before.head - Math.max(vouched, this.#through) - early;
      if (count > 0) this.#warnings.tell(`${count} messages that were not confirmed are lost: ${lost.message}`);
      this.#tally.giveUp("lost", Math.max(0, count));
      this.#waiters.rejectAll(lost, vouched);
      this.#life = this.#life.follow(vouched, lost);
    }
    const handed = new Map(this.#handed);
    this.#handed.clear();
    for (const outgoing of handed.values()) this.#options.client.giveUp(outgoing, lost);
    this.#early.clear();
    this.#space.pruned();
    this.#tally.works();
    this.#begin();
  }

  /** Waits until all is confirmed, for `publish_timeout` at most, and closes. What is left stays for the next start. */
  async drain(): Promise<void> {
    this.#isEnding = true;
    if (this.count + this.#space.pending > 0 && !this.#closing) {
      await waitAtMost(this.#options.config.publish_timeout, (resolve) => {
        this.#onEmpty = resolve;
      });
    }
    if (this.count > 0) {
      this.#warnings.tell(`${this.count} messages are not confirmed; they stay there, and go out at the next start`);
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
    await this.#file.replacing;
    this.#prune();
    this.#warnings.flush();
    this.#waiters.rejectAll(stillThereError());
    await this.#journal.close();
  }
}

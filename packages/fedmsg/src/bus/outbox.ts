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
import type { Confirmation, ConfirmClient } from "../replay/confirm-client.ts";
import type { Journal, JournalEntry, JournalInfo, Page } from "../replay/journal.ts";
import { closedError } from "../transport/errors.ts";
import { framesByteLength } from "../transport/transport.ts";
import type { OutboxState } from "./delivery.ts";
import type { Written } from "./message-writer.ts";
import { OutboxAge, type OutboxClocks } from "./outbox-age.ts";
import { damagedError, deletedError, stillThereError, tooOldError } from "./outbox-errors.ts";
import { OutboxFile } from "./outbox-file.ts";
import { HandedMessages } from "./outbox-handed.ts";
import { OutboxProgress } from "./outbox-progress.ts";
import { OutboxSpace } from "./outbox-space.ts";
import { OutboxTally } from "./outbox-tally.ts";
import { OutboxWarnings } from "./outbox-warnings.ts";
import { ConfirmWaiters, OutboxLife, type OutboxPlace, vouchedThrough } from "./outcomes.ts";
import { RelayPresence } from "./relay-presence.ts";
import { waitAtMost } from "./wait-at-most.ts";

/** Parts of an outbox. */
export interface OutboxOptions {
  readonly config: Config;
  readonly client: ConfirmClient;
  readonly onWarning: (detail: string) => void;
  /** Default: the machine's. */
  readonly clocks?: OutboxClocks;
}

/** Fewer are not read from the journal while others are on their way. */
const pageMin = 250;
const pageBytes = 4 * 1024 * 1024;
/** So many confirmed entries are pruned together. */
const pruneEntries = 1000;
const tickMs = 1000;

/** Keeps messages and hands them to the relay. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #file: OutboxFile;
  readonly #age: OutboxAge;
  readonly #space: OutboxSpace;
  readonly #tally = new OutboxTally();
  readonly #warnings: OutboxWarnings;
  readonly #waiters = new ConfirmWaiters((isWaiting) => this.#timer[isWaiting ? "ref" : "unref"]());
  readonly #handed: HandedMessages;
  readonly #progress = new OutboxProgress();
  readonly #presence: RelayPresence;
  /** What positions mean as long as the journal is the same one. */
  #life = new OutboxLife();
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
    this.#handed = new HandedMessages(options.client);
    this.#presence = new RelayPresence(options.client, options.config.relay_confirm.length);
    journal.positionAt(0); // Damaged tables are told of now, and not when thousands of messages are in them.
    this.#begin(0);
    this.#goOn();
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
  }

  /** @param vouched what was done with up to here still is */
  #begin(vouched: number): void {
    this.#read = this.#progress.begin(this.#journal.info.first, vouched);
    this.#age.begin(this.#journal, this.#read);
  }

  get #journal(): Journal {
    return this.#file.journal;
  }

  /** Messages that are neither confirmed nor given up. */
  get count(): number {
    return this.#progress.countLeft(this.#journal.info.head);
  }

  /** How it is at the moment. */
  get state(): OutboxState {
    const problem = this.#file.problem ?? this.#tally.problem((bytes) => this.#space.hasRoom(this.#journal, bytes));
    return {
      waiting: this.count,
      waitingBytes: this.#space.waitingBytes(this.#journal),
      oldestSeconds: this.count === 0 ? 0 : this.#age.oldestSeconds(this.#journal, this.#progress.through),
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
    const error = this.#file.missing ?? this.#space.fullError(this.#journal, this.count, bytes);
    throw this.#tally.reject(error, this.#space.fits(bytes) ? bytes : undefined);
  }

  /** What becomes of a message. */
  confirmed({ life, position }: OutboxPlace): Promise<Confirmation | undefined> {
    const known = life.find(position, this.#life);
    if (known) return known instanceof FedmsgError ? Promise.reject(known) : Promise.resolve(known);
    if (this.#progress.has(position)) {
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
        const { room } = this.#handed;
        if (left <= 0 || room < Math.min(left, pageMin)) return;
        const page = this.#journal.page({ after: this.#read, limit: room, bytesMax: pageBytes });
        this.#passLost(this.#read, page);
        for (const entry of page.entries) {
          if (!this.#progress.has(entry.position)) this.#hand(entry);
          this.#read = entry.position;
        }
        this.#read = page.through;
      }
    } catch (error) {
      if (FedmsgError.from(error).code === "FEDMSG_CLOSED") return; // The client, which ends first.
      this.#file.failed(error);
    }
  }

  #hand(entry: JournalEntry): void {
    this.#handed.hand(entry, (outcome, bytes) => {
      const error = typeof outcome === "number" ? undefined : outcome;
      if (error?.code === "FEDMSG_REFUSED") this.#warnings.lost(1, entry.topic, error.message);
      this.#tally.answered(error);
      this.#done(entry.position, bytes, outcome);
    });
  }

  /** Messages that a page should have, and has not: what is there is damaged, or nothing is. */
  #passLost(after: number, { entries, through }: Page): void {
    if (entries.length === through - after) return;
    const there = new Set(entries.map(({ position }) => position));
    const lost = this.#progress.listLeft(after, through).filter((position) => !there.has(position));
    if (lost.length === 0) return;
    const error = damagedError();
    this.#tally.giveUp("lost", lost.length);
    this.#warnings.lost(lost.length, undefined, error.message);
    for (const position of lost) this.#done(position, 0, error);
  }

  /** A message is confirmed, or given up. */
  #done(position: number, bytes: number, outcome: FedmsgError | number): void {
    this.#space.done(bytes);
    const { relay } = this.#options.client;
    if (typeof outcome === "number") this.#life.outcomes.add(position, relay, outcome);
    else this.#life.outcomes.addLoss(position, outcome);
    this.#progress.done(position);
    this.#waiters.settle(position, typeof outcome === "number" ? { relay, position: outcome } : outcome);
    if (this.#progress.through - this.#journal.info.first + 1 >= pruneEntries) this.#prune();
    this.#fillSoon();
    this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    if (this.#isEnding && this.count + this.#space.pending === 0) this.#onEmpty();
  }

  #prune(): void {
    const { through } = this.#progress;
    if (through < this.#journal.info.first || this.#file.replacing || this.#file.missing) return;
    try {
      this.#journal.prune({ through });
      this.#space.pruned();
    } catch (error) {
      this.#warnings.trouble(`what is confirmed cannot be taken out: ${FedmsgError.from(error).message}`);
    }
  }

  #tick(): void {
    this.#warnings.flush();
    this.#file.tick();
    this.#presence.isExpected();
    this.#lookAfterJournal();
  }

  #lookAfterJournal(): void {
    if (this.#closing || this.#file.replacing) return;
    if (!this.#file.isInPlace()) {
      const onEnd = () => {
        this.#prune();
        this.#fill();
      };
      this.#file.replace((before) => this.#beginAnew(before), onEnd);
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
    const { through: before } = this.#progress;
    const { through, hasMore } = this.#age.tooOld(this.#journal, before);
    const error = tooOldError(this.#options.config.outbox_max_age);
    const dropped = this.#progress.listLeft(before, through);
    for (const position of dropped) {
      this.#handed.giveUp(position, error);
      this.#done(position, 0, error);
    }
    this.#read = Math.max(this.#read, through);
    this.#tally.giveUp("too-old", dropped.length);
    if (dropped.length > 0) this.#warnings.lost(dropped.length, undefined, error.message);
    return hasMore;
  }

  /** There is another journal, or the same one again. */
  #beginAnew(before: JournalInfo): void {
    const lost = deletedError();
    const vouched = vouchedThrough(this.#journal.info, before.uuid);
    if (vouched < before.head) {
      const count = this.#progress.countLeftBehind(vouched, before.head);
      if (count > 0) this.#warnings.tell(`${count} messages that were not confirmed are lost: ${lost.message}`);
      this.#tally.giveUp("lost", count);
      this.#waiters.rejectAll(lost, vouched);
      this.#life = this.#life.follow(vouched, lost);
    }
    this.#handed.giveUpAll(lost);
    this.#space.pruned();
    this.#tally.works();
    this.#begin(vouched);
  }

  /**
   * Waits until all is confirmed, for `publish_timeout` at most, and closes. What is left stays for the next start; a relay that is
   * not there is not waited for, unless somebody waits for a confirmation.
   */
  async drain(): Promise<void> {
    this.#isEnding = true;
    if (this.count + this.#space.pending > 0 && !this.#closing) await this.#waitForRelay();
    this.#warnings.stays(this.count);
    await this.#options.client.close();
    await this.close();
  }

  async #waitForRelay(): Promise<void> {
    const { publish_timeout: seconds } = this.#options.config;
    const onLong = () => this.#warnings.waitsFor(this.#options.client.relay, this.count, seconds);
    const goesOn = () => this.#presence.isExpected() || this.#space.pending > 0 || !this.#waiters.isEmpty;
    await waitAtMost({ seconds, goesOn, onLong }, (resolve) => {
      this.#onEmpty = resolve;
    });
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

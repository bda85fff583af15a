/**
 * A publisher that keeps what it sends in a journal, and says so by heartbeats.
 *
 * ```
 * keep ──▶ journal: position, build, commit (in groups) ──▶ socket ──▶ listed by the next heartbeat
 * ```
 *
 * What goes out is in the journal, in the same order; what cannot be kept is refused and not sent. From the commit on a message
 * is said, whatever becomes of the socket: who does not get it live hears of it by a heartbeat, and asks for it. A heartbeat goes
 * out behind what it lists.
 *
 * Before each heartbeat the journal is looked after. Where its file is gone, what it held cannot be asked for any more: a new
 * journal begins, under a UUID of its own, and what was published and not listed yet is not listed any more. What waits for its
 * turn meanwhile is refused, as it would go into a journal that nobody can read.
 */

import { FedmsgError } from "../errors.ts";
import { abortedError, closedError } from "../transport/errors.ts";
import { type Frames, framesByteLength, type Publisher, sentAtOnce } from "../transport/transport.ts";
import { BeatLog } from "./beat-log.ts";
import { HeartbeatBuilder, heartbeatTopic } from "./heartbeat.ts";
import type { Journal, NewEntry } from "./journal.ts";

/** A message that is to be kept. */
export interface Kept extends NewEntry {
  /** Topic and body, as they are sent. */
  readonly frames: Frames;
  /** Its key (`messageKey`): what heartbeats call it by. */
  readonly key: Uint8Array;
}

/** Parts of a journalled publisher, which closes them at its end. */
export interface JournalledOptions {
  readonly publisher: Publisher;
  readonly journal: Journal;
  /** Opens the journal anew, where its file was deleted or replaced. */
  readonly reopen: () => Promise<Journal>;
  /** Who answers questions about the journal. */
  readonly replay?: { close(): Promise<void> } | undefined;
  /** Makes the frames of a heartbeat: an ordinary message, signed where messages are. */
  readonly encode: (topic: string, msg: unknown) => Frames;
  /** Hears what somebody should look at. Must not throw. */
  readonly onWarning: (detail: string) => void;
  /** Milliseconds until what was sent is listed. Default 1000. */
  readonly beatMs?: number | undefined;
  /** Milliseconds between heartbeats while nothing happens. Default 5000. */
  readonly idleMs?: number | undefined;
}

/** Messages that may wait for their turn in the journal. */
const pendingMax = 100_000;

/** Keeps, sends and beats. */
export class JournalledPublisher {
  /** Hears of each message when it is committed and handed to the socket. Must not throw. */
  onKept: ((kept: Kept, position: number) => void) | undefined;
  /** Asked when it is a message's turn; where it throws, that message is neither kept nor sent, and ends with what was thrown. */
  onTurn: ((kept: Kept) => void) | undefined;
  /** Hears that a message was refused: the group it was in is over, as it is at `onKept`. Must not throw. */
  onRefused: (() => void) | undefined;
  readonly #options: JournalledOptions;
  readonly #publisher: Publisher;
  #journal: Journal;
  #builder: HeartbeatBuilder;
  #beats = new BeatLog();
  #timer: NodeJS.Timeout | undefined;
  /** While the journal is being replaced. */
  #replacing: Promise<void> | undefined;
  /** Why there is no journal at the moment. */
  #missing: FedmsgError | undefined;
  /** Messages that were taken and not yet handed to the socket, or refused. */
  #pending = 0;
  #onIdle = () => {};
  /** Bytes that the socket has not queued yet for every subscriber. */
  #unsent = 0;
  /** What `#unsent` was when the socket would take no more; 0 once half of that is gone. Nothing is taken meanwhile. */
  #fullAt = 0;
  #isEnding = false;
  #isStopped = false;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: JournalledOptions) {
    this.#options = options;
    this.#publisher = options.publisher;
    this.#journal = options.journal;
    this.#builder = new HeartbeatBuilder(this.#journal.info.uuid, this.#journal.info.head);
    this.#beat();
  }

  /** The journal as it is now: another one where the first was replaced. */
  get journal(): Journal {
    return this.#journal;
  }

  /** Why nothing can be kept, and so nothing is published, while that is so. */
  get problem(): string | undefined {
    return this.#missing?.message;
  }

  /** Messages that some subscriber did not get live. */
  get dropped(): number {
    return this.#publisher.dropped;
  }

  /**
   * Makes a message that knows its position, keeps it and sends it.
   *
   * @param build runs when it is this message's turn. What it throws is this message's alone
   * @param signal gives up, until it is this message's turn
   * @returns what `build` made, once it is kept, and queued for those subscribers that have room
   * @throws FedmsgError FEDMSG_JOURNAL where it cannot be kept, FEDMSG_QUEUE_FULL, FEDMSG_ABORTED, FEDMSG_CLOSED: then it was
   *   neither kept nor sent
   */
  keep<K extends Kept>(build: (position: number) => K, signal?: AbortSignal): Promise<K> {
    if (this.#isEnding) return Promise.reject(closedError());
    if (this.#fullAt > 0) return Promise.reject(fullError(this.#unsent));
    if (this.#replacing) return this.#replacing.then(() => this.keep(build, signal));
    if (this.#missing) return Promise.reject(this.#missing);
    if (this.#pending >= pendingMax) {
      const detail = `${pendingMax} messages wait for the journal; await \`publish()\` to slow down`;
      return Promise.reject(new FedmsgError("FEDMSG_QUEUE_FULL", detail));
    }
    const journal = this.#journal;
    this.#pending++;
    let kept: K | undefined;
    const appended = journal.append((position) => {
      this.#assertTurn(journal, signal);
      const built = build(position);
      this.onTurn?.(built);
      kept = built;
      return kept;
    });
    return appended.then((position) => this.#handOver(kept as K, position), this.#refuse);
  }

  /** Sends what is not to be kept, such as others' heartbeats, behind everything that was kept before. */
  async pass(frames: Frames, signal?: AbortSignal): Promise<void> {
    await this.#publisher.send(frames, signal);
  }

  #assertTurn(journal: Journal, signal: AbortSignal | undefined): void {
    if (signal?.aborted) throw abortedError(signal);
    if (this.#isStopped) throw closedError();
    if (this.#replacing || journal !== this.#journal) {
      throw new FedmsgError("FEDMSG_JOURNAL", "the journal's file was deleted or replaced; a new one begins");
    }
  }

  readonly #refuse = (error: unknown): never => {
    this.#settle();
    this.onRefused?.();
    throw error;
  };

  /** Runs for one message after the other, in the order of positions. */
  #handOver<K extends Kept>(kept: K, position: number): K | Promise<K> {
    const { frames, topic, key } = kept;
    const sent = this.#publisher.send(frames);
    if (!this.#replacing) this.#note(position, topic, key);
    this.onKept?.(kept, position);
    this.#settle();
    return sent === sentAtOnce ? kept : this.#waitFor(sent, kept);
  }

  async #waitFor<K extends Kept>(sent: Promise<void>, kept: K): Promise<K> {
    const bytes = framesByteLength(kept.frames);
    this.#unsent += bytes;
    const isFull = await sent.then(
      () => false,
      (error: unknown) => FedmsgError.from(error).code === "FEDMSG_QUEUE_FULL",
    );
    this.#unsent -= bytes;
    if (isFull) this.#fullAt = this.#unsent;
    else if (this.#unsent <= this.#fullAt / 2) this.#fullAt = 0;
    return kept; // It is kept: who does not get it now asks for it later.
  }

  #settle(): void {
    if (--this.#pending === 0) this.#onIdle();
  }

  #note(position: number, topic: string, key: Uint8Array): void {
    this.#builder.add(position, topic, key);
    if (this.#builder.isFull) this.#beat();
    else if (this.#builder.count === 1) this.#plan();
  }

  /** Sees to it that the next heartbeat goes out in time. It keeps no process alive. */
  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    const { beatMs = 1000, idleMs = 5000 } = this.#options;
    this.#timer = setTimeout(() => this.#beat(), this.#builder.count > 0 ? beatMs : idleMs).unref();
  }

  #beat(): void {
    if (this.#replacing) return;
    if (this.#missing || !this.#isInPlace()) {
      this.#replacing = this.#replace().finally(() => {
        this.#replacing = undefined;
        if (this.#missing) this.#plan();
        else this.#beat();
      });
      return;
    }
    try {
      const msg = this.#builder.take();
      const frames = this.#options.encode(heartbeatTopic(msg.journal), msg);
      this.#beats.add(msg);
      // What it lists is queued in front of it. Where it is lost itself, the next one's `from` says so.
      this.#publisher.send(frames).catch(() => {});
    } catch (error) {
      this.#options.onWarning(`a heartbeat cannot be written: ${FedmsgError.from(error).message}`);
    }
    this.#plan();
  }

  /** The digest of what heartbeats said behind one position up to another (docs/wire.md); nothing where nobody remembers. */
  digest(from: number, to: number): string | undefined {
    return this.#beats.digest(from, to);
  }

  #isInPlace(): boolean {
    try {
      return this.#journal.isInPlace();
    } catch {
      return false;
    }
  }

  async #replace(): Promise<void> {
    const { onWarning, reopen } = this.#options;
    if (!this.#missing)
      onWarning(
        "the journal's file was deleted, replaced or damaged while it was in use, or the disk failed; it is opened anew",
      );
    try {
      await this.#journal.close();
      this.#journal = await reopen();
      this.#builder = new HeartbeatBuilder(this.#journal.info.uuid, this.#journal.info.head);
      this.#beats = new BeatLog();
      this.#missing = undefined;
    } catch (error) {
      const { message } = FedmsgError.from(error);
      this.#missing = new FedmsgError("FEDMSG_JOURNAL", `there is no journal: ${message}`, { cause: error });
      onWarning(`no new journal can be opened, and nothing is published until then: ${message}`);
    }
  }

  /** Keeps and sends what was taken, lists it, and closes. Idempotent. */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<void> {
    this.#isEnding = true;
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    if (this.#builder.count > 0 && !this.#closing) this.#beat();
    await this.#replacing;
    if (!this.#closing) await this.#publisher.drain();
    await this.close();
  }

  /** Stops: what waits for its turn is neither kept nor sent. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isEnding = true;
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#replacing;
    await this.#publisher.close();
    await this.#options.replay?.close();
    await this.#journal.close();
  }
}

function fullError(bytes: number): FedmsgError {
  return new FedmsgError("FEDMSG_QUEUE_FULL", `${bytes} bytes wait for subscribers already; publish slower`);
}

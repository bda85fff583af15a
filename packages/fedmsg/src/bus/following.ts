/** Follows every journal of `replay_endpoints` for one subscription, and knows what became of each message. */

import { type Heartbeat, heartbeatPrefix, parseHeartbeat } from "../replay/heartbeat.ts";
import { Ledger } from "../replay/ledger.ts";
import { decodeText } from "../wire/text.ts";
import type { FollowedContext } from "./followed-context.ts";
import { FollowedJournal } from "./followed-journal.ts";

/** What it needs of its subscription. */
export interface FollowingOptions extends Omit<FollowedContext, "ledger" | "signal" | "isAlone"> {
  /** `replay_endpoints`. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Keys that are kept while a journal cannot be asked for what is missing. */
  readonly keysMax: number;
}

/** How long journals are asked at the end which messages they have. */
const vouchMs = 3000;
/** How often it looks which keys are of no use any more. */
const forgetMs = 5000;
/** Bytes of a heartbeat: 1000 keys and 256 topics fit. */
const heartbeatBytesMax = 2 * 1024 * 1024;
/** Foreign journals that are remembered, */
const foreignMax = 1000;
/** for so long. */
const foreignMs = 600_000;

const heartbeatStart = Buffer.from(heartbeatPrefix);

/** Whether a topic frame is that of a heartbeat. */
export function isHeartbeat(topic: Uint8Array): boolean {
  if (topic[0] !== heartbeatStart[0] || topic.byteLength < heartbeatStart.length) return false;
  return heartbeatStart.every((byte, n) => topic[n] === byte);
}

/** See the top of this file. */
export class Following {
  readonly ledger: Ledger;
  readonly #options: FollowingOptions;
  readonly #over = new AbortController();
  /** Ends the last questions. */
  readonly #enough = new AbortController();
  #vouching: Promise<void> | undefined;
  readonly #journals: FollowedJournal[];
  readonly #forgetting: NodeJS.Timeout;
  /** UUIDs that are none of ours, and until when we believe that. */
  readonly #foreign = new Map<string, number>();

  constructor(options: FollowingOptions) {
    this.#options = options;
    this.ledger = new Ledger(options.store);
    const endpoints = Object.entries(options.endpoints);
    const isAlone = endpoints.length === 1;
    const context: FollowedContext = { ...options, ledger: this.ledger, signal: this.#over.signal, isAlone };
    this.#journals = endpoints.map(([name, endpoint]) => new FollowedJournal(name, endpoint, context));
    this.#forgetting = setInterval(() => this.#forget(), forgetMs).unref();
  }

  /** Resolves when what was missed at first is fetched, as far as it can be had now. */
  get ready(): Promise<unknown> {
    return Promise.all(this.#journals.map(({ ready }) => ready));
  }

  /** Takes a heartbeat, of whatever journal. */
  hear(heartbeat: Heartbeat): void {
    const journals = this.#journals.filter(({ journal }) => journal === heartbeat.journal);
    for (const journal of journals) journal.beat(heartbeat);
    if (journals.length === 0) this.#wonder(heartbeat.journal);
  }

  /** A message with a `seq_id` came from the publisher of this name. */
  heardOf(name: string, seqId: unknown): void {
    if (!Number.isSafeInteger(seqId)) return;
    for (const journal of this.#journals) if (journal.name === name) journal.hear(seqId as number);
  }

  /** Whether a journal that gave something is followed, and still has it, as far as is known. */
  has(journal: string): boolean {
    return this.#journals.some((followed) => followed.journal === journal && followed.hasWhatItGave);
  }

  /** A connection was lost, and is there again. */
  reconnected(): void {
    for (const journal of this.#journals) journal.reconnected();
  }

  /** Fetches nothing any more. Idempotent. */
  async stop(): Promise<void> {
    this.#over.abort();
    clearInterval(this.#forgetting);
    await Promise.all(this.#journals.map(({ ended }) => ended));
  }

  /** After `stop`, and when nothing comes any more: asks the journals which pending messages they have. Takes seconds at most. */
  async vouch(signal?: AbortSignal): Promise<void> {
    const stop = () => this.#enough.abort();
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    if (this.ledger.unvouched > 0 && !this.#enough.signal.aborted) this.#vouching ??= this.#vouch();
    await this.#vouching;
    signal?.removeEventListener("abort", stop);
  }

  /** Ends. Idempotent. */
  async close(): Promise<void> {
    this.#enough.abort();
    await Promise.all([this.stop(), this.#vouching]);
  }

  async #vouch(): Promise<void> {
    const enough = this.#enough;
    const late = setTimeout(() => enough.abort(), vouchMs);
    const asking = this.#journals.map(async (journal) => {
      await journal.vouch(enough.signal);
      if (this.ledger.unvouched === 0) enough.abort();
    });
    await Promise.all(asking);
    clearTimeout(late);
  }

  #wonder(uuid: string): void {
    const now = performance.now();
    if (now < (this.#foreign.get(uuid) ?? 0)) return;
    if (this.#foreign.size >= foreignMax) this.#foreign.clear();
    this.#foreign.set(uuid, now + foreignMs);
    for (const journal of this.#journals) journal.suspect();
  }

  /** Keys of what every journal has behind it are of no use any more. */
  #forget(): void {
    const { store, keysMax } = this.#options;
    const behind = Math.min(...this.#journals.map(({ completeAt }) => completeAt ?? 0));
    store.forget(Math.max(behind, store.handled - keysMax));
  }
}

/** Reads the frames of a heartbeat, or of what pretends to be one. Never throws. */
export function readHeartbeat(topic: Uint8Array, body: Uint8Array): Heartbeat | undefined {
  if (body.byteLength > heartbeatBytesMax) return undefined;
  try {
    return parseHeartbeat(decodeText(topic), (JSON.parse(decodeText(body)) as { msg?: unknown } | null)?.msg);
  } catch {
    return undefined; // Whatever it is, it is none.
  }
}

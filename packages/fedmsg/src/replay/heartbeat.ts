/**
 * Heartbeats: what a journalled publisher or relay says, on the same socket, about what it sent before. A subscriber that
 * compares them with what it saw knows what it misses, whatever its filter and however many paths a message may take.
 *
 * ```
 * topic:  _heartbeat.<UUID of the journal>
 * msg:    { "journal": UUID, "from": n, "to": n, "topics": { "<topic>": "<base64 of the keys, 8 bytes each>" } }
 * ```
 *
 * It lists the entries behind `from` up to `to`, and comes after them. An idle one lists nothing: then `from` = `to`. It is
 * sent after 1,000 entries, 256 topics or a second, and every five seconds when nothing happens (docs/wire.md).
 */

import { messageKeyBytes } from "../crypto/index.ts";
import { digestOf } from "./beat-log.ts";

/** What all heartbeats' topics begin with. Old tools hide such topics. */
export const heartbeatPrefix = "_heartbeat.";
/** Entries that one heartbeat lists at most. */
export const heartbeatEntriesMax = 1000;
/** Topics that one heartbeat lists at most. */
export const heartbeatTopicsMax = 256;

/** A heartbeat, taken apart. */
export interface Heartbeat {
  readonly journal: string;
  /** It lists what lies behind this position, */
  readonly from: number;
  /** up to this one. */
  readonly to: number;
  /** By topic: keys, in the order of their positions. */
  readonly topics: ReadonlyMap<string, readonly Buffer[]>;
  /** Of its `msg` (`digestOf`). */
  readonly digest: Buffer;
}

/** The `msg` of a heartbeat, as it is sent. */
export interface HeartbeatBody {
  readonly journal: string;
  readonly from: number;
  readonly to: number;
  /** By topic: keys as base64. */
  readonly topics: Readonly<Record<string, string>>;
}

/** The topic that the heartbeats of a journal have. */
export function heartbeatTopic(journal: string): string {
  return `${heartbeatPrefix}${journal}`;
}

/** Gathers what the next heartbeat lists. */
export class HeartbeatBuilder {
  readonly #journal: string;
  #from: number;
  #to: number;
  #count = 0;
  #topics = new Map<string, ListedKeys>();

  /** @param head the position before the first entry that it will list */
  constructor(journal: string, head: number) {
    this.#journal = journal;
    this.#from = head;
    this.#to = head;
  }

  /** Entries that wait to be listed. */
  get count(): number {
    return this.#count;
  }

  /** Whether it is time to send it, whatever the clock says. */
  get isFull(): boolean {
    return this.#count >= heartbeatEntriesMax || this.#topics.size >= heartbeatTopicsMax;
  }

  /** Notes an entry. Positions come without holes. */
  add(position: number, topic: string, key: Uint8Array): void {
    this.#to = position;
    this.#count++;
    const keys = this.#topics.get(topic) ?? new ListedKeys();
    if (keys.isEmpty) this.#topics.set(topic, keys);
    keys.add(key);
  }

  /** The `msg` of the heartbeat that is due now; begins the next one. */
  take(): HeartbeatBody {
    const topics = [...this.#topics].map(([topic, keys]) => [topic, keys.toBase64()]);
    const msg = { journal: this.#journal, from: this.#from, to: this.#to, topics: Object.fromEntries(topics) };
    this.#from = this.#to;
    this.#count = 0;
    this.#topics = new Map();
    return msg;
  }
}

/** The keys of one topic, in bytes of their own: as an array of them, they would be in the collector's way. */
class ListedKeys {
  #bytes = Buffer.allocUnsafe(8 * messageKeyBytes);
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(key: Uint8Array): void {
    if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, this.#bytes]);
    this.#bytes.set(key, this.#length);
    this.#length += messageKeyBytes;
  }

  toBase64(): string {
    return this.#bytes.toString("base64", 0, this.#length);
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads a heartbeat. Whatever a stranger sends, it is one or it is not: nothing throws.
 *
 * @param topic of the message
 * @param msg its `msg`
 * @returns `undefined` where it is none, contradicts itself, or lists more than a heartbeat may
 */
export function parseHeartbeat(topic: string, msg: unknown): Heartbeat | undefined {
  if (typeof msg !== "object" || msg === null) return undefined;
  const { journal, from, to, topics } = msg as Record<string, unknown>;
  if (typeof journal !== "string" || !uuid.test(journal) || topic !== heartbeatTopic(journal)) return undefined;
  if (!isPosition(from) || !isPosition(to) || to < from || to - from > heartbeatEntriesMax) return undefined;
  if (typeof topics !== "object" || topics === null || Array.isArray(topics)) return undefined;
  const names = Object.keys(topics);
  if (names.length > heartbeatTopicsMax) return undefined;
  const listed = new Map<string, readonly Buffer[]>();
  let count = 0;
  for (const name of names) {
    const keys = parseKeys((topics as Record<string, unknown>)[name], to - from - count);
    if (!keys) return undefined;
    listed.set(name, keys);
    count += keys.length;
  }
  return count === to - from ? { journal, from, to, topics: listed, digest: digestOf(msg) } : undefined;
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** At least one key, at most so many. */
function parseKeys(text: unknown, most: number): Buffer[] | undefined {
  if (typeof text !== "string" || text.length > Math.ceil((most * messageKeyBytes) / 3) * 4 || !base64.test(text))
    return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0 || bytes.length % messageKeyBytes !== 0 || bytes.length / messageKeyBytes > most)
    return undefined;
  return Array.from({ length: bytes.length / messageKeyBytes }, (_, n) =>
    bytes.subarray(n * messageKeyBytes, (n + 1) * messageKeyBytes),
  );
}

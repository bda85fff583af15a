/**
 * Reads messages from a history service, as datagrepper answers `/raw`: page by page, the oldest first. Whatever goes wrong is
 * told, and asked again after a pause that doubles; there is no end to that but the caller's signal, so nothing is passed over
 * because a service was down. What the service cannot give within the bounds is told, and passed over.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Received } from "fedmsg";
import { fixDatagrepperMessage, passingReasons, type Reason } from "fedmsg/crypto";
import { dumps } from "fedmsg/encoding";
import {
  compileTopics,
  countOf,
  type Decoded,
  decodeMessage,
  type Judgement,
  type TopicMatcher,
  toLine,
} from "fedmsg/plugin";
import { fetchPage, HistoryError, type HistoryPage } from "./page.ts";

/** A message from history, as good as one that came live: `name` is `datagrepper`, `endpoint` the URL without what is secret. */
export type MissedMessage = Received;

/** What to fetch, and from where. */
export interface FetchBacklogOptions {
  /** Of `/raw`: http or https. */
  readonly url: string | URL;
  /** Seconds since the epoch, both included. */
  readonly start: number;
  readonly end: number;
  /** Patterns as `compileTopics` reads them. */
  readonly topics: readonly string[];
  /** Judges a message as a live one, whatever its age. Default: nobody looks. */
  readonly validate?: ((message: Valid) => Judgement | Promise<Judgement>) | undefined;
  /** Ends it, without an error. */
  readonly signal: AbortSignal;
  /** Hears what goes wrong. Must not throw. */
  readonly onWarning: (detail: string) => void;
  /** Default 100. */
  readonly rowsPerPage?: number | undefined;
  /** The longest body that is taken, in bytes. Default: `bodyBytesMaxDefault`. */
  readonly bodyBytesMax?: number | undefined;
  /** Bounds of an answer. Default 64 MiB, 120,000 ms. */
  readonly answer?: { readonly bytesMax?: number; readonly timeoutMs?: number } | undefined;
  /** The first and the longest pause before it asks again, in ms. Default 1000 and 300,000. */
  readonly pauses?: { readonly firstMs: number; readonly mostMs: number } | undefined;
}

type Valid = Extract<Decoded, { valid: true }>;

/** A service that always has one more page is not asked for ever. */
const pagesMax = 1_000_000;

/** See the top of the file. */
export async function* fetchBacklog(options: FetchBacklogOptions): AsyncGenerator<MissedMessage, void> {
  const { signal, rowsPerPage = 100 } = options;
  const reader = new MessageReader(options);
  const pauses = new Pauses(options);
  let rows = rowsPerPage;
  let offset = 0;
  for (let asked = 0; asked < pagesMax && !signal.aborted; asked++) {
    const page = offset / rows + 1;
    const answer = await askPage(options, page, rows);
    if (answer instanceof HistoryError) {
      if (signal.aborted || (answer.kind === "refused" && page > 1 && reader.isEndAt(page))) return;
      if (answer.kind !== "too-large") await pauses.next(answer.message, answer.retryAfterMs);
      else if (rows > 1) rows = rows % 10 === 0 ? rows / 10 : 1;
      else offset = passOver(options, offset, answer);
      continue;
    }
    pauses.over();
    for (const raw of answer.messages) {
      const message = await reader.read(raw, pauses);
      if (signal.aborted) return;
      if (message) yield message;
    }
    reader.tellRefused();
    if (answer.messages.length === 0 || (answer.messages.length < rows && page >= (answer.pages ?? page))) return;
    reader.ended(page, answer.pages);
    offset += rows;
    if (offset % rowsPerPage === 0) rows = rowsPerPage;
  }
  if (!signal.aborted)
    options.onWarning(`${place(options.url)}: there is no end of pages; what comes after is not fetched`);
}

/** Where it is asked, without what is secret. */
export function place(url: string | URL): string {
  const { origin, pathname } = new URL(url);
  return toLine(`${origin}${pathname}`, 200);
}

async function askPage(options: FetchBacklogOptions, page: number, rows: number): Promise<HistoryPage | HistoryError> {
  const { start, end, signal, answer } = options;
  try {
    return await fetchPage({ url: new URL(options.url), start, end, page, rows, signal, ...answer });
  } catch (error) {
    return error instanceof HistoryError ? error : new HistoryError("failed", String(error));
  }
}

/** A single message that is larger than any may be. */
function passOver(
  { url, onWarning, start, end }: FetchBacklogOptions,
  offset: number,
  { message }: HistoryError,
): number {
  onWarning(`${place(url)}: message ${offset + 1} from ${start} to ${end} is passed over: ${message}`);
  return offset + 1;
}

/** Makes messages of what a service answers. */
class MessageReader {
  readonly #options: FetchBacklogOptions;
  readonly #topics: TopicMatcher;
  #refused = 0;
  #firstRefused = "";
  #lastPage: number | undefined;

  constructor(options: FetchBacklogOptions) {
    this.#options = options;
    this.#topics = compileTopics(options.topics);
  }

  /** A page was full; the service may have said that it is the last. */
  ended(page: number, pages: number | undefined): void {
    this.#lastPage = pages !== undefined && page >= pages ? page : undefined;
  }

  /** Whether a page that is refused is simply not there. */
  isEndAt(page: number): boolean {
    return this.#lastPage !== undefined && page > this.#lastPage;
  }

  /** Nothing where it is not wanted, or none that anybody vouches for. Waits where that cannot be said at the moment. */
  async read(raw: unknown, pauses: Pauses): Promise<MissedMessage | undefined> {
    if (!(raw instanceof Map)) return this.#refuse("not a JSON object");
    const topic = raw.get("topic");
    if (typeof topic !== "string") return this.#refuse("it has no topic");
    if (!this.#topics.matches(topic)) return undefined;
    const decoded = this.#decode(raw, topic);
    if (!decoded.valid) return this.#refuse(decoded.detail);
    const { validate = () => unchecked, signal } = this.#options;
    for (;;) {
      const judgement = await validate(decoded);
      if (judgement.accepted) {
        const { trust, signer } = judgement;
        const { message, body } = decoded;
        const from = { name: "datagrepper", endpoint: place(this.#options.url) };
        return { ...from, topic, message, body, trust, ...(signer !== undefined && { signer }) };
      }
      if (!passingReasons.has(judgement.reason as Reason)) return this.#refuse(judgement.detail);
      await pauses.next(`it cannot be said whose ${toLine(topic, 100)} is: ${judgement.detail}`);
      if (signal.aborted) return undefined;
    }
  }

  #decode(raw: Map<unknown, unknown>, topic: string): Decoded {
    try {
      const body = Buffer.from(dumps(fixDatagrepperMessage(raw)));
      return decodeMessage([Buffer.from(topic), body], this.#options.bodyBytesMax);
    } catch (error) {
      return { valid: false, reason: "not-json", detail: toLine((error as Error).message, 200), topic };
    }
  }

  #refuse(detail: string): undefined {
    if (this.#refused++ === 0) this.#firstRefused = detail;
    return undefined;
  }

  /** One line for a page, however many there were. */
  tellRefused(): void {
    const { url, onWarning } = this.#options;
    if (this.#refused > 0)
      onWarning(
        `${place(url)}: ${countOf(this.#refused, "message is", "messages are")} refused; the first: ${this.#firstRefused}`,
      );
    this.#refused = 0;
  }
}

const unchecked: Judgement = { accepted: true, trust: "unchecked" };

/** Pauses that double as long as nothing works, the second half of each at random. */
class Pauses {
  readonly #options: FetchBacklogOptions;
  #failures = 0;

  constructor(options: FetchBacklogOptions) {
    this.#options = options;
  }

  /** Tells what went wrong, and waits. */
  async next(detail: string, atLeastMs = 0): Promise<void> {
    const { url, onWarning, signal, pauses = { firstMs: 1000, mostMs: 300_000 } } = this.#options;
    const most = Math.min(pauses.mostMs, pauses.firstMs * 2 ** Math.min(this.#failures++, 30));
    const ms = Math.max(atLeastMs, most * (0.5 + Math.random() / 2));
    onWarning(
      `${place(url)}: what was missed cannot be fetched: ${detail}; it is asked again in ${(ms / 1000).toFixed(1)} s`,
    );
    await delay(ms, undefined, { signal, ref: false }).catch(() => {});
  }

  /** Something works. */
  over(): void {
    this.#failures = 0;
  }
}

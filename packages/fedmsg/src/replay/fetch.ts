/**
 * Fetches what was missed, page by page, or by ranges from a Python server. Whoever loops over it holds one page at a time,
 * and the next one is asked for when the loop does.
 *
 * What fails is tried again after a pause, over a new connection: time-outs, lost connections, and servers that ask for
 * patience. A time-out also asks for less at a time, since what was asked for may be too much for the line. Each answer asks for
 * twice as much again, but not for as much as timed out last; after so many answers in a row for that, too, as the line may have
 * been slow for a moment only.
 */

import { setTimeout as delay } from "node:timers/promises";
import { FedmsgError } from "../errors.ts";
import { type AskOptions, aborted, ReplayLine } from "./client.ts";
import { type PageHeader, parseHeader } from "./header.ts";
import { noMatch, pageQuestion, queryLimits, type ReplayQuery } from "./query.ts";

/** Options of {@link fetchPages} and {@link fetchRange}. */
export interface FetchOptions extends AskOptions {
  /** How often the same is asked for before it is given up. Default 5. */
  readonly triesMax?: number | undefined;
  /** First pause before something is asked for again, in ms; pauses double up to 5 s and vary by half. Default 100. */
  readonly retryMs?: number | undefined;
}

/** What is fetched, and how. */
export interface PagesOptions extends FetchOptions {
  /** The position before the first that is wanted. */
  readonly after: number;
  /**
   * Beginnings of topics. Default: all. Where they are more than a server takes, everything is asked for: whoever asks
   * looks at what it gets.
   */
  readonly topics?: readonly string[] | undefined;
  /** Messages of a page. Default 1000. */
  readonly limit?: number | undefined;
  /** The last position that is wanted; with `topics`, the last page may go beyond. Default: the head at the first page. */
  readonly through?: number | undefined;
  /** The UUID that the journal must have. Default: the one of the first page. */
  readonly journal?: string | undefined;
}

/** A page. Everything from the page before to `header.through` that matches is in it, if it was still there. */
export interface FetchedPage {
  readonly header: PageHeader;
  readonly bodies: readonly Buffer[];
}

/** Messages of a range of `seq_id`s. */
export interface FetchedRange {
  readonly from: number;
  readonly to: number;
  /** Those that are there; none where none is. */
  readonly bodies: readonly Buffer[];
}

/** What {@link fetchInfo} asks for. */
export interface InfoOptions extends FetchOptions {
  /** Seconds since the epoch: `through` of the answer is the last position that was appended by then. Default: the head. */
  readonly time?: number | undefined;
  /** Positions of which `beats` of the answer shall be the digest of what heartbeats said. */
  readonly beats?: readonly [from: number, to: number] | undefined;
}

/** Answers in a row, after which it asks for as much as timed out before. */
const goodMin = 16;
/** Pages in a row that may hold nothing. */
const emptyPagesMax = 1000;
const retryMaxMs = 5000;

/**
 * What a journal says of itself.
 *
 * @throws FedmsgError as {@link fetchPages}
 */
export async function fetchInfo(endpoint: string, options: InfoOptions = {}): Promise<PageHeader> {
  const { time, beats } = options;
  const asking = new Asking(endpoint, options, 1);
  try {
    return await asking.ask(
      () => ({ info: true, ...(time !== undefined && { time }), ...(beats && { beats }) }),
      ([first]) => parseHeader(first ?? Buffer.alloc(0)),
    );
  } finally {
    await asking.close();
  }
}

/**
 * Pages behind a position, until the journal's head at the first page, or `through`. At least one, unless `through` is not
 * behind `after`. Where the head is before `after`, there is one page without messages, whose header says so.
 *
 * @throws FedmsgError FEDMSG_UNSUPPORTED (a Python server: see {@link fetchRange}), FEDMSG_TIMEOUT, FEDMSG_TRANSPORT (lost, an
 *   answer that cannot be, a refusal, another journal than before), FEDMSG_ABORTED, FEDMSG_ADDRESS_INVALID
 */
export async function* fetchPages(endpoint: string, options: PagesOptions): AsyncGenerator<FetchedPage, void, void> {
  const { topics, through: wanted } = options;
  if (wanted !== undefined && wanted <= options.after) return;
  const asking = new Asking(endpoint, options, options.limit ?? queryLimits.pageEntriesMax);
  let { after, journal } = options;
  let target = wanted;
  let empty = 0;
  try {
    for (;;) {
      const limit = topics?.length || wanted === undefined ? undefined : Math.max(1, wanted - after);
      const page = await asking.ask(
        (most) => pageQuestion(after, Math.min(most, limit ?? most), topics),
        (frames, most) => readPage(frames, after, most, journal),
      );
      journal = page.header.journal;
      target = Math.min(target ?? page.header.head, page.header.head);
      empty = page.bodies.length > 0 ? 0 : empty + 1;
      yield page;
      if (page.header.through >= target) return;
      if (page.header.through <= after) throw asking.fault(`it does not go on behind ${after}`);
      if (empty >= emptyPagesMax) throw asking.fault(`it gave ${empty} pages without a message`);
      after = page.header.through;
    }
  } finally {
    await asking.close();
  }
}

/**
 * Messages by their `seq_id`, from the first to the last, both included, in pieces: what a Python server can be asked for.
 * Those that are not there are left out. Where the server's `seq_id_range` is broken, as the Python system's own is, each is
 * asked for by name.
 *
 * @throws FedmsgError as {@link fetchPages}
 */
export async function* fetchRange(
  endpoint: string,
  from: number,
  to: number,
  options: FetchOptions & {
    /** Messages that are asked for at a time. Default 500. */
    readonly limit?: number | undefined;
  } = {},
): AsyncGenerator<FetchedRange, void, void> {
  const asking = new Asking(endpoint, options, options.limit ?? 500);
  let byName = false;
  try {
    for (let at = from; at <= to; ) {
      let last = at;
      try {
        const bodies = await asking.ask(
          (most) => {
            last = Math.min(to, at + most - 1);
            return byName ? { seq_ids: positions(at, last) } : { seq_id_range: [at, last] };
          },
          (frames) =>
            frames.length <= last - at + 1 ? frames : `it gave ${frames.length} messages for ${at} to ${last}`,
        );
        yield { from: at, to: last, bodies };
        at = last + 1;
      } catch (error) {
        if (byName || !(error instanceof FedmsgError && error.cause instanceof RangeRefusal)) throw error;
        byName = true;
      }
    }
  } finally {
    await asking.close();
  }
}

/** A page from frames, or what is wrong with them. */
function readPage(
  frames: readonly Buffer[],
  after: number,
  limit: number,
  journal: string | undefined,
): FetchedPage | string | OtherJournal {
  const [first, ...bodies] = frames;
  const header = parseHeader(first ?? Buffer.alloc(0));
  if (typeof header === "string") return header;
  if (journal !== undefined && header.journal !== journal) {
    return new OtherJournal(`its journal is ${header.journal}, not ${journal}`);
  }
  const last = Math.max(after, header.head);
  if (header.through < after && header.through !== header.head) return `it goes back behind ${after}`;
  if (bodies.length > Math.min(limit, Math.max(0, last - after))) return `it gave ${bodies.length} messages`;
  if (bodies.length > Math.max(0, header.through - after)) return "it gave more messages than there are positions";
  return { header, bodies };
}

function positions(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

/** A Python server's range query failed in itself. */
class RangeRefusal extends Error {}

/** A page is of another journal than the one that was meant. */
class OtherJournal extends Error {}

/** Whether {@link fetchPages} threw this, as the journal is another one. */
export function isOtherJournal(error: unknown): boolean {
  return error instanceof FedmsgError && error.cause instanceof OtherJournal;
}

/** Asks one thing after the other, each until it is answered. */
class Asking {
  readonly #endpoint: string;
  readonly #options: FetchOptions;
  #line: ReplayLine | undefined;
  /** How much is asked for at a time, */
  #most: number;
  /** and how much at most: less where the server said that so much is too large. */
  #ceiling: number;
  /** What timed out last, until there were {@link goodMin} answers in a row, */
  #tooSlow = Infinity;
  /** and how many there were. */
  #good = 0;

  constructor(endpoint: string, options: FetchOptions, most: number) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#most = Math.max(1, most);
    this.#ceiling = this.#most;
  }

  /**
   * Asks until there is an answer.
   *
   * @param write the question, for so much at most
   * @param read what the frames mean, or what is wrong with them
   */
  async ask<T extends object>(
    write: (most: number) => ReplayQuery,
    read: (frames: readonly Buffer[], most: number) => T | string | Error,
  ): Promise<T> {
    const { triesMax = 5, retryMs = 100, signal } = this.#options;
    for (let tries = 1; ; tries++) {
      const most = this.#most;
      const outcome = await this.#tryOnce(write(most));
      if (outcome.kind === "frames") {
        this.#noteGood(most);
        const value = read(outcome.frames, most);
        if (typeof value === "string") throw this.fault(value);
        if (value instanceof Error) throw this.fault(value.message, value);
        return value;
      }
      const { error, ask } = outcome;
      if (ask === "less" && most > 1) {
        this.#most = Math.ceil(most / 4);
        this.#ceiling = this.#most;
        tries--;
        continue;
      }
      if (ask !== "again" || tries >= triesMax) throw error;
      if (error.code === "FEDMSG_TIMEOUT") this.#noteSlow(most);
      await this.#pause(Math.min(retryMaxMs, retryMs * 2 ** (tries - 1)), signal);
    }
  }

  #noteGood(most: number): void {
    if (++this.#good >= goodMin) this.#tooSlow = Infinity;
    if (most * 2 < this.#tooSlow) this.#most = Math.min(this.#ceiling, most * 2);
  }

  #noteSlow(most: number): void {
    this.#good = 0;
    this.#tooSlow = most;
    this.#most = Math.ceil(most / 4);
  }

  async #tryOnce(query: ReplayQuery): Promise<Outcome> {
    try {
      this.#line ??= new ReplayLine(this.#endpoint, this.#options);
      const answer = await this.#line.ask(query, this.#options.signal);
      return answer.kind === "frames" ? answer : this.#refused(answer.text);
    } catch (thrown) {
      const wasTooMuch = this.#line?.isCut;
      await this.close();
      const error = FedmsgError.from(thrown);
      const again = error.code === "FEDMSG_TIMEOUT" || error.code === "FEDMSG_TRANSPORT";
      return { kind: "failed", error, ask: wasTooMuch ? "less" : again ? "again" : "never" };
    }
  }

  #refused(text: string): Outcome {
    if (text === noMatch) return { kind: "frames", frames: [] };
    if (text.startsWith("Unsupported field")) {
      const error = new FedmsgError("FEDMSG_UNSUPPORTED", `the replay server at ${this.#endpoint} knows no pages`);
      return { kind: "failed", error, ask: "never" };
    }
    const cause = text.includes('"seq_id_range"') ? new RangeRefusal(text) : undefined;
    const ask = text.startsWith("The answer has") ? "less" : /ask again later$/.test(text) ? "again" : "never";
    return { kind: "failed", error: this.fault(`it said ${JSON.stringify(text.slice(0, 200))}`, cause), ask };
  }

  fault(what: string, cause?: Error): FedmsgError {
    const message = `the replay server at ${this.#endpoint}: ${what}`;
    return new FedmsgError("FEDMSG_TRANSPORT", message, cause && { cause });
  }

  async #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await delay(ms * (0.5 + Math.random()), undefined, { signal });
    } catch {
      throw aborted(signal as AbortSignal);
    }
  }

  async close(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    await line?.close();
  }
}

type Outcome =
  | { readonly kind: "frames"; readonly frames: readonly Buffer[] }
  | { readonly kind: "failed"; readonly error: FedmsgError; readonly ask: "again" | "less" | "never" };

import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { wordsOf } from "../reasons.ts";
import { fetchText, type Validators } from "./fetch-text.ts";
import type { AnySlot } from "./slot.ts";
import type { Source } from "./source.ts";

const tries = 3;
const retryFirstMs = 5000;
const retryMaxMs = 300_000;
/** A list that is out of date, or whose `crl_cache_expiry` is 0, is asked for no more often. */
const refetchMinMs = 60_000;

/** How a URL is kept up to date. */
export interface UrlOptions {
  readonly fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The file in which the last good answer is kept for a start without network. */
  readonly cache: string | null;
  /** Fetch again so many milliseconds later; infinite for never. */
  readonly expiryMs: number;
}

/**
 * A URL, fetched again when its time has come: `*_cache_expiry` after the last answer, or when what it gave expires.
 * What fails three times in a row is tried again after 5 s, then twice as long each time, up to 5 minutes.
 */
export class UrlSource implements Source {
  readonly #slot: AnySlot;
  readonly #url: string;
  readonly #options: UrlOptions;
  readonly #closing = new AbortController();
  #known: Validators = {};
  #dueAt = 0;
  #retryMs = retryFirstMs;
  #running: Promise<void> | undefined;

  constructor(slot: AnySlot, url: string, options: UrlOptions) {
    this.#slot = slot;
    this.#url = url;
    this.#options = options;
  }

  /** What was kept is in force until the first answer comes, which is waited for only where nothing was. */
  async start(): Promise<void> {
    const { cache } = this.#options;
    const text = cache === null ? undefined : await readFile(cache, "latin1").catch(() => undefined);
    const kept = text !== undefined && this.#slot.accept(text, `from ${cache}, until it is fetched`);
    const fetched = this.refresh();
    if (!kept) await fetched;
  }

  tick(now: number): void {
    if (now >= this.#dueAt) void this.refresh();
  }

  recheck(): void {} // A request per refused message would be a stranger's to send.

  refresh(): Promise<void> {
    this.#running ??= this.#load().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  close(): void {
    this.#closing.abort();
  }

  async #load(): Promise<void> {
    const { signal } = this.#closing;
    let failure: string | undefined;
    for (let n = 0; n < tries && !signal.aborted; n++) {
      try {
        await this.#fetchOnce(signal);
        return this.#plan(true);
      } catch (error) {
        failure = error instanceof Unusable ? undefined : describe(error);
      }
    }
    if (signal.aborted) return;
    if (failure !== undefined) this.#slot.fail(failure);
    this.#plan(false);
  }

  async #fetchOnce(signal: AbortSignal): Promise<void> {
    const known = this.#slot.value === undefined ? {} : this.#known;
    const fetched = await fetchText(this.#url, { fetch: this.#options.fetch, known, signal });
    if (signal.aborted) return;
    if (fetched === "not-modified") return this.#slot.confirm();
    if (!this.#slot.accept(fetched.text)) throw new Unusable();
    this.#known = { etag: fetched.etag, lastModified: fetched.lastModified };
    await this.#keep(fetched.text);
  }

  #plan(succeeded: boolean): void {
    const now = this.#options.now();
    if (!succeeded || this.#slot.value === undefined) {
      this.#dueAt = now + this.#retryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, retryMaxMs);
      return;
    }
    this.#retryMs = retryFirstMs;
    this.#dueAt = Math.max(Math.min(now + this.#options.expiryMs, this.#slot.expiresAt), now + refetchMinMs);
  }

  /** Writes beside the file and renames, so that nobody finds half of it. */
  async #keep(text: string): Promise<void> {
    const { cache } = this.#options;
    if (cache === null) return;
    const beside = `${cache}.${randomUUID()}`;
    try {
      await writeFile(beside, text, "latin1");
      await rename(beside, cache);
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      this.#slot.fail(`no copy can be kept in ${cache} (${String((error as NodeJS.ErrnoException).code)})`);
    }
  }
}

/** An answer that holds nothing that could be in force; the slot has said why. */
class Unusable extends Error {}

/** What failed, without the address: `fetch` quotes a password in it. */
function describe(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown } } | undefined)?.cause;
  if (typeof cause?.code === "string") return `it cannot be fetched (${cause.code})`;
  if (error instanceof TypeError) return "it cannot be fetched";
  if (error instanceof DOMException)
    return error.name === "TimeoutError" ? "the server takes too long" : "it was not fetched";
  return wordsOf(error);
}

/**
 * What a consumer missed while its hub was down, the old way: from its status file and a history service, where both
 * `status_directory` and `datagrepper_url` are set (`fedmsg/consumers/__init__.py`). Unlike a journal's replay it is bound to the
 * clocks of publishers and to what the service has; what is in doubt is handled again rather than never.
 */

import { setTimeout as delay } from "node:timers/promises";
import { FedmsgError } from "fedmsg";
import type { Config } from "fedmsg/config";
import { type ConsumerDefinition, Trust, toLine } from "fedmsg/plugin";
import { type FetchBacklogOptions, fetchBacklog, type MissedMessage, place } from "./fetch-backlog.ts";
import { type Noted, Progress } from "./progress.ts";
import { type LoadedStatus, StatusFile, statusPath } from "./status-file.ts";

/** Messages that were sent just before the start may not be in history yet: it is read again after so many ms. */
const settleMsDefault = 5000;
/** How far back, in seconds. */
const settleSeconds = 60;

/** What a backlog needs. */
export interface BacklogOptions {
  readonly config: Config;
  /** A definition will do. */
  readonly consumer: Pick<ConsumerDefinition, "name" | "validateSignatures" | "allowUnsigned">;
  /** Such as `fedmsg-hub`; the folder of the status file. */
  readonly processName: string;
  /** Those of the consumer. */
  readonly topics: readonly string[];
  /** Hears what somebody should know: a status file that makes no sense, a service that fails. Must not throw. */
  readonly onWarning: (detail: string) => void;
  /** Ends what waits. */
  readonly signal: AbortSignal;
  /** For tests: bounds and pauses of the fetching; `settleMs`: default 5000, 0 for not at all. */
  readonly fetching?: Pick<FetchBacklogOptions, "answer" | "pauses" | "rowsPerPage"> & { readonly settleMs?: number };
}

/**
 * Opens what a consumer notes about itself, and what it missed.
 *
 * @returns `undefined` where `status_directory` or `datagrepper_url` is not set
 * @throws FedmsgError FEDMSG_CONFIG_INVALID where `datagrepper_url` is no http or https URL
 */
export async function openBacklog(options: BacklogOptions): Promise<Backlog | undefined> {
  const { config, consumer, processName, onWarning } = options;
  const { status_directory: directory, datagrepper_url: address } = config;
  if (!directory || !address) return undefined;
  const url = parseUrl(address);
  const path = statusPath(directory, processName, consumer.name);
  let progress: Progress | undefined;
  const file = new StatusFile(path, () => progress?.describe(), onWarning);
  const loaded = await file.load();
  progress = new Progress(loaded);
  return new Backlog({ ...options, url, file, loaded, progress });
}

interface BacklogParts extends BacklogOptions {
  readonly url: URL;
  readonly file: StatusFile;
  readonly loaded: LoadedStatus | undefined;
  readonly progress: Progress;
}

/** See {@link openBacklog}. */
export class Backlog {
  readonly #parts: BacklogParts;
  readonly #ending = new AbortController();
  readonly #onAbort = () => this.#ending.abort();
  readonly #openedAt = Date.now();
  #judging: ReturnType<Trust["createJudge"]> | undefined;
  #isToPassOver: boolean;

  /** @internal */
  constructor(parts: BacklogParts) {
    this.#parts = parts;
    const { loaded, signal, config } = parts;
    // Of a file of ours it is known whether anything was being worked on.
    this.#isToPassOver = config.skip_last_message && loaded !== undefined && loaded.inHand !== 0;
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#ending.abort();
  }

  /**
   * What was missed since the file was last written, the oldest first. Waits and asks again while the service fails, so take
   * live messages beside it. To be called once. Each message must be given to {@link done} in the end, also one that the
   * consumer's filter passes over: before that nothing that came later is noted.
   */
  async *missed(): AsyncGenerator<MissedMessage, void> {
    const { loaded, progress, file, fetching: { settleMs = settleMsDefault } = {} } = this.#parts;
    const { signal } = this.#ending;
    if (!loaded) return;
    const end = Math.ceil(this.#openedAt / 1000);
    const start = Math.min(Math.floor(loaded.since), end);
    yield* this.#fetch(start, end, loaded);
    const left = this.#openedAt + settleMs - Date.now();
    if (settleMs > 0) {
      await delay(Math.max(0, left), undefined, { signal, ref: false }).catch(() => {});
      yield* this.#fetch(Math.max(start, end - settleSeconds), end, loaded);
    }
    if (signal.aborted) return;
    progress.fetched();
    file.changed();
  }

  /** A message, live or missed, is in the consumer's hands. */
  began(received: Noted): void {
    this.#parts.progress.began(received);
    this.#parts.file.changed();
  }

  /** It is done with: handled, a dead letter, or passed over. */
  done(received: Noted): void {
    if (this.#parts.progress.done(received)) this.#parts.file.changed();
  }

  /** Ends what waits, and writes down how far the consumer is. Idempotent. */
  async close(): Promise<void> {
    this.#parts.signal.removeEventListener("abort", this.#onAbort);
    this.#ending.abort();
    await this.#parts.file.close();
  }

  async *#fetch(start: number, end: number, loaded: LoadedStatus): AsyncGenerator<MissedMessage, void> {
    const { url, topics, config, fetching, onWarning, progress, file } = this.#parts;
    const { signal } = this.#ending;
    if (signal.aborted) return;
    const judge = await this.#judge();
    const validate: FetchBacklogOptions["validate"] = (message) => judge.judge(message, "whenever");
    const { bodyBytesMax } = config;
    const options = { url, start, end, topics, validate, signal, onWarning, bodyBytesMax, ...fetching };
    for await (const message of fetchBacklog(options)) {
      if (progress.isKnown(message) || this.#isLast(message, loaded)) continue;
      progress.gave(message);
      if (this.#passesOver(message, loaded)) {
        progress.done(message);
        file.changed();
        continue;
      }
      yield message;
    }
  }

  /** The bus that messages came on is not needed: what they are held against is the same. It tells what it has to say itself. */
  #judge(): ReturnType<Trust["createJudge"]> {
    const { config, consumer } = this.#parts;
    this.#judging ??= Trust.open(config, { emit: () => {} }, this.#ending.signal).then((trust) =>
      trust.createJudge(consumer),
    );
    return this.#judging;
  }

  /** Whether it is the message that is done, by what the file says. */
  #isLast({ message }: MissedMessage, { status, msgId }: LoadedStatus): boolean {
    return status === "post" && msgId !== undefined && message.msg_id === msgId;
  }

  /** `skip_last_message`: the one that was being worked on, which is named, or comes behind the one that is. */
  #passesOver({ message, topic }: MissedMessage, { status, msgId }: LoadedStatus): boolean {
    if (!this.#isToPassOver || (status === "pre" && message.msg_id !== msgId)) return false;
    this.#isToPassOver = false;
    const which = toLine(`${String(message.msg_id)} (${topic})`, 200);
    this.#parts.onWarning(`${place(this.#parts.url)}: ${which} is passed over, as skip_last_message says`);
    return true;
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new FedmsgError(
    "FEDMSG_CONFIG_INVALID",
    `datagrepper_url: found ${JSON.stringify(text.slice(0, 100))}, expected an address that begins with http:// or https://`,
  );
}

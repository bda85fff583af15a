/** Everything that was published on a test bus, and what a test expects to be among it. */

import { FedmsgError } from "../errors.ts";
import type { Message } from "../wire/envelope.ts";
import { toLine } from "../wire/escape.ts";
import { compileTopics } from "../wire/topic.ts";
import { check, type Expected } from "./schema.ts";
import { show } from "./show.ts";

/** A message that was published on a test bus. */
export interface PublishedMessage<Msg = unknown> {
  readonly topic: string;
  /** The whole message, with its envelope. */
  readonly message: Message;
  /** What it has to say; where a schema was given, what the schema made of it. */
  readonly msg: Msg;
  /** The exact bytes of the body. */
  readonly body: Uint8Array;
  /** Whether the test itself said it, with `publish` or `feed`. */
  readonly byTest: boolean;
}

interface Entry {
  readonly published: PublishedMessage;
  isClaimed: boolean;
}

/** Messages that are kept: the newest. */
const keptMax = 100_000;
/** Messages that an error shows: the newest. */
const shownMax = 20;

/** See the top of the file. */
export class PublishedLog {
  readonly #beginning: string;
  readonly #waiting = new Set<() => void>();
  #entries: Entry[] = [];
  #added = 0;
  #isClosed = false;

  /** @param beginning what the topics of this bus begin with: prefix and environment, and a dot */
  constructor(beginning: string) {
    this.#beginning = beginning;
  }

  /** Everything, in order. */
  get all(): readonly PublishedMessage[] {
    return this.#entries.map(({ published }) => published);
  }

  add(published: PublishedMessage): void {
    this.#entries.push({ published, isClaimed: false });
    this.#added++;
    if (this.#entries.length >= 2 * keptMax) this.#entries = this.#entries.slice(-keptMax);
    this.#wake();
  }

  /** Ends all waiting. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** See `TestBus.expectPublished`. */
  async expect<Msg>(
    topic: string,
    expected: Expected<Msg> | undefined,
    timeoutMs: number,
  ): Promise<PublishedMessage<Msg>> {
    const deadline = performance.now() + timeoutMs;
    const matches = this.#matcher(topic);
    const misses = new Map<Entry, string>();
    for (;;) {
      const seen = this.#added;
      for (const entry of [...this.#entries]) {
        if (entry.isClaimed || entry.published.byTest || misses.has(entry)) continue;
        const checked = matches(entry.published.topic)
          ? await check(expected, entry.published.msg)
          : { isMet: false as const, why: "its topic is another" };
        if (!checked.isMet) misses.set(entry, checked.why);
        else if (!entry.isClaimed) {
          entry.isClaimed = true; // Nothing is awaited since it was found free.
          return { ...entry.published, msg: checked.value };
        }
      }
      if (await this.#more(seen, deadline)) continue;
      throw this.#unmet(`expectPublished(${show(topic, 200)})`, timeoutMs, misses);
    }
  }

  /** See `TestBus.expectNothingPublished`. */
  async expectNothing(topic: string, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    const matches = this.#matcher(topic);
    let seen: number;
    do {
      seen = this.#added;
      const found = this.#entries.find(
        ({ published, isClaimed }) => !isClaimed && !published.byTest && matches(published.topic),
      );
      if (found) {
        const what = `expectNothingPublished(${show(topic, 200)})`;
        throw new FedmsgError("FEDMSG_EXPECTATION", `${what}: found ${describe(found.published)}`);
      }
    } while (await this.#more(seen, deadline));
  }

  /** Resolves to whether there are more than so many; to false when the time is over. @throws FedmsgError FEDMSG_CLOSED */
  async #more(seen: number, deadline: number): Promise<boolean> {
    const leftMs = deadline - performance.now();
    if (this.#added === seen && leftMs > 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, leftMs);
        this.#waiting.add(wake);
      });
    }
    if (this.#added > seen) return true;
    if (this.#isClosed) throw new FedmsgError("FEDMSG_CLOSED", "the test bus was closed while a test waited for it");
    return false;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #matcher(topic: string): (published: string) => boolean {
    const isPattern = topic === "" || /[*#]/.test(topic);
    const pattern = isPattern ? compileTopics([topic]) : undefined;
    const matches = (part: string) => (pattern ? pattern.matches(part) : part === topic);
    return (published) => {
      const isOurs = published.startsWith(this.#beginning);
      return matches(published) || (isOurs && matches(published.slice(this.#beginning.length)));
    };
  }

  #unmet(what: string, timeoutMs: number, misses: ReadonlyMap<Entry, string>): FedmsgError {
    const others = this.#entries.filter(({ published }) => !published.byTest);
    const shown = others.slice(-shownMax).map((entry) => {
      const why = misses.get(entry) ?? "expectPublished gave it out already";
      return `\n  ${describe(entry.published)}: ${why}`;
    });
    const earlier = others.length > shown.length ? `\n  … and ${others.length - shown.length} before these` : "";
    const list = shown.length > 0 ? `what was published:${shown.join("")}${earlier}` : "nothing at all was published";
    return new FedmsgError("FEDMSG_EXPECTATION", `${what}: no such message within ${timeoutMs} ms; ${list}`);
  }
}

/** A message in one line. */
function describe({ topic, msg }: PublishedMessage): string {
  return `${toLine(topic, 200)} ${show(msg)}`;
}

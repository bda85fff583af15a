/**
 * The log of one plugin. A consumer that fails does so for every message, thousands of times a second: of what is told
 * under one heading, the first is written, and the rest are counted, every five seconds.
 */

import { type Log, toLine } from "fedmsg/plugin";

const reportMs = 5000;
/** Headings that are told apart; further ones share one. */
const headingsMax = 100;

/** A log that writes lines with the name of a plugin in front. */
export class PluginLog implements Log {
  readonly #log: Log;
  readonly #name: string;
  readonly #more = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log, name: string) {
    this.#log = log;
    this.#name = name;
  }

  debug(text: string): void {
    this.#log.debug(this.#line(text));
  }

  info(text: string): void {
    this.#log.info(this.#line(text));
  }

  warn(text: string): void {
    this.#log.warn(this.#line(text));
  }

  error(text: string): void {
    this.#log.error(this.#line(text));
  }

  /** Warns of something that may happen very often. @param heading what is the same each time */
  complain(heading: string, detail = ""): void {
    const known = this.#more.has(heading) || this.#more.size < headingsMax;
    const counted = known ? heading : "other complaints";
    const count = this.#more.get(counted);
    if (count === undefined) this.warn(detail ? `${heading}: ${detail}` : heading);
    this.#more.set(counted, (count ?? -1) + 1);
    this.#timer ??= setTimeout(() => this.flush(), reportMs).unref();
  }

  /** Writes what was only counted so far. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const counts = [...this.#more];
    this.#more.clear();
    for (const [heading, count] of counts) if (count > 0) this.warn(`${heading}: ${count} more`);
  }

  #line(text: string): string {
    return `${this.#name}: ${toLine(String(text), 2000)}`;
  }
}

import type { Log } from "../plugins/command.ts";

const linesMax = 1000;

/** A log that keeps its newest lines, for a test to look at. */
export class KeptLog implements Log {
  readonly #lines: string[] = [];

  /** `warn: audit: an attempt failed: …` */
  get lines(): readonly string[] {
    return [...this.#lines];
  }

  debug(text: string): void {
    this.#add("debug", text);
  }

  info(text: string): void {
    this.#add("info", text);
  }

  warn(text: string): void {
    this.#add("warn", text);
  }

  error(text: string): void {
    this.#add("error", text);
  }

  #add(level: keyof Log, text: string): void {
    this.#lines.push(`${level}: ${text}`);
    if (this.#lines.length > linesMax) this.#lines.shift();
  }
}

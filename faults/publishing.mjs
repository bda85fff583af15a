/** What the three publishers of a row are told to publish, and how far they are. */

import { setTimeout as delay } from "node:timers/promises";

/**
 * @typedef {1 | 2 | 3} PublisherNumber
 * @typedef {import("./programs/publisher.mjs").Go} Go
 */

/** How long publishers may take beyond their time. */
const patienceMs = 120_000;
const numbers = /** @type {const} */ ([1, 2, 3]);

export class Publishing {
  #records;
  #tell;
  /** When those who publish shall be done. */
  #until = 0;
  /** By publisher: how many it shall have got acknowledged. */
  #wanted = { 1: 0, 2: 0, 3: 0 };
  /**
   * @param {Readonly<Record<PublisherNumber, import("./tally.mjs").PublisherRecord>>} records
   * @param {(number: PublisherNumber, order: Go) => void} tell
   */
  constructor(records, tell) {
    this.#records = records;
    this.#tell = tell;
  }

  /**
   * Publishes, through all three alike, spread over so many seconds (0: as fast as it goes).
   *
   * @param {number} messages
   * @param {number} seconds
   */
  async publish(messages, seconds) {
    for (const number of numbers) this.#wanted[number] += Math.ceil(messages / 3);
    this.#until = performance.now() + seconds * 1000;
    for (const number of numbers) this.goOn(number);
    await Promise.all(numbers.map((number) => this.#published(number)));
  }

  /** Tells a publisher what is left for it: at first, and when it was started again. @param {PublisherNumber} number */
  goOn(number) {
    const count = this.#left(number);
    const seconds = Math.max(0, this.#until - performance.now()) / 1000;
    if (count > 0) this.#tell(number, { type: "go", count, seconds });
  }

  /** @param {PublisherNumber} number */
  #left(number) {
    return this.#wanted[number] - this.#records[number].read().acknowledged.size;
  }

  /** Resolves when a publisher has what it should have acknowledged. @param {PublisherNumber} number */
  async #published(number) {
    const mostMs = Math.max(0, this.#until - performance.now()) + patienceMs;
    const deadline = performance.now() + mostMs;
    while (this.#left(number) > 0) {
      if (performance.now() > deadline) {
        throw new Error(`publisher${number} has ${this.#left(number)} messages left after ${Math.round(mostMs)} ms`);
      }
      await delay(100);
    }
  }
}

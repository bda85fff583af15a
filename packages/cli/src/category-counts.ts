/** Counts of messages by category, for `fedmsg-collectd`. A category is text from the bus: its length and number are bounded. */

import { topicCategory } from "fedmsg/plugin";

const nameCharactersMax = 64;
const categoriesMax = 1000;
/** Counts what comes when there are too many categories. */
const other = "_other";

/** How many messages of each category came since somebody asked last. */
export class CategoryCounts {
  readonly #counts = new Map<string, number>();

  /** Counts a message. */
  add(topic: string): void {
    const name = identifierOf(topicCategory(topic));
    const counted = this.#counts.has(name) || this.#counts.size < categoriesMax ? name : other;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
  }

  /** Takes the counts, sorted by category, and begins at 0. A category that was seen once stays, with 0. */
  take(): readonly (readonly [category: string, count: number])[] {
    const taken = [...this.#counts].sort(([one], [two]) => (one < two ? -1 : 1));
    for (const [category] of taken) this.#counts.set(category, 0);
    return taken;
  }
}

/** What collectd takes in a name without quotes; everything else could end the name, or the line. */
function identifierOf(category: string): string {
  return category.slice(0, nameCharactersMax).replace(/[^A-Za-z0-9_.-]/g, "_") || "_";
}

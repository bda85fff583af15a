/**
 * Changing very many letters: some in a transaction, so that whoever fails meanwhile can write its own letters. Between two of them
 * the lock is free for as long as it was held, as others try to get it only now and then.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { SqlValue } from "fedmsg/plugin";

/** Letters that one transaction changes, and what their bodies have together, beyond the first one. */
const batch = 1000;
const batchBytesMax = 4 * 1024 * 1024;
/** How long the lock is free at least, in ms. */
const freeMsMin = 10;

/** Gives the letters with the lowest ids above `after`, with the bytes of their bodies; part of a transaction. */
export type Page = (after: number, limit: number) => readonly Readonly<Record<string, SqlValue>>[];

/**
 * Changes letters, page by page.
 *
 * @param change changes one letter; returns 0 where it is there no more
 * @param write runs some work as a transaction
 * @returns how many were changed
 * @throws what `write` does: those before are changed
 */
export async function changeInBatches(
  page: Page,
  change: (id: number) => number,
  write: (work: () => void) => Promise<void>,
): Promise<number> {
  let changed = 0;
  let after = 0;
  for (let isThrough = false; !isThrough; ) {
    let sinceMs = 0;
    await write(() => {
      sinceMs = performance.now();
      const letters = page(after, batch);
      const some = within(letters);
      for (const { id } of some) changed += change(Number(id));
      after = Number(some.at(-1)?.id ?? after);
      isThrough = some.length === letters.length && letters.length < batch;
    });
    if (!isThrough) await delay(Math.max(freeMsMin, performance.now() - sinceMs));
  }
  return changed;
}

/** So many of them as a transaction may change; one at least. */
function within(letters: ReturnType<Page>): ReturnType<Page> {
  let bytes = 0;
  const tooMany = letters.findIndex((letter, n) => {
    bytes += Number(letter.bytes);
    return n > 0 && bytes > batchBytesMax;
  });
  return tooMany < 0 ? letters : letters.slice(0, tooMany);
}

/** Longer words are no slips of the finger, and comparing them takes time. */
const lengthMax = 100;

/**
 * The candidate that a mistyped word most likely stands for: the one with the smallest edit distance, case left aside.
 * Where more than a third of the letters would have to change, none is.
 *
 * @example
 * ```ts
 * nearest("relay_inbond", ["relay_inbound", "endpoints"]); // "relay_inbound"
 * ```
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > lengthMax) return undefined;
  const sought = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    // Each letter of difference in length costs one change at least.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(sought, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * How many letters must be added, removed, replaced or swapped with their neighbour to get from one word to the other
 * (Damerau's distance, in its restricted form).
 */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (let n = 1; n <= from.length; n++) {
    const next = [n];
    for (let m = 1; m <= to.length; m++) {
      const replaced = row[m - 1]! + (from[n - 1] === to[m - 1] ? 0 : 1);
      const swaps = n > 1 && m > 1 && from[n - 1] === to[m - 2] && from[n - 2] === to[m - 1];
      const swapped = swaps ? before[m - 2]! + 1 : replaced;
      next.push(Math.min(replaced, swapped, row[m]! + 1, next[m - 1]! + 1));
    }
    [before, row] = [row, next];
  }
  return row[to.length]!;
}

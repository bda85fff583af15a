/** Ranges of positions, both ends included. */

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What lies in any of the ranges, as few disjoint ranges in order. */
export function union(ranges: readonly Range[]): Range[] {
  const sorted = ranges.filter(({ from, to }) => from <= to).sort((a, b) => a.from - b.from);
  const joined: Range[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last && range.from <= last.to + 1) joined[joined.length - 1] = { ...last, to: Math.max(last.to, range.to) };
    else joined.push(range);
  }
  return joined;
}

/** What lies in `ranges` and not in `others`; both are disjoint and in order. */
export function without(ranges: readonly Range[], others: readonly Range[]): Range[] {
  const rest: Range[] = [];
  let n = 0;
  for (const { from, to } of ranges) {
    let at = from;
    while (n < others.length && (others[n] as Range).to < at) n++;
    for (let k = n; k < others.length && (others[k] as Range).from <= to; k++) {
      const other = others[k] as Range;
      if (other.from > at) rest.push({ from: at, to: other.from - 1 });
      at = Math.max(at, other.to + 1);
    }
    if (at <= to) rest.push({ from: at, to });
  }
  return rest;
}

/** A range, cut to what lies in another. */
export function within({ from, to }: Range, bounds: Range): Range {
  return { from: Math.max(Math.ceil(from), bounds.from), to: Math.min(Math.floor(to), bounds.to) };
}

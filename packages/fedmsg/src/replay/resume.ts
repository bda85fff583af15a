/** Where a subscriber goes on in a journal, by what the journal says of itself, and what cannot be had any more (docs/wire.md). */

import type { Cursor } from "./cursors.ts";
import type { PageHeader } from "./header.ts";

/** Positions that cannot be had any more, as far as they were not seen before; without `to`, nobody knows how many. */
export interface Gap {
  readonly journal: string;
  readonly from: number;
  readonly to?: number;
  readonly detail: string;
}

/** Where to go on. */
export interface Resumption {
  /** Everything up to here is handled, or cannot be had. */
  readonly position: number;
  readonly gaps: readonly Gap[];
}

/**
 * Compares a cursor with what its journal is now.
 *
 * @param known the last position that was heard of under the cursor's UUID
 */
export function resume(cursor: Cursor, info: PageHeader, known: number): Resumption {
  const { position, gap } = relocate(cursor, info, known);
  const gone = goneBefore(info, position);
  const gaps = [gap, gone].filter((one) => one !== undefined);
  return { position: Math.max(position, info.first - 1), gaps };
}

/** What a journal does not have any more behind a position. */
export function goneBefore({ journal, first }: PageHeader, position: number): Gap | undefined {
  if (first <= position + 1) return undefined;
  return { journal, from: position + 1, to: first - 1, detail: "the journal does not have them any more" };
}

function relocate({ journal, position }: Cursor, info: PageHeader, known: number): { position: number; gap?: Gap } {
  if (journal === info.journal) {
    if (info.head >= position) return { position };
    const detail = "the journal ends before what was handled of it";
    return { position: info.head, gap: { journal, from: info.head + 1, to: position, detail } };
  }
  const before = info.earlier?.find(({ uuid }) => uuid === journal);
  if (!before) {
    const detail = `the journal is another one now, ${info.journal}: what the one before held is gone`;
    return { position: info.first - 1, gap: { journal, from: position + 1, detail } };
  }
  const { through } = before;
  const detail = "the journal was cut or copied, or had no clean end: what it may have held behind is gone";
  const gap = { journal, from: through + 1, ...(known > through && { to: known }), detail };
  return { position: Math.min(position, through), gap };
}

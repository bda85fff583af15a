/** The text of an error: each problem of a file with its place, in the order of the source. */

import { problemsMax, quoteCharsMax } from "./bounds.ts";
import { lengthOf } from "./characters.ts";
import type { Trouble } from "./trouble.ts";

/** One line for each problem, the first {@link problemsMax} of them. */
export function describeProblems(file: string, source: string, troubles: Iterable<Trouble>): string {
  const found = new Map<string, Trouble>();
  // The set grows while it is walked.
  const all = new Set(troubles);
  for (const trouble of all) {
    // The same is met again and again in a loop.
    const key = `${trouble.place?.from}:${trouble.place?.to}:${trouble.message}`;
    if (!found.has(key)) found.set(key, trouble);
    for (const other of trouble.others) all.add(other);
  }
  const sorted = [...found.values()].sort((a, b) => (a.place?.from ?? 0) - (b.place?.from ?? 0));
  const told = sorted.slice(0, problemsMax).map((trouble) => describe(file, source, trouble));
  if (sorted.length > told.length) told.push(`${file}: and ${sorted.length - told.length} more`);
  return told.join("\n");
}

function describe(file: string, source: string, trouble: Trouble): string {
  const { from, to } = trouble.place ?? { from: 0, to: 0 };
  const before = source.slice(0, from);
  const line = before.split("\n").length;
  const column = lengthOf(before.slice(before.lastIndexOf("\n") + 1)) + 1;
  const quoted = quote(source.slice(from, Math.min(to, from + 4 * quoteCharsMax)));
  return `${file}:${line}:${column}: ${quoted && `${quoted}: `}${trouble.message}; ${trouble.advice}`;
}

/** A piece of the source on one line, without what a terminal would take for a command. */
function quote(piece: string): string {
  const plain = piece
    .replace(/\s+/g, " ")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\ufffd")
    .trim();
  const all = [...plain];
  return all.length > quoteCharsMax ? `${all.slice(0, quoteCharsMax - 3).join("")}...` : plain;
}

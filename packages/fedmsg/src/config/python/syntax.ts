/**
 * Python's syntax as a tree of plain nodes: the names are those of `@lezer/python`, and the commas and brackets are
 * kept, as they alone tell `(a)` from `(a,)`. Comments are left out.
 *
 * The parser repairs what it does not understand, and takes minutes for a large file that is no Python at all. So it
 * runs in its strict mode, which stops at the first mistake. Brackets are counted before it runs, as it is recursive,
 * and the tree is walked with a cursor, as nothing else may be before its depth is known.
 */

import type { TreeCursor } from "@lezer/common";
import { bracketsMax, sourceCharsMax, treeDepthMax } from "./bounds.ts";
import { scanSource } from "./scan.ts";
import { type Origin, type Place, Trouble } from "./trouble.ts";

/** A part of the source. */
export class SyntaxNode implements Origin {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Counts from 1. */
  readonly line: number;
  readonly children: SyntaxNode[] = [];
  readonly #source: string;

  constructor(name: string, place: Place & { readonly line: number }, source: string) {
    this.name = name;
    this.from = place.from;
    this.to = place.to;
    this.line = place.line;
    this.#source = source;
  }

  /** Where the value of this comes from: itself. */
  get origin(): Origin {
    return this;
  }

  get text(): string {
    return this.#source.slice(this.from, this.to);
  }

  /** The text of a part, as between the replacements of an f-string. */
  slice(from: number, to: number): string {
    return this.#source.slice(from, to);
  }
}

/**
 * Parses a file whose lines end in `\n`. Loads the parser, which takes 20 ms.
 *
 * @throws Trouble with its place where the syntax is wrong, or too deep
 */
export async function parseSource(source: string): Promise<SyntaxNode> {
  if (source.length > sourceCharsMax) throw new Trouble("length", "", { place: { from: 0, to: 0 } });
  const { deepest, parsable } = scanSource(source, bracketsMax);
  if (deepest !== undefined) throw new Trouble("nesting", "", { place: { from: deepest, to: deepest + 1 } });
  const { parser } = await import("@lezer/python");
  const strict = parser.configure({ strict: true });
  try {
    return buildTree(strict.parse(parsable).cursor(), source);
  } catch (error) {
    if (error instanceof SyntaxError) throw explain(error, source);
    throw error;
  }
}

function buildTree(cursor: TreeCursor, source: string): SyntaxNode {
  const parents: SyntaxNode[] = [];
  let line = 1;
  let counted = 0;
  for (;;) {
    const { from, to, type } = cursor;
    for (; counted < from; counted++) if (source.charCodeAt(counted) === 10) line++;
    const node = new SyntaxNode(type.name, { from, to, line }, source);
    // The parser gives up on what is nested too deep for it, and leaves such a mark.
    if (type.isError) throw new Trouble("syntax", "no Python that can be read", { place: node });
    if (parents.length >= treeDepthMax) throw new Trouble("nesting", "", { place: node });
    if (type.name !== "Comment") parents.at(-1)?.children.push(node);
    if (cursor.firstChild()) {
      parents.push(node);
      continue;
    }
    while (!cursor.nextSibling()) {
      if (!cursor.parent()) return parents[0] ?? node;
      if (parents.length === 1) return parents[0]!;
      parents.pop();
    }
  }
}

function explain({ message }: SyntaxError, source: string): Trouble {
  let from = Number(/\d+$/.exec(message)?.[0] ?? 0);
  while (source[from] === " " || source[from] === "\t") from++;
  const start = source.lastIndexOf("\n", from - 1) + 1;
  const line = source.slice(start, from);
  const place = { from, to: from + (/^[\w"'`]*./u.exec(source.slice(from, from + 100))?.[0].length ?? 0) };
  if (source[from] === "`") return new Trouble("backtick", "", { place });
  if (/^\s*print\b/.test(line)) return new Trouble("print", "", { place });
  const what = from >= source.length ? "the file ends here, in the middle of something" : "no Python that can be read";
  return new Trouble("syntax", what, { place });
}

/** Parts of syntax nodes: what stands between the commas, and what between the words. */

import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";

const brackets = new Set(["(", ")", "[", "]", "{", "}"]);

/** The children without the brackets around them. */
export function inside(node: SyntaxNode): SyntaxNode[] {
  return node.children.filter(({ name }) => !brackets.has(name));
}

/** What stands between the commas; the last may be followed by one. */
export function splitAtCommas(nodes: readonly SyntaxNode[]): SyntaxNode[][] {
  const parts: SyntaxNode[][] = [[]];
  for (const node of nodes) {
    if (node.name === ",") parts.push([]);
    else parts.at(-1)!.push(node);
  }
  if (parts.at(-1)!.length === 0) parts.pop();
  return parts;
}

/** The only node of a list. */
export function only(nodes: readonly SyntaxNode[], within: SyntaxNode): SyntaxNode {
  const [node] = nodes;
  if (!node || nodes.length > 1) throw new Trouble("syntax", "no Python that can be read", { place: within });
  return node;
}

/** A place from one node to another. */
export function span(nodes: readonly SyntaxNode[]): { from: number; to: number } {
  return { from: nodes[0]!.from, to: nodes.at(-1)!.to };
}

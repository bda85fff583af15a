/** Carries comments over: those that stand directly above a key in the Python file go above it in the YAML. */

import type { Lines } from "fedmsg/config";
import { type Document, isMap, isScalar, isSeq, type Node } from "yaml";

/** Comments by the line that they end on; lines count from 1. */
export type Comments = Map<number, string>;

/** Gathers blocks of lines that are nothing but comments. Inside long strings such lines are taken for comments, too. */
export function commentsOf(source: string): Comments {
  const comments: Comments = new Map();
  let block: string[] = [];
  for (const [index, line] of source.split("\n").entries()) {
    const text = /^\s*#(.*?)\s*$/.exec(line)?.[1];
    if (text === undefined) {
      if (block.length > 0) comments.set(index, block.join("\n"));
      block = [];
    } else if (!isForMachines(text)) block.push(text);
  }
  return comments;
}

/** `#!/usr/bin/python`, `# -*- coding: utf-8 -*-`, and what editors read. */
function isForMachines(text: string): boolean {
  return /^!|coding[:=]|^\s*vim?:|yaml-language-server/.test(text);
}

/** Puts each comment above the key or item on the line that follows it, and what is left at the top of the document. */
export function placeComments(document: Document, lines: Lines | undefined, comments: Comments): void {
  const left = new Map(comments);
  place(document.contents, lines, left);
  const [first] = [...left.keys()].sort((a, b) => a - b);
  const top = first === undefined ? undefined : left.get(first);
  if (first !== undefined && top !== undefined) {
    left.delete(first);
    document.commentBefore = top;
  }
  if (left.size > 0) document.comment = [...left.values()].join("\n\n");
}

function place(node: unknown, lines: Lines | undefined, left: Comments): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const below = lines?.members?.get(isScalar(key) ? String(key.value) : "");
      attach(key as Node, below?.line, left);
      place(value, below, left);
    }
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      const below = lines?.members?.get(index);
      attach(item as Node, below?.line, left);
      place(item, below, left);
    }
  }
}

function attach(node: Node, line: number | undefined, left: Comments): void {
  const text = line === undefined ? undefined : left.get(line - 1);
  if (line === undefined || text === undefined) return;
  left.delete(line - 1);
  node.commentBefore = text;
}

/**
 * `and`, `or` and `not`. The parser takes `not a or b` for `not (a or b)`, so its tree does not count here: the operands
 * and the words between them are put in a row again, and read as Python does, `not` before `and` before `or`.
 */

import { isTrue } from "./compare.ts";
import type { Machine } from "./machine.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";
import type { Value } from "./values.ts";

type Word = "and" | "or" | "not";
type Token = SyntaxNode | Word;

/** Whether an expression is one of these, without brackets around it. */
export function isLogical(node: SyntaxNode): boolean {
  return wordOf(node) !== undefined;
}

function wordOf({ name, children }: SyntaxNode): Word | undefined {
  const word = children[name === "BinaryExpression" ? 1 : 0]?.text;
  if (name === "UnaryExpression") return word === "not" ? word : undefined;
  return name === "BinaryExpression" && (word === "and" || word === "or") ? word : undefined;
}

/** The value of an expression for which {@link isLogical} holds: that of the operand which decides. */
export function evaluateLogic(node: SyntaxNode, machine: Machine): Value {
  let value: Value = false;
  for (const group of splitAt("or", flatten(node))) {
    value = evaluateAll(group, machine);
    if (isTrue(value)) break;
  }
  return value;
}

function evaluateAll(tokens: readonly Token[], machine: Machine): Value {
  let value: Value = true;
  for (const term of splitAt("and", tokens)) {
    const operand = term.at(-1);
    if (operand === undefined || typeof operand === "string") throw new Trouble("syntax", "an operand is missing");
    const negations = term.length - 1;
    value = negations > 0 ? machine.test(operand) === (negations % 2 === 0) : machine.evaluate(operand);
    if (!isTrue(value)) break;
  }
  return value;
}

function flatten(node: SyntaxNode): Token[] {
  const word = wordOf(node);
  const [first, last] = [node.children[0]!, node.children.at(-1)!];
  if (word === undefined) return [node];
  return word === "not" ? [word, ...flatten(last)] : [...flatten(first), word, ...flatten(last)];
}

function splitAt(word: Word, tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token === word) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

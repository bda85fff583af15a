/** Texts that are written in several pieces, and f-strings. */

import { boundText } from "./bounds.ts";
import { convert } from "./format-braces.ts";
import { formatValue } from "./format-spec.ts";
import { type Quoted, readBetween, readQuotes, readText } from "./literals.ts";
import type { Machine } from "./machine.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";

/** A text, an f-string, or several of them side by side. */
export function evaluateString(node: SyntaxNode, machine: Machine): string {
  machine.budget.text(node.to - node.from);
  if (node.name === "String") return readText(node.text);
  if (node.name === "FormatString") return evaluateFormat(node, machine);
  let text = "";
  for (const part of node.children) {
    text += evaluateString(part, machine);
    boundText(text.length);
  }
  return text;
}

function evaluateFormat(node: SyntaxNode, machine: Machine): string {
  const quotes = readQuotes(node.text);
  return evaluatePieces(node, node.from + quotes.before, node.to - quotes.after, { quotes, machine });
}

interface Format {
  readonly quotes: Quoted;
  readonly machine: Machine;
}

/** What stands between the replacements, and the replacements. */
function evaluatePieces(node: SyntaxNode, from: number, to: number, format: Format): string {
  let text = "";
  let at = from;
  const addLiteral = (end: number) => {
    // A doubled brace stands for one; not in a spec, where there is none.
    const literal = node.slice(at, end).replaceAll("{{", "{").replaceAll("}}", "}");
    text += readBetween(literal, format.quotes);
  };
  for (const child of node.children) {
    if (child.name !== "FormatReplacement") continue;
    addLiteral(child.from);
    text += replace(child, format);
    boundText(text.length);
    at = child.to;
  }
  addLiteral(to);
  return text;
}

function replace(node: SyntaxNode, format: Format): string {
  const { machine } = format;
  const parts = node.children.filter(({ name }) => name !== "{" && name !== "}");
  const selfDoc = parts.find(({ name }) => name === "FormatSelfDoc");
  if (selfDoc) throw new Trouble("format", "`=` in a replacement is for looking at values", { place: node });
  const spec = parts.find(({ name }) => name === "FormatSpec");
  const conversion = parts.find(({ name }) => name === "FormatConversion")?.text.slice(1);
  const [expression, more] = parts.filter(({ name }) => name !== "FormatSpec" && name !== "FormatConversion");
  if (!expression || more) throw new Trouble("format", "a replacement has one value", { place: node });
  const value = convert(machine.evaluate(expression), conversion, machine.budget);
  const form = spec ? evaluatePieces(spec, spec.from + 1, spec.to, format) : "";
  return formatValue(value, form, machine.budget);
}

/** `[x for x in y if z]` and its kin. */

import { setKey } from "./displays.ts";
import type { Machine } from "./machine.ts";
import { Scope } from "./machine.ts";
import { inside, only } from "./parts.ts";
import { walk } from "./sequences.ts";
import type { SyntaxNode } from "./syntax.ts";
import { assign } from "./targets.ts";
import { Trouble } from "./trouble.ts";
import { PyDict, PyList, PySet, type Slot, type Value } from "./values.ts";

type Clause =
  | { readonly kind: "for"; readonly target: readonly SyntaxNode[]; readonly items: SyntaxNode }
  | { readonly kind: "if"; readonly condition: SyntaxNode };

/** Whether the nodes between brackets are a comprehension. */
export function isComprehension(nodes: readonly SyntaxNode[]): boolean {
  return nodes.some(({ name }) => name === "for");
}

/** A comprehension with its brackets: a list, set or dict. */
export function evaluateComprehension(node: SyntaxNode, machine: Machine): Value {
  if (node.name === "DictionaryComprehensionExpression") return evaluateDict(node, machine);
  const slots = evaluateGenerator(inside(node), machine, node);
  return node.name === "SetComprehensionExpression" ? new PySet(slots, node.origin) : new PyList(slots, node.origin);
}

/** The values of a comprehension, as in `",".join(x for x in y)`. */
export function evaluateGenerator(nodes: readonly SyntaxNode[], machine: Machine, within: SyntaxNode): Slot[] {
  const start = nodes.findIndex(({ name }) => name === "for" || name === "async");
  const element = only(nodes.slice(0, start), within);
  const slots: Slot[] = [];
  run(readClauses(nodes.slice(start), within), machine, (inner) => {
    inner.budget.items(1);
    slots.push({ value: inner.evaluateLazily(element), origin: element.origin });
  });
  return slots;
}

function evaluateDict(node: SyntaxNode, machine: Machine): PyDict {
  const nodes = inside(node);
  const [key, , value] = nodes;
  const dict = new PyDict(node.origin);
  const start = nodes.findIndex(({ name }) => name === "for" || name === "async");
  if (!key || !value || start !== 3) throw new Trouble("syntax", "no Python that can be read", { place: node });
  run(readClauses(nodes.slice(start), node), machine, (inner) => {
    inner.budget.items(1);
    setKey(dict, inner.evaluate(key), { value: inner.evaluateLazily(value), origin: key.origin }, key);
  });
  return dict;
}

function readClauses(nodes: readonly SyntaxNode[], within: SyntaxNode): Clause[] {
  const clauses: Clause[] = [];
  for (let at = 0; at < nodes.length; ) {
    const word = nodes[at]!;
    const end = nodes.findIndex(({ name }, n) => n > at && (name === "for" || name === "if" || name === "async"));
    const clause = nodes.slice(at + 1, end < 0 ? undefined : end);
    at = end < 0 ? nodes.length : end;
    if (word.name === "async") throw new Trouble("await", "", { place: word });
    if (word.name === "if") {
      clauses.push({ kind: "if", condition: only(clause, within) });
      continue;
    }
    const between = clause.findIndex(({ name }) => name === "in");
    clauses.push({ kind: "for", target: clause.slice(0, between), items: only(clause.slice(between + 1), within) });
  }
  return clauses;
}

function run(clauses: readonly Clause[], machine: Machine, body: (machine: Machine) => void): void {
  const outer = machine.scope;
  machine.scope = new Scope(outer);
  try {
    runClause(clauses, 0, machine, body);
  } finally {
    machine.scope = outer;
  }
}

function runClause(clauses: readonly Clause[], at: number, machine: Machine, body: (machine: Machine) => void): void {
  const clause = clauses[at];
  if (!clause) {
    body(machine);
    return;
  }
  if (clause.kind === "if") {
    if (machine.test(clause.condition)) runClause(clauses, at + 1, machine, body);
    return;
  }
  for (const { value } of walk(machine.evaluate(clause.items), machine.budget, clause.items.origin)) {
    assign(clause.target, value, machine);
    runClause(clauses, at + 1, machine, body);
  }
}

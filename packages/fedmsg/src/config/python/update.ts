/** `+=` and its kin. A list, set or dict is changed itself, so that all its names see it. */

import { evaluateRow } from "./displays.ts";
import type { Machine } from "./machine.ts";
import { operate } from "./operators.ts";
import { only } from "./parts.ts";
import { walk } from "./sequences.ts";
import type { SyntaxNode } from "./syntax.ts";
import { assign } from "./targets.ts";
import { type Origin, Trouble } from "./trouble.ts";
import { known, PyDict, PyList, PySet, type Value } from "./values.ts";

/** Runs `target operator= value`. */
export function update(node: SyntaxNode, machine: Machine): void {
  const at = node.children.findIndex(({ name }) => name === "UpdateOp");
  const target = only(node.children.slice(0, at), node);
  if (target.name !== "VariableName" && target.name !== "MemberExpression") throw new Trouble("target");
  const operator = node.children[at]!.text.slice(0, -1);
  const before = machine.evaluate(target);
  const value = known(evaluateRow(node.children.slice(at + 1), machine, node));
  if (!changeInPlace(operator, before, value, machine, node.origin)) {
    const after = operate(operator, before, value, { budget: machine.budget, origin: node.origin });
    assign([target], after, machine);
  }
}

function changeInPlace(operator: string, before: Value, value: Value, { budget }: Machine, origin: Origin): boolean {
  if (operator === "+" && before instanceof PyList) {
    for (const slot of walk(value, budget, origin)) before.items.push(slot);
    return true;
  }
  if (operator === "|" && before instanceof PyDict && value instanceof PyDict) {
    budget.items(value.entries.size);
    for (const entry of [...value.entries.values()]) before.set(entry.key, entry);
    return true;
  }
  if (operator === "|" && before instanceof PySet && value instanceof PySet) {
    for (const slot of walk(value, budget, origin)) before.add(slot);
    return true;
  }
  return false;
}

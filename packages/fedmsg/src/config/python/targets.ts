/** What can stand to the left of `=`: names, items, and rows of them. */

import { setKey } from "./displays.ts";
import type { Machine } from "./machine.ts";
import { evaluateIndex } from "./members.ts";
import { inside, only, splitAtCommas } from "./parts.ts";
import { place, walk } from "./sequences.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";
import { known, Named, PyDict, PyList, typeName, Unknown, type Value } from "./values.ts";

/** Assigns to what stands between `=` signs, or between `for` and `in`. */
export function assign(nodes: readonly SyntaxNode[], value: Value, machine: Machine): void {
  const [first] = nodes;
  if (!first) throw new Trouble("target");
  if (nodes.length > 1) unpack(nodes, value, machine, first);
  else if (first.name === "ParenthesizedExpression") assign(inside(first), value, machine);
  else if (first.name === "TupleExpression" || first.name === "ArrayExpression") {
    unpack(inside(first), value, machine, first);
  } else if (first.name === "VariableName") machine.scope.set(first.text, value);
  else if (first.name === "MemberExpression") setItem(first, value, machine);
  else throw new Trouble("target", "", { place: first });
}

function unpack(nodes: readonly SyntaxNode[], value: Value, machine: Machine, within: SyntaxNode): void {
  const targets = splitAtCommas(nodes);
  const values = value instanceof Unknown ? targets.map(() => value) : rowOf(value, targets.length, machine, within);
  for (const [n, target] of targets.entries()) {
    if (target[0]?.name === "*") throw new Trouble("starred", "", { place: target[0] });
    assign([only(target, within)], values[n]!, machine);
  }
}

function rowOf(value: Value, length: number, { budget }: Machine, within: SyntaxNode): Value[] {
  const slots = walk(value, budget, within.origin);
  if (slots.length === length) return slots.map((slot) => slot.value);
  throw new Trouble("fails", `${slots.length} value(s) for ${length} name(s)`, { place: within });
}

function setItem(node: SyntaxNode, value: Value, machine: Machine): void {
  const { object, index } = itemTarget(node, machine);
  const slot = { value, origin: node.children[2]!.origin };
  machine.budget.spend();
  if (object instanceof PyDict) setKey(object, index, slot, node);
  else if (object instanceof PyList) object.items[place(index, object.items.length)] = slot;
  else throw new Trouble("target", "", { place: node });
}

interface ItemTarget {
  readonly object: Value;
  readonly index: Value;
}

function itemTarget(node: SyntaxNode, machine: Machine): ItemTarget {
  const [base, bracket] = node.children;
  if (!base || bracket?.name !== "[") throw new Trouble("target", "", { place: node });
  const object = machine.evaluate(base);
  if (object instanceof Named) throw new Trouble("target", "", { place: node });
  const index = evaluateIndex(node, machine);
  if ("step" in index) throw new Trouble("target", "", { place: node });
  return { object, index: known(index.at) };
}

/** `del name`, `del config["x"]`. */
export function remove(node: SyntaxNode, machine: Machine): void {
  if (node.name === "VariableName") {
    if (!machine.scope.delete(node.text)) throw new Trouble("name", node.text, { place: node });
    return;
  }
  if (node.name !== "MemberExpression") throw new Trouble("delete", "", { place: node });
  const { object, index } = itemTarget(node, machine);
  if (object instanceof PyDict) {
    if (object.delete(index)) return;
    throw new Trouble("fails", "the dict has no such key", { place: node });
  }
  if (!(object instanceof PyList)) throw new Trouble("delete", typeName(object), { place: node });
  const at = place(index, object.items.length);
  machine.budget.items(object.items.length - at);
  object.items.splice(at, 1);
}

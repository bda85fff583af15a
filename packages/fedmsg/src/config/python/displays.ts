/** `[...]`, `(...)`, `{...}`, and the values between commas. */

import type { Machine } from "./machine.ts";
import { inside, only, span, splitAtCommas } from "./parts.ts";
import { walk } from "./sequences.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";
import { Troubles } from "./troubles.ts";
import { PyDict, PyList, PySet, PyTuple, type Slot, Unknown, type Value } from "./values.ts";

/** The values between commas, those after `*` written out. */
export function evaluateItems(nodes: readonly SyntaxNode[], machine: Machine): Slot[] {
  const slots: Slot[] = [];
  const troubles = new Troubles();
  for (const part of splitAtCommas(nodes)) {
    if (part[0]?.name === "*") {
      troubles.try(() => {
        const spread = walk(machine.evaluate(only(part.slice(1), part[0]!)), machine.budget, part[0]!.origin);
        for (const slot of spread) slots.push(slot);
      });
      continue;
    }
    const node = only(part, part[0]!);
    slots.push({ value: machine.evaluateLazily(node), origin: node.origin });
  }
  troubles.finish(slots.map(({ value }) => value));
  machine.budget.items(slots.length);
  return slots;
}

/** What stands to the right of `=` or `in`: one value, or a tuple without brackets. */
export function evaluateRow(nodes: readonly SyntaxNode[], machine: Machine, within: SyntaxNode): Value {
  const [first] = nodes;
  if (!first) throw new Trouble("syntax", "no Python that can be read", { place: within });
  if (nodes.length === 1) return machine.evaluateLazily(first);
  return new PyTuple(evaluateItems(nodes, machine), first.origin);
}

/** A list, tuple or set as it is written. */
export function evaluateDisplay(node: SyntaxNode, machine: Machine): Value {
  const slots = evaluateItems(inside(node), machine);
  if (node.name === "ArrayExpression") return new PyList(slots, node.origin);
  return node.name === "SetExpression" ? new PySet(slots, node.origin) : new PyTuple(slots, node.origin);
}

/** A dict as it is written. */
export function evaluateDict(node: SyntaxNode, machine: Machine): PyDict {
  const dict = new PyDict(node.origin);
  const troubles = new Troubles();
  for (const part of splitAtCommas(inside(node))) {
    troubles.try(() => {
      if (part[0]!.name === "**") spread(dict, machine.evaluate(only(part.slice(1), part[0]!)), part, machine);
      else setMember(dict, part, machine);
    });
  }
  troubles.finish([...dict.entries.values()].map(({ value }) => value));
  machine.budget.items(dict.entries.size);
  return dict;
}

function spread(dict: PyDict, other: Value, part: readonly SyntaxNode[], { budget }: Machine): void {
  if (!(other instanceof PyDict)) throw new Trouble("fails", "`**` needs a dict", { place: span(part) });
  budget.items(other.entries.size);
  for (const entry of other.entries.values()) dict.set(entry.key, entry);
}

function setMember(dict: PyDict, part: readonly SyntaxNode[], machine: Machine): void {
  const [keyNode, colon, valueNode] = part;
  if (!keyNode || colon?.name !== ":" || !valueNode || part.length > 3) {
    throw new Trouble("syntax", "no Python that can be read", { place: span(part) });
  }
  // The value first: its trouble is told even where the key has some too.
  const key = machine.evaluateLazily(keyNode);
  const value = machine.evaluateLazily(valueNode);
  if (key instanceof Unknown) {
    if (value instanceof Unknown) key.trouble.others.add(value.trouble);
    throw key.trouble;
  }
  setKey(dict, key, { value, origin: keyNode.origin }, keyNode);
}

/** Sets an item of a dict; what is wrong with the key is told with its place. */
export function setKey(dict: PyDict, key: Value, slot: Slot, place: SyntaxNode): void {
  try {
    dict.set(key, slot);
  } catch (error) {
    throw error instanceof Trouble ? error.at(place) : error;
  }
}

/** `value.name`, `value[index]` and `value[from:to:step]`. */

import type { Machine } from "./machine.ts";
import { canonicalPath, constantOf, variableOf } from "./modules.ts";
import { itemAt, type Slice, sliceOf } from "./sequences.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";
import { known, Named, PyDict, PyTuple, type Value } from "./values.ts";

/** An attribute, which only modules have, or an item. */
export function evaluateMember(node: SyntaxNode, machine: Machine): Value {
  const [base, mark, name] = node.children;
  const object = machine.evaluate(base!);
  if (mark?.name === ".") return attribute(object, name?.text ?? "");
  const index = evaluateIndex(node, machine);
  if ("step" in index) return sliceOf(object, index, machine.budget, node.origin);
  if (object instanceof Named) return itemOfModule(object, index.at, machine);
  if (object instanceof PyDict) return itemOfDict(object, index.at);
  return known(itemAt(object, index.at, machine.budget));
}

/** The longest name of a thing in a module; `x = x.y` in a loop makes any. */
const pathCharsMax = 500;

/** What a module has under a name. */
export function attribute(object: Value, name: string): Value {
  if (!(object instanceof Named)) throw new Trouble("attribute", name.slice(0, 40));
  const path = canonicalPath(`${object.path}.${name}`);
  if (path.length > pathCharsMax) throw new Trouble("attribute", name.slice(0, 40));
  const constant = constantOf(path);
  return constant === undefined ? new Named(path) : constant;
}

function itemOfModule(object: Named, name: Value, { around }: Machine): Value {
  if (object.path === "os.environ") return variableOf(name, around);
  throw new Trouble("object", `\`${object.path.slice(0, 60)}\``);
}

function itemOfDict(dict: PyDict, key: Value): Value {
  const entry = dict.get(key);
  if (entry) return known(entry.value);
  throw new Trouble(
    "fails",
    `the dict has no key ${typeof key === "string" ? JSON.stringify(key.slice(0, 40)) : "like this"}`,
  );
}

/** What stands in the brackets: an index, or a slice. */
export function evaluateIndex(node: SyntaxNode, machine: Machine): Slice | { readonly at: Value } {
  const parts = node.children.slice(1).filter(({ name }) => name !== "[" && name !== "]");
  if (parts.some(({ name }) => name === ":")) return evaluateSlice(parts, machine);
  if (parts.length === 1) return { at: machine.evaluate(parts[0]!) };
  const items = parts.filter(({ name }) => name !== ",");
  const slots = items.map((item) => ({ value: machine.evaluate(item), origin: item.origin }));
  return { at: new PyTuple(slots, node.origin) };
}

function evaluateSlice(parts: readonly SyntaxNode[], machine: Machine): Slice {
  const bounds: Value[] = [null];
  for (const part of parts) {
    if (part.name === ",") throw new Trouble("syntax", "a slice of several dimensions", { place: part });
    if (part.name === ":") bounds.push(null);
    else bounds[bounds.length - 1] = machine.evaluate(part);
  }
  const [from = null, to = null, step = null] = bounds;
  return { from, to, step };
}

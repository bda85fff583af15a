/** Calls: of functions that are known, and of methods of values. Nothing of the file itself is ever called. */

import type { Call } from "./call.ts";
import { evaluateGenerator, isComprehension } from "./comprehensions.ts";
import { dictMethods, listMethods, setMethods, tupleMethods } from "./item-methods.ts";
import type { Machine } from "./machine.ts";
import { attribute } from "./members.ts";
import { functionOf } from "./modules.ts";
import { inside, only, splitAtCommas } from "./parts.ts";
import { walk } from "./sequences.ts";
import type { SyntaxNode } from "./syntax.ts";
import { textMethods } from "./text-methods.ts";
import { Trouble } from "./trouble.ts";
import { Troubles } from "./troubles.ts";
import {
  isMutable,
  known,
  Named,
  Opaque,
  PyDict,
  PyList,
  PySet,
  PyTuple,
  type Slot,
  Unknown,
  type Value,
} from "./values.ts";

/** Evaluates `callee(...)`. */
export function evaluateCall(node: SyntaxNode, machine: Machine): Value {
  const [callee, list] = node.children;
  if (!callee || list?.name !== "ArgList") throw new Trouble("syntax", "no Python that can be read", { place: node });
  const isMethod = callee.name === "MemberExpression" && callee.children[1]?.name === ".";
  if (!isMethod) return callFunction(calleeOf(callee, machine), callee, list, machine);
  const [base, , name] = callee.children;
  const self = machine.evaluate(base!);
  if (self instanceof Named) return callFunction(attribute(self, name!.text), callee, list, machine);
  return callMethod(self, name!, readArguments(callee, list, machine));
}

/** What is called. A name without a value may be one of Python's functions that cannot be read. */
function calleeOf(callee: SyntaxNode, machine: Machine): Value {
  if (callee.name !== "VariableName") return machine.evaluateLazily(callee);
  const value = machine.evaluateLazily(callee);
  const isMissing = value instanceof Unknown && value.trouble.kind === "name";
  return isMissing ? new Named(callee.text) : value;
}

function callFunction(value: Value, callee: SyntaxNode, list: SyntaxNode, machine: Machine): Value {
  const call = readArguments(callee, list, machine);
  const run = value instanceof Named ? functionOf(value.path) : undefined;
  if (run) return run(call, machine.around);
  const isCode = value instanceof Unknown && ["class", "decorator", "function"].includes(value.trouble.kind);
  const isHanded = [...call.args, ...[...call.named.values()].map((slot) => slot.value)].some(isMutable);
  if (value instanceof Unknown && !isCode) {
    if (isHanded) machine.report(value.trouble);
    throw value.trouble;
  }
  // Code that is not run may have changed what it was given, and the file's own code anything.
  throw new Trouble("call", call.name.slice(0, 60), { place: callee, effect: isCode || isHanded });
}

function callMethod(self: Value, name: SyntaxNode, call: Call): Value {
  const method = name.text;
  const missing = () => new Trouble("attribute", `${method.slice(0, 40)}()`);
  if (typeof self === "string") {
    call.budget.text(self.length);
    return orThrow(textMethods.get(method), missing)(self, strict(call));
  }
  if (self instanceof PyList) return orThrow(listMethods.get(method), missing)(self, call);
  if (self instanceof PyDict) return orThrow(dictMethods.get(method), missing)(self, call);
  if (self instanceof PyTuple) return orThrow(tupleMethods.get(method), missing)(self, call);
  if (self instanceof PySet) return orThrow(setMethods.get(method), missing)(self, call);
  const isTotal = self instanceof Opaque && self.kind === "timedelta" && method === "total_seconds";
  if (isTotal && call.args.length + call.named.size === 0) return Number(self.content);
  throw missing();
}

function orThrow<T>(value: T | undefined, error: () => Trouble): T {
  if (value === undefined) throw error();
  return value;
}

/** The same call, where no argument may be unknown. */
function strict(call: Call): Call {
  for (const value of call.args) known(value);
  return call;
}

function readArguments(callee: SyntaxNode, list: SyntaxNode, machine: Machine): Call {
  const args: Slot[] = [];
  const named = new Map<string, Slot>();
  const nodes = inside(list);
  if (isComprehension(nodes)) {
    args.push({ value: new PyList(evaluateGenerator(nodes, machine, list), list.origin), origin: list.origin });
  } else readParts(splitAtCommas(nodes), { args, named }, machine);
  machine.budget.items(args.length + named.size);
  // Whatever is called looks at the whole of a text.
  for (const { value } of args) if (typeof value === "string") machine.budget.text(value.length);
  return {
    name: callee.text,
    args: args.map(({ value }) => value),
    origins: args.map(({ origin }) => origin),
    named,
    origin: callee.origin,
    budget: machine.budget,
  };
}

function readParts(parts: readonly SyntaxNode[][], given: Arguments, machine: Machine): void {
  const troubles = new Troubles();
  for (const part of parts) troubles.try(() => readArgument(part, given, machine));
  troubles.finish([...given.args, ...given.named.values()].map(({ value }) => value));
}

interface Arguments {
  readonly args: Slot[];
  readonly named: Map<string, Slot>;
}

function readArgument(part: readonly SyntaxNode[], { args, named }: Arguments, machine: Machine): void {
  const [first, second] = part;
  if (!first) throw new Trouble("syntax", "no Python that can be read");
  if (first.name === "*") {
    const spread = walk(machine.evaluate(only(part.slice(1), first)), machine.budget, first.origin);
    for (const slot of spread) args.push(slot);
  } else if (first.name === "**") spreadNamed(named, machine.evaluate(only(part.slice(1), first)), first);
  else if (second?.name === "AssignOp") {
    const node = only(part.slice(2), first);
    addNamed(named, first.text, { value: machine.evaluateLazily(node), origin: first.origin }, first);
  } else {
    const node = only(part, first);
    args.push({ value: machine.evaluateLazily(node), origin: node.origin });
  }
}

function spreadNamed(named: Map<string, Slot>, given: Value, place: SyntaxNode): void {
  if (!(given instanceof PyDict)) throw new Trouble("fails", "`**` needs a dict", { place });
  for (const entry of given.entries.values()) {
    if (typeof entry.key !== "string") throw new Trouble("fails", "a keyword is a text", { place });
    addNamed(named, entry.key, entry, place);
  }
}

function addNamed(named: Map<string, Slot>, name: string, slot: Slot, place: SyntaxNode): void {
  if (named.has(name)) throw new Trouble("fails", `the keyword \`${name.slice(0, 40)}\` is there twice`, { place });
  named.set(name, slot);
}

/** Statements, one after the other. What cannot be read is told, and the names that it would have set are unknown. */

import { evaluateRow } from "./displays.ts";
import { runImport } from "./imports.ts";
import { namesSetIn, runsWhenDefined } from "./inspect.ts";
import type { Machine } from "./machine.ts";
import { splitAtCommas } from "./parts.ts";
import { walk } from "./sequences.ts";
import type { SyntaxNode } from "./syntax.ts";
import { assign, remove } from "./targets.ts";
import { Trouble, type TroubleKind } from "./trouble.ts";
import { update } from "./update.ts";
import { PyList, type Slot, Unknown } from "./values.ts";

/** What a statement does to the loop around it. */
type Outcome = "break" | "continue" | undefined;

type Run = (node: SyntaxNode, machine: Machine) => Outcome;

const plain =
  (run: (node: SyntaxNode, machine: Machine) => void): Run =>
  (node, machine) => {
    run(node, machine);
    return undefined;
  };

const kinds: ReadonlyMap<string, Run> = new Map<string, Run>([
  ["AssignStatement", plain(runAssignment)],
  ["BreakStatement", () => "break"],
  ["ClassDefinition", plain(runDefinition)],
  ["ContinueStatement", () => "continue"],
  ["DeleteStatement", plain(runDelete)],
  ["ExpressionStatement", plain(runExpression)],
  ["ForStatement", runFor],
  ["FunctionDefinition", plain(runDefinition)],
  ["IfStatement", runIf],
  ["ImportStatement", plain(runImport)],
  ["PassStatement", () => undefined],
  ["PrintStatement", plain(runPrint)],
  ["StatementGroup", (node, machine) => runAll(node.children, machine)],
  ["TryStatement", runTry],
  ["UpdateStatement", plain(update)],
]);

const refused: ReadonlyMap<string, TroubleKind> = new Map<string, TroubleKind>([
  ["AssertStatement", "assert"],
  ["DecoratedStatement", "decorator"],
  ["MatchStatement", "match"],
  ["RaiseStatement", "raise"],
  ["ReturnStatement", "return"],
  ["ScopeStatement", "global"],
  ["TypeDefinition", "type"],
  ["WhileStatement", "while"],
  ["WithStatement", "with"],
  ["YieldStatement", "yield"],
]);

/** Runs statements up to the end, or to a `break` or `continue`. */
export function runAll(nodes: readonly SyntaxNode[], machine: Machine): Outcome {
  for (const node of nodes) {
    if (node.name === ";" || node.name === ":") continue;
    const outcome = runOne(node, machine);
    if (outcome) return outcome;
  }
  return undefined;
}

function runOne(node: SyntaxNode, machine: Machine): Outcome {
  try {
    machine.budget.spend();
    const run = kinds.get(node.name);
    if (run) return run(node, machine);
    const kind = refused.get(node.name);
    throw kind ? new Trouble(kind) : new Trouble("syntax", "no Python that can be read");
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    error.at(node);
    if (error.isFinal) throw error;
    machine.report(error);
    machine.budget.spend(Math.ceil((node.to - node.from) / 16));
    for (const name of namesSetIn(node)) machine.scope.set(name, new Unknown(error));
    return undefined;
  }
}

function runAssignment(node: SyntaxNode, machine: Machine): void {
  const parts: SyntaxNode[][] = [[]];
  for (const child of node.children) {
    if (child.name === "AssignOp") parts.push([]);
    else if (child.name !== "TypeDef") parts.at(-1)!.push(child);
  }
  // An annotation alone sets nothing.
  if (parts.length === 1) return;
  const value = evaluateRow(parts.at(-1)!, machine, node);
  for (const target of parts.slice(0, -1)) assign(target, value, machine);
}

/** A function is unknown to who uses it. What its defaults and decorators, or a class's lines, run may be anything. */
function runDefinition(node: SyntaxNode, machine: Machine): void {
  const kind = node.name === "ClassDefinition" ? "class" : "function";
  const name = node.children.find((child) => child.name === "VariableName");
  const trouble = new Trouble(kind, "", { place: node });
  if (runsWhenDefined(node)) throw trouble;
  if (name) machine.scope.set(name.text, new Unknown(trouble));
}

function runDelete(node: SyntaxNode, machine: Machine): void {
  for (const part of splitAtCommas(node.children.slice(1))) for (const target of part) remove(target, machine);
}

/** A text is a comment, and a call may change a list or dict; anything else is read for the trouble it has. */
function runExpression(node: SyntaxNode, machine: Machine): void {
  for (const child of node.children) if (child.name !== "," && child.name !== "String") machine.evaluate(child);
}

function runPrint(node: SyntaxNode, machine: Machine): void {
  for (const child of node.children.slice(1)) if (child.name !== ",") machine.evaluateLazily(child);
}

function runIf(node: SyntaxNode, machine: Machine): Outcome {
  for (let at = 0; at < node.children.length; at++) {
    const { name } = node.children[at]!;
    if (name === "else") return runAll(node.children[at + 1]!.children, machine);
    if (name !== "if" && name !== "elif") continue;
    if (machine.test(node.children[at + 1]!)) return runAll(node.children[at + 2]!.children, machine);
  }
  return undefined;
}

function runFor(node: SyntaxNode, machine: Machine): Outcome {
  const { children } = node;
  const find = (name: string) => children.findIndex((child) => child.name === name);
  const [within, body, otherwise] = [find("in"), find("Body"), find("else")];
  if (children[0]?.name !== "for") throw new Trouble("await");
  const items = evaluateRow(children.slice(within + 1, body), machine, node);
  for (const { value } of itemsOf(items, machine, node)) {
    machine.budget.spend();
    assign(children.slice(1, within), value, machine);
    if (runAll(children[body]!.children, machine) === "break") return undefined;
  }
  return otherwise < 0 ? undefined : runAll(children[otherwise + 1]!.children, machine);
}

/** As in Python, a list that grows while it is walked is walked to its new end. */
function* itemsOf(items: ReturnType<typeof evaluateRow>, machine: Machine, node: SyntaxNode): Iterable<Slot> {
  if (!(items instanceof PyList)) {
    yield* walk(items, machine.budget, node.origin);
    return;
  }
  for (let at = 0; at < items.items.length; at++) yield items.items[at]!;
}

/** Imports never fail here, so the handlers are passed over. */
function runTry(node: SyntaxNode, machine: Machine): Outcome {
  const { children } = node;
  for (const [at, { name }] of children.entries()) {
    const body = children[at + 1];
    if (name === "try" && !body?.children.every((child) => isHarmless(child))) throw new Trouble("try");
    if (name !== "try" && name !== "else" && name !== "finally") continue;
    const outcome = runAll(body!.children, machine);
    if (outcome) return outcome;
  }
  return undefined;
}

function isHarmless({ name, children }: SyntaxNode): boolean {
  if (name === "StatementGroup") return children.every(isHarmless);
  if (name === "ExpressionStatement") return children.every((child) => child.name === "String");
  return [":", ";", "ImportStatement", "PassStatement"].includes(name);
}

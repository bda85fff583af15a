/** The value of every kind of expression, and why those that have none are not read. */

import { computeUnary } from "./arithmetic.ts";
import { evaluateCall } from "./calls.ts";
import { numberOf } from "./compare.ts";
import { evaluateComprehension } from "./comprehensions.ts";
import { evaluateDict, evaluateDisplay } from "./displays.ts";
import { readNumber } from "./literals.ts";
import { evaluateLogic, isLogical } from "./logic.ts";
import type { Machine } from "./machine.ts";
import { evaluateMember } from "./members.ts";
import { hasVariable, isBuiltin } from "./modules.ts";
import { compareBy, operate } from "./operators.ts";
import { inside, only } from "./parts.ts";
import { evaluateString } from "./strings.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble, type TroubleKind } from "./trouble.ts";
import { known, Named, type Value } from "./values.ts";

type Evaluate = (node: SyntaxNode, machine: Machine) => Value;

const kinds: ReadonlyMap<string, Evaluate> = new Map<string, Evaluate>([
  ["ArrayComprehensionExpression", evaluateComprehension],
  ["ArrayExpression", evaluateDisplay],
  ["BinaryExpression", evaluateBinary],
  ["Boolean", ({ text }) => text === "True"],
  ["CallExpression", evaluateCall],
  ["ConditionalExpression", evaluateConditional],
  ["ContinuedString", evaluateString],
  ["DictionaryComprehensionExpression", evaluateComprehension],
  ["DictionaryExpression", evaluateDict],
  ["FormatString", evaluateString],
  ["MemberExpression", evaluateMember],
  ["None", () => null],
  ["Number", ({ text }) => readNumber(text)],
  ["ParenthesizedExpression", (node, machine) => machine.evaluate(only(inside(node), node))],
  ["SetComprehensionExpression", evaluateComprehension],
  ["SetExpression", evaluateDisplay],
  ["String", evaluateString],
  ["TupleExpression", evaluateDisplay],
  ["UnaryExpression", evaluateUnary],
  ["VariableName", evaluateName],
]);

const refused: ReadonlyMap<string, TroubleKind> = new Map<string, TroubleKind>([
  ["AwaitExpression", "await"],
  ["ComprehensionExpression", "generator"],
  ["Ellipsis", "ellipsis"],
  ["LambdaExpression", "function"],
  ["NamedExpression", "walrus"],
  ["YieldExpression", "yield"],
]);

/** Evaluates an expression; the trouble that it throws may lack its place. */
export function evaluateExpression(node: SyntaxNode, machine: Machine): Value {
  machine.budget.spend();
  if (isLogical(node)) return evaluateLogic(node, machine);
  const evaluate = kinds.get(node.name);
  if (evaluate) return evaluate(node, machine);
  const kind = refused.get(node.name);
  throw kind ? new Trouble(kind) : new Trouble("syntax", "no Python that can be read");
}

function evaluateName({ text }: SyntaxNode, { scope, file }: Machine): Value {
  const value = scope.get(text);
  if (value !== undefined) return known(value);
  if (text === "__file__") return file;
  // The module whose loader ran these files in Python; never `__main__`.
  if (text === "__name__") return "fedmsg.config";
  if (isBuiltin(text)) return new Named(`builtins.${text}`);
  throw new Trouble("name", text.slice(0, 60));
}

function evaluateConditional(node: SyntaxNode, machine: Machine): Value {
  const [whenTrue, , condition, , whenFalse] = node.children;
  if (!whenTrue || !condition || !whenFalse) throw new Trouble("syntax", "no Python that can be read");
  return machine.evaluate(machine.test(condition) ? whenTrue : whenFalse);
}

function evaluateUnary(node: SyntaxNode, machine: Machine): Value {
  const [operator, operand] = node.children;
  if (!operator || !operand) throw new Trouble("syntax", "no Python that can be read");
  if (isLogical(operand)) throw new Trouble("syntax", "`not` needs brackets here", { place: operand });
  const number = numberOf(machine.evaluate(operand));
  const result = number === undefined ? undefined : computeUnary(operator.text, number);
  if (result === undefined) throw new Trouble("operator", operator.text);
  return result;
}

function evaluateBinary(node: SyntaxNode, machine: Machine): Value {
  const { left, operator, right } = operands(node);
  if (isComparison(operator)) return evaluateChain(node, machine);
  return operate(operator, machine.evaluate(left), machine.evaluate(right), {
    budget: machine.budget,
    origin: node.origin,
  });
}

interface Operands {
  readonly left: SyntaxNode;
  /** With one space, where it is of two words. */
  readonly operator: string;
  readonly right: SyntaxNode;
}

function operands(node: SyntaxNode): Operands {
  const [left, right] = [node.children[0], node.children.at(-1)];
  const words = node.children.slice(1, -1).map(({ text }) => text);
  if (!left || !right || words.length === 0) throw new Trouble("syntax", "no Python that can be read", { place: node });
  const loose = [left, right].find(isLogical);
  if (loose) throw new Trouble("syntax", "`not` needs brackets here", { place: loose });
  return { left, operator: words.join(" "), right };
}

function isComparison(operator: string): boolean {
  return ["<", ">", "<=", ">=", "==", "!=", "<>", "in", "not in", "is", "is not"].includes(operator);
}

/** `a < b < c` is one comparison, each operand evaluated once and those after a failure not at all. */
function evaluateChain(node: SyntaxNode, machine: Machine): boolean {
  const links: { readonly operator: string; readonly right: SyntaxNode }[] = [];
  let first = node;
  while (first.name === "BinaryExpression" && !isLogical(first) && isComparison(operands(first).operator)) {
    const { left, operator, right } = operands(first);
    links.unshift({ operator, right });
    first = left;
  }
  let left = machine.evaluate(first);
  for (const { operator, right: rightNode } of links) {
    const right = machine.evaluate(rightNode);
    if (!compare(operator, left, right, machine)) return false;
    left = right;
  }
  return true;
}

function compare(operator: string, left: Value, right: Value, { around, budget }: Machine): boolean {
  if (right instanceof Named && right.path === "os.environ" && operator.endsWith("in")) {
    return hasVariable(left, around) === (operator === "in");
  }
  return compareBy(operator, left, right, budget);
}

/** What a statement would do, told from its syntax, for those that are not run. */

import type { SyntaxNode } from "./syntax.ts";

/** The names that a statement, or one within it, may set. */
export function namesSetIn(node: SyntaxNode): Set<string> {
  const names = new Set<string>();
  const rest = [node];
  for (let next = rest.pop(); next; next = rest.pop()) {
    for (const name of namesSetBy(next)) names.add(name);
    // What a function sets is its own.
    if (next.name !== "FunctionDefinition" && next.name !== "ClassDefinition") {
      for (const statement of statementsOf(next)) rest.push(statement);
    }
  }
  return names;
}

function namesSetBy({ name, children }: SyntaxNode): string[] {
  const names = (nodes: readonly SyntaxNode[]) =>
    nodes.filter((child) => child.name === "VariableName").map(({ text }) => text);
  const end = (...marks: string[]) => children.findLastIndex((child) => marks.includes(child.name));
  switch (name) {
    case "AssignStatement":
    case "UpdateStatement":
      return targetsIn(children.slice(0, end("AssignOp", "UpdateOp"))).map(({ text }) => text);
    case "ForStatement":
      return targetsIn(children.slice(1, end("in"))).map(({ text }) => text);
    case "FunctionDefinition":
    case "ClassDefinition":
      return names(children).slice(0, 1);
    case "ImportStatement":
    case "DeleteStatement":
    case "WithStatement":
      return names(children);
    default:
      return [];
  }
}

function targetsIn(nodes: readonly SyntaxNode[]): SyntaxNode[] {
  return nodes.flatMap((node) => {
    if (node.name === "VariableName") return [node];
    const isRow = ["TupleExpression", "ArrayExpression", "ParenthesizedExpression"].includes(node.name);
    return isRow ? targetsIn(node.children) : [];
  });
}

function statementsOf({ children }: SyntaxNode): SyntaxNode[] {
  return children.filter(({ name }) => /Statement|^Body$|Definition$|^MatchBody$|^MatchClause$/.test(name));
}

/** Whether a `def` or `class` does something where it stands: defaults, bases, and the lines of a class. */
export function runsWhenDefined(node: SyntaxNode): boolean {
  const rest = node.children.filter(({ name }) => name !== "Body" || node.name === "ClassDefinition");
  for (let next = rest.pop(); next; next = rest.pop()) {
    if (["CallExpression", "UpdateStatement", "DeleteStatement", "DecoratedStatement"].includes(next.name)) return true;
    if (next.name === "AssignStatement" && next.children[0]?.name !== "VariableName") return true;
    if (next.name === "LambdaExpression") continue;
    const isFunction = next.name === "FunctionDefinition";
    for (const child of next.children) if (child.name !== "Body" || !isFunction) rest.push(child);
  }
  return false;
}

const changing = new Set("add append clear extend insert pop popitem remove reverse setdefault sort update".split(" "));

/**
 * Whether an expression calls a method that changes a list, dict or set. Where such an expression fails half way, nobody
 * knows what `config` would hold.
 */
export function changesSomething(node: SyntaxNode): boolean {
  const rest = [node];
  for (let next = rest.pop(); next; next = rest.pop()) {
    if (next.name === "LambdaExpression") continue;
    const callee = next.name === "CallExpression" ? next.children[0] : undefined;
    if (callee?.name === "MemberExpression" && changing.has(callee.children.at(-1)!.text)) return true;
    for (const child of next.children) rest.push(child);
  }
  return false;
}

/** The state of one file that is being read, and where trouble gets its place. */

import { Budget } from "./bounds.ts";
import { isTrue } from "./compare.ts";
import { evaluateExpression } from "./expressions.ts";
import { changesSomething } from "./inspect.ts";
import { type Machine, Scope } from "./machine.ts";
import type { PythonSurroundings } from "./modules.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";
import { known, Unknown, type Value } from "./values.ts";

export class Interpreter implements Machine {
  readonly file: string;
  readonly around: PythonSurroundings;
  readonly budget = new Budget();
  scope = new Scope();
  /** What makes the file unreadable, whatever `config` holds. */
  readonly #reported = new Map<string, Trouble>();

  constructor(file: string, around: PythonSurroundings) {
    this.file = file;
    this.around = around;
  }

  evaluate(node: SyntaxNode): Value {
    try {
      return known(evaluateExpression(node, this));
    } catch (error) {
      throw error instanceof Trouble ? error.at(node) : error;
    }
  }

  evaluateLazily(node: SyntaxNode): Value {
    try {
      return this.evaluate(node);
    } catch (error) {
      if (!(error instanceof Trouble) || error.isFinal) throw error;
      this.budget.spend(Math.ceil((node.to - node.from) / 16));
      if (error.effect || changesSomething(node)) this.report(error);
      return new Unknown(error);
    }
  }

  test(node: SyntaxNode): boolean {
    try {
      return isTrue(this.evaluate(node));
    } catch (error) {
      throw error instanceof Trouble ? error.at(node) : error;
    }
  }

  report(trouble: Trouble): void {
    const key = `${trouble.place?.from}:${trouble.place?.to}:${trouble.message}`;
    if (!this.#reported.has(key)) this.#reported.set(key, trouble);
  }

  get reported(): readonly Trouble[] {
    return [...this.#reported.values()];
  }
}

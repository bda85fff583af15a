/** What the parts of the evaluation share. They know each other through this only, as each needs the others. */

import type { Budget } from "./bounds.ts";
import type { PythonSurroundings } from "./modules.ts";
import type { SyntaxNode } from "./syntax.ts";
import type { Trouble } from "./trouble.ts";
import type { Value } from "./values.ts";

/** The names of a module, or of a comprehension within one. */
export class Scope {
  readonly #names = new Map<string, Value>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  get(name: string): Value | undefined {
    return this.#names.has(name) ? this.#names.get(name) : this.#outer?.get(name);
  }

  set(name: string, value: Value): void {
    this.#names.set(name, value);
  }

  delete(name: string): boolean {
    return this.#names.delete(name);
  }
}

/** One file that is being read. */
export interface Machine {
  readonly file: string;
  readonly around: PythonSurroundings;
  readonly budget: Budget;
  scope: Scope;
  /** @throws Trouble with its place, also where the value is unknown */
  evaluate(node: SyntaxNode): Value;
  /** Like `evaluate`, but gives an unknown value where it would throw. */
  evaluateLazily(node: SyntaxNode): Value;
  /** Whether a condition holds. */
  test(node: SyntaxNode): boolean;
  /** Keeps a trouble that makes the file unreadable, whatever `config` holds. */
  report(trouble: Trouble): void;
}

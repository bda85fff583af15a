/**
 * Old configuration files, `fedmsg.d/*.py`. They are Python, and Python ran them: any file in `./fedmsg.d` could do
 * anything. Here they are read and never run. A parser makes a tree of the source, and an evaluator of our own goes
 * through it that knows what configurations are made of: literals, names, texts put together, loops over lists, and
 * the few functions that tell where the file is used (`socket.gethostname()`, `os.path.join(...)`).
 *
 * ```text
 * source -> scan.ts, syntax.ts -> statements.ts -> expressions.ts -> result.ts -> plain data and its lines
 *            quotes, brackets      names, loops      values (values.ts)
 * ```
 *
 * What it does not know is no reason to stop: a value that cannot be read is carried about as `Unknown`, and is a
 * problem only where `config` holds it, or something that was read depended on it. Then all problems are told at once.
 * The alternatives were to run Python, which is what this is for not doing, and to read literals only, as
 * `ast.literal_eval` does; of the files seen in the wild that one reads none that has a host name in it.
 */

import { FedmsgError } from "../../errors.ts";
import type { Parsed } from "../yaml-tree.ts";
import { Interpreter } from "./interpreter.ts";
import type { PythonSurroundings } from "./modules.ts";
import { describeProblems } from "./problems.ts";
import { buildResult } from "./result.ts";
import { runAll } from "./statements.ts";
import { parseSource, type SyntaxNode } from "./syntax.ts";
import { type Origin, type Place, Trouble } from "./trouble.ts";
import { known, PyDict, typeName } from "./values.ts";

export type { PythonSurroundings } from "./modules.ts";

/**
 * Reads a Python file for the dict that its variable `config` holds at the end, with the line of each member. Nothing in
 * the file is run, and of the environment only those variables are looked at that {@link PythonSurroundings} allows:
 * `HOME` and its like, `XDG_*`, `FEDMSG_*`, and those that `FEDMSG_CONFIG_VARIABLES` lists.
 *
 * Where Python 2 and 3 differ, a number is as in Python 3 (`7 / 2` is `3.5`), and what Python 3 makes lazy is a list.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE with one line for each problem: `file:line:column: what: why; advice`
 */
export async function readPython(file: string, text: string, around: PythonSurroundings): Promise<Parsed> {
  // As Python reads source: one kind of line end, and no mark at the start.
  const source = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const troubles = new Set<Trouble>();
  try {
    const parsed = evaluateModule(await parseSource(source), new Interpreter(file, around), troubles);
    if (parsed) return parsed;
  } catch (error) {
    troubles.add(asTrouble(error));
  }
  throw new FedmsgError("FEDMSG_CONFIG_UNREADABLE", describeProblems(file, source, troubles));
}

/** Evaluates a module; `undefined` where something is wrong with it. */
function evaluateModule(module: SyntaxNode, machine: Interpreter, troubles: Set<Trouble>): Parsed | undefined {
  try {
    runAll(module.children, machine);
    const config = known(machine.scope.get("config"));
    const start: Place = { from: 0, to: 0 };
    if (config === undefined) throw new Trouble("config", "", { place: start });
    if (!(config instanceof PyDict)) throw new Trouble("configNoDict", typeName(config), { place: start });
    const onTrouble = (trouble: Trouble, origin: Origin) => troubles.add(trouble.at(origin));
    const parsed = buildResult(config, { budget: machine.budget, onTrouble });
    return machine.reported.length + troubles.size > 0 ? undefined : parsed;
  } finally {
    for (const trouble of machine.reported) troubles.add(trouble);
  }
}

/** A stack that overflows in spite of the bounds is a file that is nested too deep; anything else is our mistake. */
function asTrouble(error: unknown): Trouble {
  if (error instanceof Trouble) return error.at({ from: 0, to: 0 });
  if (error instanceof RangeError) return new Trouble("nesting", "", { place: { from: 0, to: 0 } });
  throw error;
}

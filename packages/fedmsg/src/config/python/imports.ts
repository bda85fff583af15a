/** `import`: nothing is loaded. A name stands for its module, and what of that can be used is in `modules.ts`. */

import type { Machine } from "./machine.ts";
import { canonicalPath, constantOf } from "./modules.ts";
import { splitAtCommas } from "./parts.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Trouble } from "./trouble.ts";
import { Named } from "./values.ts";

/** Gives the imported names their values. */
export function runImport(node: SyntaxNode, { scope }: Machine): void {
  const nodes = node.children.filter(({ name }) => name !== "(" && name !== ")");
  const at = nodes.findIndex(({ name }) => name === "import");
  const from = nodes
    .slice(1, at)
    .map(({ text }) => text)
    .join("");
  for (const part of splitAtCommas(nodes.slice(at + 1))) {
    if (part.some(({ name }) => name === "*")) throw new Trouble("importStar", "", { place: node });
    const as = part.findIndex(({ name }) => name === "as");
    const path = part
      .slice(0, as < 0 ? undefined : as)
      .map(({ text }) => text)
      .join("");
    const alias = as < 0 ? undefined : part[as + 1]?.text;
    if (from === "") scope.set(alias ?? part[0]!.text, new Named(alias ? canonicalPath(path) : part[0]!.text));
    else scope.set(alias ?? path, importedValue(`${from}.${path}`));
  }
}

function importedValue(name: string) {
  const path = canonicalPath(name);
  const constant = constantOf(path);
  return constant === undefined ? new Named(path) : constant;
}

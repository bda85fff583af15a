/** What a call gives to a function or method, and how that takes it. */

import type { Budget } from "./bounds.ts";
import { type Origin, Trouble } from "./trouble.ts";
import type { Slot, Value } from "./values.ts";

/** One call. Its arguments may be unknown values. */
export interface Call {
  /** As it stands in the source. */
  readonly name: string;
  readonly args: readonly Value[];
  /** By their keywords, each with the keyword's line. */
  readonly named: ReadonlyMap<string, Slot>;
  readonly origin: Origin;
  /** Those of `args`. */
  readonly origins: readonly Origin[];
  readonly budget: Budget;
}

/**
 * The arguments in the order of `names`, given by place or by keyword; a name that begins with `/` is for a place only.
 * Those that are not given are `undefined`.
 *
 * @throws Trouble where one of the first `required` is missing, or one is given that has no name
 */
export function take(call: Call, names: readonly string[], required = names.length): (Value | undefined)[] {
  const taken = names.map((name, n) => (n < call.args.length ? call.args[n] : call.named.get(name)?.value));
  const wrong = [...call.named.keys()].find((name) => !names.slice(call.args.length).includes(name));
  if (call.args.length > names.length || wrong !== undefined) throw refuse(call, wrong);
  if (taken.slice(0, required).includes(undefined)) throw refuse(call);
  return taken;
}

/** The only argument. */
export function takeOne(call: Call): Value {
  return take(call, ["/value"])[0]!;
}

function refuse({ name, args }: Call, keyword?: string): Trouble {
  const which = keyword === undefined ? `${args.length} value(s)` : `\`${keyword.slice(0, 30)}\``;
  return new Trouble("arguments", `\`${name.slice(0, 40)}\` cannot be read with ${which}`);
}

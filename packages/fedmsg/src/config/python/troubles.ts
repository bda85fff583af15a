import { Trouble } from "./trouble.ts";
import { PyDict, PyList, PyTuple, Unknown, type Value } from "./values.ts";

/**
 * Gathers what is wrong with the members of one list or dict, so that all of it is told and not the first only. A value
 * that is unknown is no trouble as long as it is not used; an unknown key or an unknown `**other` is.
 */
export class Troubles {
  #first: Trouble | undefined;

  /** Runs something, and keeps its trouble for `finish`. */
  try(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Trouble) || error.isFinal) throw error;
      if (!this.#first) this.#first = error;
      else this.#first.others.add(error);
    }
  }

  /** Throws what was kept, together with what the values themselves have. */
  finish(values: Iterable<Value>): void {
    if (!this.#first) return;
    for (const trouble of troublesIn(values)) this.#first.others.add(trouble);
    throw this.#first;
  }
}

/** How many values are looked at for more trouble. */
const visitsMax = 1000;

function* troublesIn(values: Iterable<Value>): Iterable<Trouble> {
  // The set grows while it is walked, and has each list and dict once.
  const all = new Set(values);
  let visits = 0;
  for (const value of all) {
    if (++visits > visitsMax) return;
    if (value instanceof Unknown) yield value.trouble;
    if (value instanceof PyDict) for (const entry of value.entries.values()) all.add(entry.value);
    if (value instanceof PyList || value instanceof PyTuple) for (const item of value.items) all.add(item.value);
  }
}

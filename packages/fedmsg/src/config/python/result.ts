/** From Python's values to plain data with the lines of its members. */

import { depthMax, type Mapping, valuesMax } from "../data.ts";
import type { Lines } from "../origin.ts";
import type { Parsed } from "../yaml-tree.ts";
import { type Budget, resultCharsMax } from "./bounds.ts";
import { walk } from "./sequences.ts";
import { showFloat } from "./show.ts";
import { type Origin, Trouble, type TroubleKind } from "./trouble.ts";
import { Named, Opaque, PyDict, PyList, PyRange, PySet, PyTuple, typeName, Unknown, type Value } from "./values.ts";

interface Built {
  readonly value: unknown;
  readonly lines: Lines;
}

/** What the result of one file is made with. */
export interface ResultOptions {
  readonly budget: Budget;
  /** Told of a value that cannot be read, and the place of the member that it is. */
  readonly onTrouble: (trouble: Trouble, origin: Origin) => void;
}

/** Makes the plain mapping of `config`. */
export function buildResult(config: PyDict, options: ResultOptions): Parsed {
  return new Result(options).build(config, config.origin);
}

/** After these, the rest would only bring more of the same. */
const endless: ReadonlySet<TroubleKind> = new Set<TroubleKind>(["cycle", "nesting", "steps", "texts", "values"]);

type Row = PyList | PyTuple | PySet | PyRange;

function isRow(value: Value): value is Row {
  return [PyList, PyTuple, PySet, PyRange].some((kind) => value instanceof kind);
}

class Result {
  readonly #options: ResultOptions;
  /** The lists and dicts around the value that is being built. */
  readonly #around = new Set<object>();
  #values = 0;
  #chars = 0;

  constructor(options: ResultOptions) {
    this.#options = options;
  }

  build(value: Value, origin: Origin): Built {
    try {
      if (++this.#values > valuesMax) throw new Trouble("values");
      if (value instanceof PyDict) return this.#within(value, () => this.#buildDict(value, origin));
      if (isRow(value)) return this.#within(value, () => this.#buildList(value, origin));
      return { value: this.#plain(value), lines: { line: origin.line } };
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      error.at(origin);
      if (endless.has(error.kind)) throw error;
      this.#options.onTrouble(error, origin);
      return { value: null, lines: { line: origin.line } };
    }
  }

  #within(value: object, build: () => Built): Built {
    if (this.#around.has(value)) throw new Trouble("cycle");
    if (this.#around.size >= depthMax) throw new Trouble("nesting");
    this.#around.add(value);
    const built = build();
    this.#around.delete(value);
    return built;
  }

  #buildDict(dict: PyDict, { line }: Origin): Built {
    const value: Mapping = {};
    const members = new Map<string, Lines>();
    for (const entry of dict.entries.values()) {
      if (typeof entry.key !== "string") {
        this.#options.onTrouble(new Trouble("key", typeName(entry.key)), entry.origin);
        this.build(entry.value, entry.origin);
        continue;
      }
      const built = this.build(entry.value, entry.origin);
      this.#count(entry.key);
      members.set(entry.key, { ...built.lines, line: entry.origin.line });
      // Left out, as `copyData` leaves it out.
      if (entry.key !== "__proto__") value[entry.key] = built.value;
    }
    return { value, lines: { line, members } };
  }

  #buildList(list: Row, origin: Origin): Built {
    const { budget } = this.#options;
    const slots = list instanceof PyRange ? walk(list, budget, origin) : list.items;
    if (this.#values + slots.length > valuesMax) throw new Trouble("values");
    const built = slots.map((slot) => this.build(slot.value, slot.origin));
    return {
      value: built.map(({ value }) => value),
      lines: { line: origin.line, members: new Map(built.map(({ lines }, n) => [n, lines])) },
    };
  }

  #plain(value: Value): unknown {
    if (value instanceof Unknown) throw value.trouble;
    if (typeof value === "string") return this.#count(value);
    if (typeof value === "bigint") return safeInteger(value);
    if (typeof value === "number" && !Number.isFinite(value)) throw new Trouble("finite", showFloat(value));
    if (value instanceof Opaque && value.kind === "timedelta") return value.content;
    if (value instanceof Opaque && value.kind === "engine") throw new Trouble("engine");
    if (value instanceof Opaque || value instanceof Named) throw new Trouble("object", typeName(value));
    return value;
  }

  #count(text: string): string {
    this.#chars += text.length;
    if (this.#chars > resultCharsMax) throw new Trouble("texts");
    return text;
  }
}

function safeInteger(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  const digits = String(value);
  throw new Trouble("safeInteger", digits.length > 40 ? `${digits.slice(0, 40)}...` : digits);
}

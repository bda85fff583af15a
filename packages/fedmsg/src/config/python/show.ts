/** `str()` and `repr()` of values, as `"%s"`, `format` and f-strings show them. */

import { type Budget, boundText, valueDepthMax } from "./bounds.ts";
import { Trouble } from "./trouble.ts";
import { known, Named, PyDict, PyList, PyRange, PySet, PyTuple, type Slot, typeName, type Value } from "./values.ts";

/** `str(value)`. */
export function show(value: Value, budget: Budget): string {
  return typeof value === "string" ? value : showExactly(value, budget);
}

/** `repr(value)`. */
export function showExactly(value: Value, budget: Budget, depth = 0): string {
  if (depth > valueDepthMax) throw new Trouble("nesting");
  if (typeof value === "string") {
    budget.text(value.length);
    return quote(value);
  }
  budget.spend();
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return showFloat(value);
  const inside = (items: readonly Slot[]) => join(items, ({ value }) => showExactly(value, budget, depth + 1), budget);
  if (value instanceof PyList) return `[${inside(value.items)}]`;
  if (value instanceof PyTuple) return `(${inside(value.items)}${value.items.length === 1 ? "," : ""})`;
  if (value instanceof PySet) return value.slots.size > 0 ? `{${inside(value.items)}}` : "set()";
  if (value instanceof PyDict) {
    const entry = (each: { readonly key: Value; readonly value: Value }) =>
      `${showExactly(each.key, budget, depth + 1)}: ${showExactly(each.value, budget, depth + 1)}`;
    return `{${join([...value.entries.values()], entry, budget)}}`;
  }
  if (value instanceof PyRange) return showRange(value);
  if (value instanceof Named) throw new Trouble("object", typeName(value));
  throw new Trouble("object", typeName(known(value)));
}

function join<T>(items: readonly T[], text: (item: T) => string, budget: Budget): string {
  let joined = "";
  for (const item of items) {
    const part = text(item);
    budget.text(part.length);
    joined += (joined && ", ") + part;
    boundText(joined.length);
  }
  return joined;
}

function showRange({ start, step, length }: PyRange): string {
  // Python shows the end as it was written, which is not kept.
  if (step !== 1n || length === 0n) throw new Trouble("object", "a range");
  return `range(${start}, ${start + length})`;
}

/** `repr` of a float: the shortest digits that give it again, `1.0` and not `1`, and `1e-05`. */
export function showFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 16) return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const plain = power >= 0 ? String(value) : expand(digits, power);
  return plain.includes(".") ? plain : `${plain}.0`;
}

function expand(digits: string, power: number): string {
  const sign = digits.startsWith("-") ? "-" : "";
  return `${sign}0.${"0".repeat(-power - 1)}${digits.replace(/[-.]/g, "")}`;
}

const escapes = new Map([
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const hidden = /[\\\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
  const escaped = text.replace(hidden, (char) => escapes.get(char) ?? escapeCode(char.codePointAt(0)!));
  return mark + escaped.replaceAll(mark, `\\${mark}`) + mark;
}

function escapeCode(code: number): string {
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

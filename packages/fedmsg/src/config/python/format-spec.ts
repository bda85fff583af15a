/** `format(value, spec)` (The Python Standard Library, "Format Specification Mini-Language"). */

import { type Budget, boundText } from "./bounds.ts";
import { lengthOf, sliceText } from "./characters.ts";
import { formatFloat } from "./format-number.ts";
import { show, showFloat } from "./show.ts";
import { Trouble } from "./trouble.ts";
import { known, typeName, type Value } from "./values.ts";

const form = /^(?:([\s\S])?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

interface Spec {
  readonly fill: string;
  readonly align: string | undefined;
  readonly sign: string;
  readonly isMarked: boolean;
  readonly width: number;
  readonly group: string;
  readonly precision: number | undefined;
  readonly type: string;
}

/** Formats one value. */
export function formatValue(value: Value, spec: string, budget: Budget): string {
  const given = known(value);
  if (spec === "") return show(given, budget);
  const parsed = parseSpec(spec);
  if (typeof given === "string") return formatText(given, parsed, budget);
  // As Python has it, a bool is shown as a number where it has a width or a type.
  if (typeof given === "boolean") return formatNumber(given ? 1n : 0n, parsed, budget);
  if (typeof given === "bigint" || typeof given === "number") return formatNumber(given, parsed, budget);
  throw new Trouble("fails", `${typeName(given)} has no format \`${spec.slice(0, 20)}\``);
}

function parseSpec(spec: string): Spec {
  const found = form.exec(spec);
  if (!found) throw new Trouble("format", `the format \`${spec.slice(0, 20)}\` cannot be read`);
  const [, fill, align, sign = "", z, mark, zero, width = "0", group = "", precision, type = ""] = found;
  if (z) throw new Trouble("format", "`z` in a format cannot be read");
  boundText(Number(width));
  boundText(Number(precision ?? 0));
  return {
    fill: fill ?? (zero && !align ? "0" : zero && fill === undefined ? "0" : " "),
    align: align ?? (zero ? "=" : undefined),
    sign,
    isMarked: mark !== undefined,
    width: Number(width),
    group,
    precision: precision === undefined ? undefined : Number(precision),
    type,
  };
}

function formatText(text: string, spec: Spec, budget: Budget): string {
  const isBare = spec.sign === "" && !spec.isMarked && spec.group === "";
  if (!isBare || (spec.type !== "" && spec.type !== "s") || (spec.align === "=" && spec.fill !== "0")) {
    throw new Trouble("fails", "this format is for numbers, and the value is a text");
  }
  if (spec.align === "=") throw new Trouble("format", "a text filled with zeros");
  const shown = spec.precision === undefined ? text : sliceText(text, 0, spec.precision);
  return pad("", shown, { ...spec, align: spec.align ?? "<" }, budget);
}

function formatNumber(value: bigint | number, spec: Spec, budget: Budget): string {
  const isNegative = value < 0 || Object.is(value, -0);
  const size = isNegative ? -value : value;
  const { prefix, digits } = writeDigits(size, spec);
  const sign = isNegative ? "-" : spec.sign === "-" ? "" : spec.sign;
  return pad(sign + prefix, digits, { ...spec, align: spec.align ?? ">" }, budget);
}

interface Digits {
  readonly prefix: string;
  readonly digits: string;
}

function writeDigits(size: bigint | number, spec: Spec): Digits {
  const { type, precision } = spec;
  const radix = { b: 2, o: 8, x: 16, X: 16, d: 10, "": 10 }[type];
  if (typeof size === "bigint" && radix !== undefined) return writeInteger(size, radix, spec);
  if (type === "c" && typeof size === "bigint") throw new Trouble("format", "`c` in a format cannot be read");
  if (type === "%") return { prefix: "", digits: `${floatDigits(Number(size) * 100, { ...spec, type: "f" })}%` };
  if (type !== "" && "eEfFgG".includes(type)) return { prefix: "", digits: floatDigits(Number(size), spec) };
  if (type !== "") throw new Trouble("fails", `a number has no format \`${type}\``);
  if (precision !== undefined) throw new Trouble("format", "a precision without a letter, such as `f`, cannot be read");
  return { prefix: "", digits: group(showFloat(Number(size)), spec, 3) };
}

function writeInteger(size: bigint, radix: number, spec: Spec): Digits {
  if (spec.precision !== undefined) throw new Trouble("fails", "a precision is for floats, and the value is an int");
  if (spec.group === "," && radix !== 10) throw new Trouble("fails", "`,` is for decimal digits");
  const digits = group(size.toString(radix), spec, radix === 10 ? 3 : 4);
  const prefix = spec.isMarked && radix !== 10 ? `0${spec.type.toLowerCase()}` : "";
  return spec.type === "X" ? { prefix: prefix.toUpperCase(), digits: digits.toUpperCase() } : { prefix, digits };
}

function floatDigits(size: number, spec: Spec): string {
  return group(formatFloat(size, spec.type, spec.precision ?? 6, spec.isMarked), spec, 3);
}

function group(digits: string, spec: Spec, by: number): string {
  if (spec.group === "") return digits;
  // Python fills with grouped zeros, which nobody is known to have asked for.
  if (spec.align === "=" && spec.fill === "0") throw new Trouble("format", "zeros in groups cannot be read");
  const [whole] = /^\w*/.exec(digits)!;
  const end = by === 4 || /^\d+$/.test(whole) ? whole.length : /^\d*/.exec(whole)![0].length;
  const groups: string[] = [];
  for (let at = end; at > 0; at -= by) groups.unshift(digits.slice(Math.max(0, at - by), at));
  return groups.join(spec.group) + digits.slice(end);
}

function pad(sign: string, body: string, { width, fill, align }: Spec, budget: Budget): string {
  const missing = width - lengthOf(sign) - lengthOf(body);
  budget.text(Math.max(width * 2, body.length));
  if (missing <= 0) return sign + body;
  if (align === "<") return sign + body + fill.repeat(missing);
  if (align === "=") return sign + fill.repeat(missing) + body;
  const before = align === "^" ? Math.floor(missing / 2) : missing;
  return fill.repeat(before) + sign + body + fill.repeat(missing - before);
}

/** `"..." % values` (The Python Standard Library, "printf-style String Formatting"). */

import { type Budget, boundText } from "./bounds.ts";
import { lengthOf, sliceText } from "./characters.ts";
import { numberOf } from "./compare.ts";
import { formatFloat } from "./format-number.ts";
import { integerOf } from "./sequences.ts";
import { show, showExactly } from "./show.ts";
import { Trouble } from "./trouble.ts";
import { known, PyDict, PyList, PyTuple, typeName, type Value } from "./values.ts";

const conversion = /%(?:\(([^()]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?([\s\S]?)/g;

interface Conversion {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly type: string;
}

/** Formats a text. */
export function formatPercent(template: string, values: Value, budget: Budget): string {
  const given = new Given(values);
  budget.text(template.length);
  const parts: string[] = [];
  let [end, length] = [0, 0];
  const add = (part: string) => {
    budget.text(part.length);
    length += part.length;
    boundText(length);
    parts.push(part);
  };
  for (const found of template.matchAll(conversion)) {
    add(template.slice(end, found.index));
    end = found.index + found[0].length;
    add(convert(found, given, budget));
  }
  add(template.slice(end));
  given.finish();
  return parts.join("");
}

function convert(found: RegExpExecArray, given: Given, budget: Budget): string {
  const [, name, flags = "", width, digits, type = ""] = found;
  if (type === "%" && found[0] === "%%") return "%";
  const size = width === "*" ? Number(integerOf(given.next())) : Number(width ?? 0);
  const precision = digits === "*" ? Math.max(0, Number(integerOf(given.next()))) : digits;
  const form: Conversion = {
    flags: size < 0 ? `${flags}-` : flags,
    width: Math.abs(size),
    precision: precision === undefined ? undefined : Number(precision),
    type,
  };
  boundText(form.width);
  boundText(form.precision ?? 0);
  return pad(write(known(name === undefined ? given.next() : given.named(name)), form, budget), form);
}

/** The values, taken one after the other, or by their names. */
class Given {
  readonly #values: Value;
  readonly #items: readonly Value[];
  #taken = 0;
  #byName = false;

  constructor(values: Value) {
    this.#values = values;
    this.#items = values instanceof PyTuple ? values.items.map(({ value }) => value) : [values];
  }

  next(): Value {
    if (this.#taken >= this.#items.length) throw new Trouble("fails", "there are fewer values than the text asks for");
    return known(this.#items[this.#taken++]!);
  }

  named(name: string): Value {
    this.#byName = true;
    if (!(this.#values instanceof PyDict)) throw new Trouble("fails", "a name in the text needs a dict after `%`");
    const entry = this.#values.get(name);
    if (!entry) throw new Trouble("fails", `the dict has no key ${JSON.stringify(name)}`);
    return entry.value;
  }

  finish(): void {
    const mayRemain = this.#byName || this.#values instanceof PyDict || this.#values instanceof PyList;
    if (this.#taken === this.#items.length || mayRemain) return;
    throw new Trouble("fails", "there are more values than the text asks for");
  }
}

function write(value: Value, { flags, precision, type }: Conversion, budget: Budget): string {
  if (type === "s" || type === "r") {
    const text = type === "s" ? show(value, budget) : showExactly(value, budget);
    budget.text(text.length);
    return precision === undefined ? text : sliceText(text, 0, precision);
  }
  if (type === "c") return writeCharacter(value);
  const isFloat = type !== "" && "eEfFgG".includes(type);
  if (!isFloat && !(type !== "" && "diuxXo".includes(type))) {
    throw new Trouble("format", `\`%${type}\` is not among the forms that can be read`);
  }
  const number = numberOf(value);
  if (number === undefined) throw new Trouble("fails", `\`%${type}\` needs a number, not ${typeName(value)}`);
  const isNegative = number < 0 || Object.is(number, -0);
  const sign =
    isNegative && (isFloat || truncate(number, type) < 0n)
      ? "-"
      : flags.includes("+")
        ? "+"
        : flags.includes(" ")
          ? " "
          : "";
  if (isFloat) return sign + formatFloat(Math.abs(Number(number)), type, precision ?? 6, flags.includes("#"));
  return sign + writeInteger(truncate(number, type), type, flags.includes("#"), precision);
}

function writeCharacter(value: Value): string {
  if (typeof value === "string" && lengthOf(value) === 1) return value;
  const code = Number(integerOf(value));
  if (!(code >= 0 && code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) {
    throw new Trouble("fails", `${code} is no character of Unicode`);
  }
  return String.fromCodePoint(code);
}

function truncate(number: bigint | number, type: string): bigint {
  if (typeof number === "bigint") return number;
  if (!"diu".includes(type)) throw new Trouble("fails", `\`%${type}\` needs an int, not a float`);
  if (!Number.isFinite(number)) throw new Trouble("fails", `${number} is no integer`);
  return BigInt(Math.trunc(number));
}

function writeInteger(number: bigint, type: string, isMarked: boolean, precision = 0): string {
  const radix = type === "o" ? 8 : type === "x" || type === "X" ? 16 : 10;
  const digits = (number < 0n ? -number : number).toString(radix).padStart(precision, "0");
  const marked = isMarked && radix !== 10 ? `0${type === "o" ? "o" : "x"}${digits}` : digits;
  return type === "X" ? marked.toUpperCase() : marked;
}

function pad(text: string, { flags, width, type }: Conversion): string {
  const missing = width - lengthOf(text);
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0") || "src".includes(type) || /inf|nan/i.test(text)) return " ".repeat(missing) + text;
  const [sign] = /^[-+ ]?(?:0[xXo])?/.exec(text)!;
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

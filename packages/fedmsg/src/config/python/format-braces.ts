/** `"...".format(...)` (The Python Standard Library, "Format String Syntax"). */

import { type Budget, boundText } from "./bounds.ts";
import { formatValue } from "./format-spec.ts";
import { itemAt } from "./sequences.ts";
import { show, showExactly } from "./show.ts";
import { Trouble } from "./trouble.ts";
import { known, PyDict, type Slot, type Value } from "./values.ts";

/** What stands in the brackets after `format`. */
export interface FormatArguments {
  readonly args: readonly Value[];
  readonly named: ReadonlyMap<string, Slot>;
}

/** Formats a text. */
export function formatBraces(template: string, given: FormatArguments, budget: Budget): string {
  budget.text(template.length);
  return new Template(template, given, budget).format();
}

/** `str(value)` or `repr(value)`, by what stands after `!`. */
export function convert(value: Value, conversion: string | undefined, budget: Budget): Value {
  if (conversion === undefined) return known(value);
  if (conversion === "s") return show(value, budget);
  if (conversion === "r") return showExactly(value, budget);
  throw new Trouble("format", `\`!${conversion.slice(0, 10)}\` cannot be read`);
}

class Template {
  readonly #text: string;
  readonly #given: FormatArguments;
  readonly #budget: Budget;
  #at = 0;
  #numbered = 0;
  #isManual = false;

  constructor(text: string, given: FormatArguments, budget: Budget) {
    this.#text = text;
    this.#given = given;
    this.#budget = budget;
  }

  format(): string {
    let made = "";
    while (this.#at < this.#text.length) {
      const part = this.#next();
      this.#budget.text(part.length);
      made += part;
      boundText(made.length);
    }
    return made;
  }

  #next(): string {
    const brace = /[{}]/g;
    brace.lastIndex = this.#at;
    const from = this.#at;
    const found = brace.exec(this.#text)?.index ?? this.#text.length;
    this.#at = found;
    if (found > from) return this.#text.slice(from, found);
    const char = this.#text[found]!;
    this.#at += this.#text[found + 1] === char ? 2 : 1;
    if (this.#at === found + 2) return char;
    if (char === "}") throw new Trouble("fails", "a `}` without a `{` in the text");
    return this.#field();
  }

  /** `{name[key]!r:spec}`, where the spec may have fields of its own. */
  #field(): string {
    const name = this.#until(/[!:{}]|\[[^\]]*\]/g, (found) => found.startsWith("["));
    // The number of a field is taken before those in its spec.
    const value = this.#lookUp(name);
    let conversion: string | undefined;
    if (this.#text[this.#at] === "!") {
      this.#at++;
      conversion = this.#until(/[:{}]/g);
    }
    let spec = "";
    if (this.#text[this.#at] === ":") {
      this.#at++;
      spec = this.#spec();
    }
    if (this.#text[this.#at] !== "}") throw new Trouble("fails", "a `{` without a `}` in the text");
    this.#at++;
    return formatValue(convert(value, conversion, this.#budget), spec, this.#budget);
  }

  #spec(): string {
    let spec = "";
    for (;;) {
      spec += this.#until(/[{}]/g);
      if (this.#text[this.#at] !== "{") return spec;
      this.#at++;
      const value = this.#lookUp(this.#until(/[!:{}]/g));
      if (this.#text[this.#at] !== "}") throw new Trouble("format", "a field within a field, with more than a name");
      this.#at++;
      spec += show(value, this.#budget);
      boundText(spec.length);
    }
  }

  #until(end: RegExp, isPassed = (_: string) => false): string {
    const from = this.#at;
    end.lastIndex = from;
    let found = end.exec(this.#text);
    while (found && isPassed(found[0])) found = end.exec(this.#text);
    this.#at = found?.index ?? this.#text.length;
    return this.#text.slice(from, this.#at);
  }

  #lookUp(field: string): Value {
    const [, name = "", rest = ""] = /^([^.[\]]*)([\s\S]*)$/.exec(field) ?? [];
    let value = this.#argument(name);
    const keys = /\[([^\]]+)\]|([\s\S])/g;
    for (const [, key] of rest.matchAll(keys)) {
      if (key === undefined) throw new Trouble("format", `\`{${field.slice(0, 30)}}\` looks into an object`);
      value = this.#item(value, key);
    }
    return value;
  }

  #argument(name: string): Value {
    if (name !== "" && !/^\d+$/.test(name)) {
      const slot = this.#given.named.get(name);
      if (!slot) throw new Trouble("fails", `no value is called \`${name.slice(0, 30)}\``);
      return known(slot.value);
    }
    if (name === "" ? this.#isManual : this.#numbered > 0) {
      throw new Trouble("fails", "fields with and without a number are mixed");
    }
    this.#isManual ||= name !== "";
    const number = name === "" ? this.#numbered++ : Number(name);
    if (number >= this.#given.args.length) throw new Trouble("fails", `there is no value ${number}`);
    return known(this.#given.args[number]!);
  }

  #item(value: Value, key: string): Value {
    const name: Value = /^\d{1,15}$/.test(key) ? BigInt(key) : key;
    if (!(value instanceof PyDict)) return known(itemAt(value, name, this.#budget));
    const entry = value.get(name);
    if (!entry) throw new Trouble("fails", `the dict has no key ${JSON.stringify(key)}`);
    return known(entry.value);
  }
}

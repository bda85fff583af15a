/**
 * The kinds of values that configuration keys take, as schemas. A schema's message says what is wanted, in words that
 * follow "wanted"; what was found stands before it in the report.
 */

import * as v from "valibot";
import { isMapping } from "./data.ts";

/** The largest number that ZeroMQ's options, and timers in milliseconds, can hold. */
const int32Max = 2_147_483_647;

const textWanted = "text, in quotes where it looks like a number";
const addressWanted = "an address such as tcp://host:port";
const flagWanted = "true or false";

/** Any text. */
export const text = v.string(textWanted);

/** Any text, or null for "not set". */
export const textOrNull = v.nullable(text);

/** A switch; the words `true` and `false` are understood in any case, as Python's validators do. */
export const flag = v.union(
  [
    v.boolean(flagWanted),
    v.pipe(
      v.string(flagWanted),
      v.regex(/^(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$/, flagWanted),
      v.transform((word) => word.toLowerCase() === "true"),
    ),
  ],
  flagWanted,
);

/** A transport address. Which host and port it names is checked where it is used. */
export const address = v.pipe(v.string(addressWanted), v.regex(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/\S+$/, addressWanted));

/** One of some words. */
export function word<const Words extends readonly string[]>(words: Words) {
  return v.picklist(words, `one of ${words.join(", ")}`);
}

/** A whole number in a range, 0 and up unless told; its digits as text are understood too. */
export function whole({ min = 0, max = int32Max }: { readonly min?: number; readonly max?: number } = {}) {
  const wanted = `a whole number from ${min} to ${max}`;
  const digits = new RegExp(`^[0-9]{1,${Math.max(10, String(max).length)}}$`);
  return v.union(
    [
      v.pipe(v.number(wanted), v.integer(wanted), v.minValue(min, wanted), v.maxValue(max, wanted)),
      v.pipe(
        v.string(wanted),
        v.regex(digits, wanted),
        v.transform(Number),
        v.minValue(min, wanted),
        v.maxValue(max, wanted),
      ),
    ],
    wanted,
  );
}

const secondsMax = Math.floor(int32Max / 1000);
const secondsWanted = `a number of seconds from 0 to ${secondsMax}`;

/** A time span in seconds, with fractions; digits as text are understood too. */
export const seconds = v.union(
  [
    v.pipe(v.number(secondsWanted), v.minValue(0, secondsWanted), v.maxValue(secondsMax, secondsWanted)),
    v.pipe(
      v.string(secondsWanted),
      v.regex(/^[0-9]{1,10}(?:\.[0-9]{0,20})?$/, secondsWanted),
      v.transform(Number),
      v.maxValue(secondsMax, secondsWanted),
    ),
  ],
  secondsWanted,
);

/** A TCP port; 0 lets the system choose one. */
export const port = whole({ max: 65_535 });

/** A list. A single item is taken for a list of one. */
export function listOf<Input, Output>(item: v.GenericSchema<Input, Output>, wanted: string) {
  return v.union(
    [
      v.pipe(
        item,
        v.transform((single): Output[] => [single]),
      ),
      v.array(item, wanted),
    ],
    wanted,
  );
}

/** One address, or a list of them. */
export const addresses = listOf(address, "an address such as tcp://host:port, or a list of them");

/** One text, or a list of them. */
export const texts = listOf(text, "text, or a list of texts");

/** Like {@link listOf}, but a text may hold several items, with commas between them. */
export const commaTexts = v.union(
  [
    v.pipe(
      v.string(),
      v.transform((line) =>
        line
          .split(",")
          .map((item) => item.trim())
          .filter(Boolean),
      ),
    ),
    v.array(text, "a list of texts"),
  ],
  "a list of texts, or one text with commas between them",
);

/** A mapping with free keys. */
export function mapping<Input, Output>(value: v.GenericSchema<Input, Output>, wanted: string) {
  return refuseLists(v.record(v.string(), value, wanted), wanted);
}

/** A mapping with known keys; others are kept. */
export function members<const Entries extends v.ObjectEntries>(entries: Entries, wanted: string) {
  return refuseLists(v.looseObject(entries, wanted), wanted);
}

/** valibot reads a list as a mapping with the keys "0", "1" and so on; in a configuration that is a mistake. */
function refuseLists<Input, Output>(
  schema: v.GenericSchema<Input, Output>,
  wanted: string,
): v.GenericSchema<Input, Output> {
  const guard = v.custom<Output & Input>(isMapping, wanted);
  return {
    ...schema,
    "~run": (dataset, config) =>
      Array.isArray(dataset.value) ? guard["~run"](dataset, config) : schema["~run"](dataset, config),
  };
}

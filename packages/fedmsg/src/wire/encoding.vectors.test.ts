/** The Python implementation's own answers (testkit/vectors/encoding.json), byte for byte. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { canonicalize, dumps, Float, loads, lossless, prettyDumps } from "../encoding.ts";
import { FedmsgError } from "../errors.ts";

type Tagged = Record<string, unknown>;
interface ObjectVector {
  python: string;
  input: unknown;
  output?: string;
  pretty?: string;
  recanonical?: string;
  raises?: string;
}
interface TextVector {
  text?: string;
  utf8_hex: string;
  output?: string;
  raises?: string;
}

const file = new URL("../../../testkit/vectors/encoding.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as { objects: ObjectVector[]; texts: TextVector[] };

/**
 * What has no counterpart here: `decimal.Decimal` and other objects that Python's encoder refuses as well; two lone
 * surrogates side by side, which are one character in JavaScript; a datetime with an offset, of which Python takes the
 * clock's face and forgets the offset, where a `Date` is an instant.
 */
const withoutCounterpart = [/"\$(decimal|object)"/, /"\$utf16":\[55\d{3},5[67]\d{3}\]/, /[+-](?!00:00)\d\d:\d\d"/];

function fromTagged(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(fromTagged);
  if (typeof input !== "object" || input === null) return input;
  const [[tag, value] = ["", undefined]] = Object.entries(input as Tagged);
  switch (tag) {
    case "$int":
    case "$intenum":
      return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value as string);
    case "$float":
      return new Float(pythonFloat(value as string));
    case "$dict":
      return new Map((value as [unknown, unknown][]).map(([key, item]) => [fromTagged(key), fromTagged(item)]));
    case "$tuple":
    case "$struct_time":
      return (value as unknown[]).map(fromTagged);
    case "$set":
      return new Set((value as unknown[]).map(fromTagged));
    case "$bytes":
      return Buffer.from(value as string, "hex");
    case "$utf16":
      return String.fromCharCode(...(value as number[]));
    case "$datetime":
    case "$date": {
      const text = value as string;
      const iso = tag === "$date" ? `${text}T00:00:00Z` : /[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`;
      return new Date(iso);
    }
    case "$__json__":
      return { __json__: () => fromTagged(value) };
    default:
      throw new Error(`unknown tag ${tag}`);
  }
}

function pythonFloat(text: string): number {
  return Number(text.replace("inf", "Infinity").replace("nan", "NaN"));
}

function hasCounterpart({ input }: ObjectVector): boolean {
  return !withoutCounterpart.some((pattern) => pattern.test(JSON.stringify(input)));
}

function expectCode(run: () => unknown, code: string): void {
  expect(run).toThrow(FedmsgError);
  try {
    run();
  } catch (error) {
    expect((error as FedmsgError).code).toBe(code);
  }
}

describe("canonicalize rebuilds the text that a Python validator hashes", () => {
  test.each(vectors.texts.map((vector) => [vector.utf8_hex.slice(0, 60), vector] as const))("%s", (_, vector) => {
    const bytes = Buffer.from(vector.utf8_hex, "hex");
    if (vector.output !== undefined) {
      expect(canonicalize(bytes)).toBe(vector.output);
      if (vector.text !== undefined) expect(canonicalize(vector.text)).toBe(vector.output);
      expect(dumps(loads(bytes, lossless))).toBe(vector.output);
    } else expectCode(() => canonicalize(bytes), "FEDMSG_DECODE");
  });
});

describe("dumps writes what Python writes", () => {
  const known = vectors.objects.filter(hasCounterpart);
  test.each(known.map((vector) => [vector.python, vector] as const))("%s", (_, vector) => {
    const value = fromTagged(vector.input);
    if (vector.output === undefined) return expectCode(() => dumps(value), "FEDMSG_ENCODE");
    expect(dumps(value)).toBe(vector.output);
    expect(prettyDumps(value)).toBe(vector.pretty);
    expect(canonicalize(vector.output)).toBe(vector.recanonical);
  });

  test("only what JavaScript cannot hold is left out", () => {
    expect(vectors.objects.length - known.length).toBeLessThan(10);
  });
});

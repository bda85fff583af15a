import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PrefixTree } from "./prefix-tree.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

/** What a PrefixTree promises, said plainly. */
class NaiveTree {
  readonly entries = new Map<string, Set<number>>();

  add(prefix: string, value: number): boolean {
    const values = this.entries.get(prefix);
    values?.add(value);
    if (!values) this.entries.set(prefix, new Set([value]));
    return values === undefined;
  }

  remove(prefix: string, value: number): boolean {
    const values = this.entries.get(prefix);
    return values?.delete(value) === true && values.size === 0 && this.entries.delete(prefix);
  }

  match(topic: string): number[] {
    return [...this.entries].flatMap(([prefix, values]) => (topic.startsWith(prefix) ? [...values] : [])).sort();
  }
}

function matches(tree: PrefixTree<number>, topic: Uint8Array): number[] {
  const found: number[] = [];
  tree.match(topic, (value) => found.push(value));
  return found.sort();
}

/** Few different bytes, so that prefixes share much. */
const keys = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: fc.constantFrom("a", "b", "\0", "\xff"), maxLength: 6 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom("", "a".repeat(300), `${"a".repeat(299)}b`, "a".repeat(150)) },
);
const steps = fc.array(
  fc.record({ does: fc.constantFrom("add", "add", "remove", "match"), key: keys, value: fc.nat(3) }),
  { maxLength: 120 },
);

describe("PrefixTree", () => {
  test("does what a list of prefixes does, with any bytes in any order", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const tree = new PrefixTree<number>();
        const model = new NaiveTree();
        for (const { does, key, value } of list) {
          if (does === "add") expect(tree.add(bytes(key), value)).toBe(model.add(key, value));
          else if (does === "remove") expect(tree.remove(bytes(key), value)).toBe(model.remove(key, value));
          expect(matches(tree, bytes(key))).toEqual(model.match(key));
          expect(tree.covers(bytes(key))).toBe(model.match(key).length > 0);
          expect(tree.size).toBe(model.entries.size);
          expect(tree.matchesAll).toBe(model.entries.has(""));
        }
      }),
      { numRuns: 400 },
    );
  });

  test("is empty when everything was taken away, in any order", () => {
    const entries = fc.uniqueArray(fc.tuple(keys, fc.nat(2)), { selector: ([key, value]) => `${value}${key}` });
    const shuffled = entries.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, order]) => {
        const tree = new PrefixTree<number>();
        for (const [key, value] of list) tree.add(bytes(key), value);
        for (const [key, value] of order) tree.remove(bytes(key), value);
        expect([tree.size, tree.matchesAll, tree.covers(bytes(""))]).toEqual([0, false, false]);
        for (const [key] of list) expect(matches(tree, bytes(`${key}x`))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("covers looks at the bytes between start and end only", () => {
    const tree = new PrefixTree<number>();
    tree.add(bytes("org.fedora"), 1);
    const chunk = bytes("xxorg.fedorayy");
    expect(tree.covers(chunk, 2, 12)).toBe(true);
    expect(tree.covers(chunk, 2)).toBe(true);
    expect(tree.covers(chunk, 2, 11)).toBe(false);
    expect(tree.covers(chunk)).toBe(false);
    expect(tree.covers(chunk, 14, 14)).toBe(false);
    tree.add(bytes(""), 1);
    expect(tree.covers(chunk, 14, 14)).toBe(true);
  });

  test("a value with two prefixes of a topic is visited twice, and once for a prefix that it has twice", () => {
    const tree = new PrefixTree<number>();
    expect([tree.add(bytes("a"), 7), tree.add(bytes("ab"), 7), tree.add(bytes("ab"), 7)]).toEqual([true, true, false]);
    expect(matches(tree, bytes("abc"))).toEqual([7, 7]);
    expect(tree.remove(bytes("ab"), 7)).toBe(true);
    expect(matches(tree, bytes("abc"))).toEqual([7]);
  });

  test("taking away what is not there changes nothing", () => {
    const tree = new PrefixTree<number>();
    tree.add(bytes("abc"), 1);
    tree.add(bytes("abd"), 1);
    for (const key of ["", "a", "ab", "abcd", "abx", "b"]) expect(tree.remove(bytes(key), 1)).toBe(false);
    expect(tree.remove(bytes("abc"), 2)).toBe(false);
    expect([tree.size, matches(tree, bytes("abc"))]).toEqual([2, [1]]);
  });

  test("keeps nothing of the bytes that it was given", () => {
    for (const make of [(text: string) => bytes(text), (text: string) => new Uint8Array(bytes(text))]) {
      const tree = new PrefixTree<number>();
      for (const key of ["topic.one", "topic.two", "topic", "other"]) {
        const given = make(key);
        tree.add(given, 1);
        given.fill(0);
      }
      for (const key of ["topic.one", "topic.two", "other"]) expect(tree.covers(bytes(key)), key).toBe(true);
      expect(tree.covers(Buffer.alloc(9))).toBe(false);
      expect(tree.remove(bytes("topic.one"), 1)).toBe(true);
    }
  });

  test("three thousand prefixes along one path are walked without recursion", () => {
    const tree = new PrefixTree<number>();
    const long = Buffer.alloc(3000, 0x61);
    for (let length = 0; length <= long.length; length++) tree.add(long.subarray(0, length), length);
    expect(matches(tree, long)).toHaveLength(3001);
    for (let length = 0; length <= long.length; length++) tree.remove(long.subarray(0, length), length);
    expect(tree.size).toBe(0);
  });
});

/**
 * YAML as configuration needs it: YAML 1.2's core schema (what JSON can say), keys that are texts, no tags, and with
 * each value the line it stands on.
 *
 * The package `yaml` would do all this in one call, but a hostile file could then keep it busy or bring the process
 * down: it composes nested collections recursively, compares each key with all others of its mapping, and searches all
 * nodes for each alias. So the depth is measured on the token tree, before anything recursive runs; and the values are
 * built here, in one walk that knows anchors and keys by name and counts each use of an alias in full.
 *
 * The package takes 40 ms to load, and is loaded when the first file is read.
 */

import type { CST, LineCounter, Node, Pair, YAMLMap, YAMLSeq } from "yaml";
import { FedmsgError } from "../errors.ts";
import { depthMax, type Mapping, valuesMax } from "./data.ts";
import type { Lines } from "./origin.ts";

/** What a file holds. */
export interface Parsed {
  readonly value: unknown;
  readonly lines?: Lines | undefined;
}

/** How to read. */
export interface YamlOptions {
  /** Let the last of several equal keys win, as JSON does, where YAML forbids them. */
  readonly duplicates?: boolean;
}

/**
 * Reads one YAML document. An empty one is `null`.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE with file, line and column
 */
export async function readYaml(file: string, text: string, options: YamlOptions = {}): Promise<Parsed> {
  const yaml = await import("yaml");
  const counter = new yaml.LineCounter();
  const fail: Fail = (offset, what) => {
    const { line, col } = counter.linePos(offset);
    return new FedmsgError("FEDMSG_CONFIG_UNREADABLE", `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${what}`);
  };
  const tokens = [...new yaml.Parser(counter.addNewLine).parse(text)];
  if (isDeeper(tokens, depthMax + 4)) throw fail(0, tooDeep);
  const composer = new yaml.Composer({
    version: "1.2",
    schema: "core",
    stringKeys: true,
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const [document, second] = [...composer.compose(tokens, true, text.length)];
  if (!document) return { value: null };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw fail(problem.pos[0], problem.message);
  if (second) throw fail(second.range[0], "a second document begins here; keep one in a file");
  return new Tree(yaml, counter, fail, options).build(document.contents);
}

const tooDeep = `nested deeper than ${depthMax} levels`;

type Fail = (offset: number, what: string) => FedmsgError;

/** Walks the token tree level by level, as a deep one would overflow the stack. */
function isDeeper(tokens: readonly CST.Token[], max: number): boolean {
  let level: readonly CST.Token[] = tokens;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > max) return true;
    level = level.flatMap(tokensBelow);
  }
  return false;
}

function tokensBelow(token: CST.Token): CST.Token[] {
  if (token.type === "document") return token.value ? [token.value] : [];
  if (!("items" in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value]).filter((below) => below != null);
}

interface Built extends Parsed {
  readonly lines: Lines;
  /** How many values this is, with aliases written out. */
  readonly size: number;
  readonly depth: number;
}

type NodeKinds = Pick<typeof import("yaml"), "isAlias" | "isMap" | "isScalar" | "isSeq">;

class Tree {
  readonly #is: NodeKinds;
  readonly #counter: LineCounter;
  readonly #fail: Fail;
  readonly #options: YamlOptions;
  readonly #anchors = new Map<string, Built>();
  #size = 0;

  constructor(kinds: NodeKinds, counter: LineCounter, fail: Fail, options: YamlOptions) {
    this.#is = kinds;
    this.#counter = counter;
    this.#fail = fail;
    this.#options = options;
  }

  build(node: unknown): Built {
    if (this.#is.isAlias(node)) return this.#resolve(node.source, offsetOf(node));
    this.#count(1, offsetOf(node));
    const built = this.#buildNode(node);
    if (built.depth > depthMax) throw this.#fail(offsetOf(node), tooDeep);
    // Set only now, so that a value cannot contain itself.
    if (hasAnchor(node)) this.#anchors.set(node.anchor, built);
    return built;
  }

  #buildNode(node: unknown): Built {
    if (this.#is.isMap(node)) return this.#buildMap(node);
    if (this.#is.isSeq(node)) return this.#buildList(node);
    const value: unknown = this.#is.isScalar(node) ? node.value : null;
    return { value, lines: { line: this.#lineOf(node) }, size: 1, depth: 0 };
  }

  #buildMap(node: YAMLMap): Built {
    const value: Mapping = {};
    const members = new Map<string, Lines>();
    let [size, depth] = [1, 0];
    for (const pair of node.items) {
      const key = this.#keyOf(pair);
      const known = members.get(key);
      if (known && !this.#options.duplicates) {
        throw this.#fail(offsetOf(pair.key), `the key ${JSON.stringify(key)} stands on line ${known.line} already`);
      }
      const built = this.build(pair.value);
      size += built.size;
      depth = Math.max(depth, built.depth);
      members.set(key, { ...built.lines, line: this.#lineOf(pair.key) });
      // Left out, as `copyData` leaves it out.
      if (key !== "__proto__") value[key] = built.value;
    }
    return { value, lines: { line: this.#lineOf(node), members }, size, depth: depth + 1 };
  }

  #buildList(node: YAMLSeq): Built {
    const items = node.items.map((item) => this.build(item));
    return {
      value: items.map(({ value }) => value),
      lines: { line: this.#lineOf(node), members: new Map(items.map(({ lines }, n) => [n, lines])) },
      size: items.reduce((sum, { size }) => sum + size, 1),
      depth: items.reduce((most, { depth }) => Math.max(most, depth), 0) + 1,
    };
  }

  #keyOf({ key }: Pair): string {
    if (this.#is.isScalar(key)) return String(key.value ?? "");
    throw this.#fail(offsetOf(key), "a key must be a text");
  }

  #resolve(name: string, offset: number): Built {
    const target = this.#anchors.get(name);
    if (!target) throw this.#fail(offset, `no value before this one is called &${name}`);
    this.#count(target.size, offset);
    return target;
  }

  #count(size: number, offset: number): void {
    this.#size += size;
    if (this.#size > valuesMax) throw this.#fail(offset, `more than ${valuesMax} values, aliases written out`);
  }

  #lineOf(node: unknown): number {
    return Math.max(this.#counter.linePos(offsetOf(node)).line, 1);
  }
}

function hasAnchor(node: unknown): node is { readonly anchor: string } {
  return typeof (node as Partial<Record<"anchor", unknown>> | null)?.anchor === "string";
}

function offsetOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/** Programs made at random from what can be read: Python gives each the same `config`, or an error where we do. */

import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import { ensureProgram } from "@fedmsg/testkit";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { FedmsgError } from "../../errors.ts";
import { readPython } from "./index.ts";

const programsMade = 600;

/** Runs each source; what Python itself refuses is `null`. */
const oracle = `
import json, sys, warnings
warnings.simplefilter("ignore")
answers = []
for source in json.load(sys.stdin):
    names = {}
    try:
        exec(compile(source, "x.py", "exec"), names)
        answers.append(json.dumps(names["config"], allow_nan=False))
    except Exception as error:
        answers.append(None)
json.dump(answers, sys.stdout)
`;

const quoteText = (text: string) => JSON.stringify(text);
const join = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((made) => made.join(""));
const list = (item: fc.Arbitrary<string>, maxLength = 3) =>
  fc.array(item, { maxLength }).map((made) => made.join(", "));
const wrap = (made: string) => `(${made})`;
const oneOf = (...texts: string[]) => fc.constantFrom(...texts);

const { number, text, truth, items, dict } = fc.letrec<Record<"number" | "text" | "truth" | "items" | "dict", string>>(
  (tie) => ({
    number: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.integer({ min: -20, max: 20 }).map((n) => `${n}`),
      oneOf("0.5", "2.25", "1e3", "n", "m", "True", "0x1f"),
      join(fc.constant("("), tie("number"), oneOf(" + ", " - ", " * ", " * 2 + "), tie("number"), fc.constant(")")),
      join(fc.constant("("), tie("number"), oneOf("+", "-", "*"), tie("number"), fc.constant(")")),
      join(fc.constant("(-"), tie("number"), fc.constant(")")),
      join(fc.constant("len("), fc.oneof(tie("text"), tie("items"), tie("dict")), fc.constant(")")),
      join(tie("number"), fc.constant(" if "), tie("truth"), fc.constant(" else "), tie("number")).map(
        (it) => `(${it})`,
      ),
      join(
        fc.constant("[1, 2.5, "),
        tie("number"),
        fc.constant("]["),
        fc.integer({ min: -3, max: 2 }).map(String),
        fc.constant("]"),
      ),
      join(
        fc.constant("("),
        tie("number"),
        oneOf(" // ", " % ", " / "),
        oneOf("3", "-2", "0.5", "7.5"),
        fc.constant(")"),
      ),
      join(oneOf("max(", "min("), tie("number"), fc.constant(", "), tie("number"), fc.constant(")")),
      join(fc.constant("int("), tie("number"), fc.constant(")")),
      join(tie("text"), oneOf('.count("a")', '.find("b")')),
    ),
    text: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.string({ unit: oneOf("a", "b", ".", "%", " ", "é", "A", "\n", "'"), maxLength: 6 }).map(quoteText),
      oneOf("s", "t"),
      join(tie("text"), fc.constant(" + "), tie("text")).map((it) => `(${it})`),
      join(
        oneOf('"%s|%s"', '"%5s%-3s"', '"%r%.2s"', '"<%s,%%,%s>"'),
        fc.constant(" % ("),
        fc.oneof(tie("number"), tie("text"), tie("items")),
        fc.constant(", "),
        tie("number"),
        fc.constant(")"),
      ).map(wrap),
      join(
        oneOf('"%d"', '"%03d"', '"%+.2f"', '"%e"', '"%g"', '"%8.1f"'),
        fc.constant(" % ("),
        tie("number"),
        fc.constant(",)"),
      ).map(wrap),
      join(
        oneOf('"{}-{}"', '"{1}{0!r}"', '"{:>5}{:<4}"', '"{0:^6}"'),
        fc.constant(".format("),
        tie("text"),
        fc.constant(", "),
        tie("text"),
        fc.constant(")"),
      ),
      join(
        oneOf('"{:5}"', '"{:04}"', '"{:.3f}"', '"{:+}"', '"{:,}"', '"{:.1e}"'),
        fc.constant(".format("),
        tie("number"),
        fc.constant(")"),
      ),
      join(
        fc.constant("f'{"),
        oneOf("n", "s", "n + 1", "s.upper()", "m"),
        oneOf("", "!r", ":>4", ":5"),
        fc.constant("}x'"),
      ),
      join(
        tie("text"),
        oneOf(
          ".upper()",
          ".lower()",
          ".title()",
          ".strip()",
          ".capitalize()",
          '.replace("a", "zz")',
          "[1:]",
          "[::-1]",
          ".zfill(4)",
        ),
      ),
      join(oneOf('","', '"-"'), fc.constant(".join(str(q) for q in "), tie("items"), fc.constant(")")),
      join(fc.constant("str("), fc.oneof(tie("items"), tie("dict"), tie("number"), tie("truth")), fc.constant(")")),
    ),
    truth: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      oneOf("True", "False", "None", "n", "s"),
      join(tie("number"), oneOf(" < ", " <= ", " == ", " != ", " > "), tie("number")),
      join(tie("number"), oneOf(" < ", " == "), tie("number"), oneOf(" >= ", " != "), tie("number")),
      join(tie("text"), oneOf(" in ", " not in ", " == ", " < "), tie("text")),
      join(fc.constant("not "), tie("truth")),
      join(tie("truth"), oneOf(" and ", " or "), tie("truth")),
      join(fc.constant("("), tie("truth"), oneOf(" and ", " or "), tie("truth"), fc.constant(")")),
      join(tie("items"), oneOf(" == ", " != "), tie("items")),
      join(oneOf("any(", "all("), tie("items"), fc.constant(")")),
      join(tie("text"), oneOf('.startswith("a")', '.endswith(("a", "b"))', ".isdigit()")),
    ),
    items: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      list(fc.oneof(tie("number"), tie("text"))).map((it) => `[${it}]`),
      list(tie("number")).map((it) => `[${it}]`),
      oneOf("l", "list(range(4))", "list(d)", "sorted(d)"),
      join(tie("items"), fc.constant(" + "), tie("items")).map((it) => `(${it})`),
      join(tie("items"), oneOf("[1:]", "[::-1]", "[:2]", "[-1:]", "[::2]")),
      join(
        fc.constant("["),
        oneOf("q", "(q, n)", "str(q)", "[q] * 2"),
        fc.constant(" for q in "),
        tie("items"),
        fc.constant("]"),
      ),
      join(fc.constant("[q for q in "), tie("items"), fc.constant(" if "), tie("truth"), fc.constant("]")),
      join(
        tie("text"),
        oneOf('.split(".")', ".split()", ".splitlines()", '.partition("a")', ".rsplit(None, 1)", '.split("a", 1)'),
      ).map((it) => `list(${it})`),
      join(fc.constant("[*"), tie("items"), fc.constant(", "), tie("number"), fc.constant("]")),
      join(fc.constant("[a for a, b in enumerate("), tie("items"), fc.constant(")]")),
    ),
    dict: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      oneOf("d", "{}", "dict(d, z=1)"),
      list(join(tie("text"), fc.constant(": "), fc.oneof(tie("number"), tie("items")))).map((it) => `{${it}}`),
      join(fc.constant("{**d, **"), tie("dict"), fc.constant("}")),
      join(fc.constant("{str(q): n for q in "), tie("items"), fc.constant("}")),
      join(fc.constant("dict(a="), tie("number"), fc.constant(", b="), tie("truth"), fc.constant(")")),
      join(fc.constant("dict(zip('abc', "), tie("items"), fc.constant("))")),
    ),
  }),
);

const value = fc.oneof(number, text, truth, items, dict);

const simple = fc.oneof(
  join(fc.constant("n = "), number),
  join(fc.constant("m = "), number),
  join(fc.constant("s = "), text),
  join(fc.constant("l = "), items),
  join(oneOf("n += ", "n -= ", "m *= "), number),
  join(fc.constant("t += "), text),
  join(fc.constant("l += "), items),
  join(fc.constant("l.append("), value, fc.constant(")")),
  join(fc.constant("l.extend("), items, fc.constant(")")),
  join(fc.constant("l.insert(1, "), value, fc.constant(")")),
  join(fc.constant("d["), text, fc.constant("] = "), value),
  join(fc.constant("d.update("), dict, fc.constant(")")),
  join(fc.constant('d.setdefault("list", []).append('), value, fc.constant(")")),
  join(fc.constant("n, m = "), number, fc.constant(", "), number),
  join(fc.constant("e = l; e.append("), number, fc.constant(")")),
  oneOf("pass", '"text"', "d.pop('k', None)"),
);

const indent = (lines: readonly string[], by: string) => lines.map((line) => line.replaceAll(/^/gm, by)).join("\n");
const block = fc.array(simple, { minLength: 1, maxLength: 3 }).map((lines) => indent(lines, "    "));

const statement = fc.oneof(
  { weight: 4, arbitrary: simple },
  { weight: 1, arbitrary: join(fc.constant("if "), truth, fc.constant(":\n"), block, fc.constant("\nelse:\n"), block) },
  {
    weight: 1,
    arbitrary: join(fc.constant("for q in "), fc.oneof(items, fc.constant("range(3)")), fc.constant("[:5]:\n"), block),
  },
  {
    weight: 1,
    arbitrary: join(
      fc.constant("for k, v in list(d.items()):\n    if "),
      truth,
      fc.constant(": "),
      oneOf("continue", "break"),
      fc.constant("\n"),
      block,
    ),
  },
);

const start = 'n = 3; m = 1.5; s = "ab.c"; t = "xé"; l = [1, 2, 3]; d = {"k": [1]}';

const program = fc
  .tuple(fc.array(statement, { maxLength: 5 }), fc.array(value, { minLength: 1, maxLength: 3 }))
  .map(([body, values]) =>
    [start, ...body, `config = {"n": n, "m": m, "s": s, "t": t, "l": l, "d": d, "v": [${values.join(", ")}]}`].join(
      "\n",
    ),
  );

async function resultOf(source: string): Promise<unknown> {
  try {
    const { value: config } = await readPython("x.py", source, { env: {}, cwd: "/", home: "/", hostname: "a" });
    return config;
  } catch (error) {
    if (error instanceof FedmsgError) return error.message;
    throw error;
  }
}

/** What Python gives and we do not. */
const refusedOnPurpose = /2\^53|1000 digits|filled with zeros|cannot be read;/;

/** JSON has no -0, and Python's no difference between `1` and `1.0` for us. */
function plus(config: unknown): unknown {
  return JSON.parse(JSON.stringify(config));
}

beforeAll(() => ensureProgram({ debianPackage: "python3", check: ["python3", "--version"] }));

test("Python gives the same config", async () => {
  const seed = Number(process.env.FEDMSG_FUZZ_SEED ?? 20_261_121);
  const sources = fc.sample(program, { numRuns: programsMade, seed });
  const { stdout, stderr } = spawnSync("python3", ["-c", oracle], {
    input: JSON.stringify(sources),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  expect(stderr).toBe("");
  const answers = JSON.parse(stdout) as (string | null)[];
  let same = 0;
  const differences: unknown[] = [];
  for (const [n, source] of sources.entries()) {
    const ours = await resultOf(source);
    const python = answers[n];
    if (typeof python !== "string") {
      if (typeof ours !== "string") differences.push({ source, ours, python });
    } else if (typeof ours === "string") {
      if (!refusedOnPurpose.test(ours)) differences.push({ source, ours, python: JSON.parse(python) });
    } else if (isDeepStrictEqual(plus(ours), plus(JSON.parse(python)))) same++;
    else differences.push({ source, ours, python: JSON.parse(python) });
  }
  expect(differences).toEqual([]);
  // The others are refused by both, as most are that add a text to a number.
  expect(same).toBeGreaterThan(programsMade / 3);
});

/** What is not read: each construct with its exact place, the reason, and what to write instead. */

import { describe, expect, test } from "vitest";
import { FedmsgError } from "../../errors.ts";
import { readPython } from "./index.ts";

const around = {
  env: { HOME: "/home/me", SECRET: "s", MINE: "m", FEDMSG_CONFIG_VARIABLES: "MINE, OTHER" },
  cwd: "/work",
  home: "/home/me",
  hostname: "app01",
};

async function problemsOf(source: string): Promise<string[]> {
  const error: unknown = await readPython("x.py", source, around).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FedmsgError);
  expect((error as FedmsgError).code).toBe("FEDMSG_CONFIG_UNREADABLE");
  return (error as FedmsgError).message.split("\n");
}

const notRun = "is code, and the file is read without being run";

/** An expression in the place of `...` in `config = {"a": ...}`, with the column and the text of its problem. */
const expressions: readonly (readonly [source: string, column: number, problem: string])[] = [
  ["lambda url: url", 16, `lambda url: url: a function ${notRun}; write the value that it would return`],
  [
    "open('/etc/passwd').read()",
    16,
    "open: `open` is not among the functions that can be read; write the value that it returns",
  ],
  ["[1, eval('1')]", 20, "eval: `eval` is not among the functions that can be read; write the value that it returns"],
  ["(x := 1)", 17, "x := 1: `:=` is not read; assign the name on a line of its own"],
  ["(x for x in [])", 16, "(x for x in []): a generator can be used once only; write a list, with [ ] around it"],
  ["...", 16, "...: `...` is no value of a configuration; write the value itself, or None"],
  ["nobody", 16, "nobody: the name `nobody` has no value here; write the value itself, or assign the name before"],
  ["2j", 16, "2j: a complex number; write an ordinary number"],
  ["2**60", 11, '"a": 1152921504606846976 is beyond 2^53 and would be rounded; write it as text in quotes'],
  ["9**9**9", 16, "9**9**9: an integer of more than 1000 digits; write a smaller number"],
  ['float("inf")', 11, '"a": inf is no number that a configuration can hold; write a finite number, or None'],
  [
    String.raw`"\N{BULLET}"`,
    16,
    String.raw`"\N{BULLET}": ${"`"}\N{BULLET}${"`"} names a character, and the names are not known here; write the character itself`,
  ],
  [
    String.raw`b"\xff"`,
    16,
    String.raw`b"\xff": a byte string that is no plain ASCII; write a path to a file that holds the bytes`,
  ],
  ["[][0]", 16, "[][0]: Python would fail here: there is no item 0 in 0; correct it, or write the value itself"],
  [
    '{"b": 1}["c"]',
    16,
    '{"b": 1}["c"]: Python would fail here: the dict has no key "c"; correct it, or write the value itself',
  ],
  [
    '1 + "a"',
    16,
    '1 + "a": Python would fail here: a text cannot be added to an int; correct it, or write the value itself',
  ],
  ["1 / 0", 16, "1 / 0: Python would fail here: a division by zero; correct it, or write the value itself"],
  ['"a" - "b"', 16, '"a" - "b": `-` is not among what can be read for these values; write the result itself'],
  [
    '"a".casefold()',
    16,
    '"a".casefold(): `.casefold()` is not among what can be read of this value; write the value itself',
  ],
  [
    '"a".__class__',
    16,
    '"a".__class__: `.__class__` is not among what can be read of this value; write the value itself',
  ],
  [
    '"{0.real}".format(1)',
    16,
    '"{0.real}".format(1): `{0.real}` looks into an object; write the formatted text itself',
  ],
  ['f"{1=}"', 18, "{1=}: `=` in a replacement is for looking at values; write the formatted text itself"],
  ['"%y" % 1', 16, '"%y" % 1: `%y` is not among the forms that can be read; write the formatted text itself'],
  [
    "sorted([], key=len)",
    16,
    "sorted([], key=len): `sorted` cannot be read with `key`; write the value that the call gives",
  ],
  ["dict", 11, '"a": `dict` is an object and no data; write its URL as text instead'],
  ["{1: 2}", 17, "1: an int as a key, where a configuration has texts only; write the key as text in quotes"],
  ["{None: 2}", 17, "None: None as a key, where a configuration has texts only; write the key as text in quotes"],
  ["{[]: 2}", 17, "[]: Python would fail here: a list cannot be a key; correct it, or write the value itself"],
  ['"a" * 10**9', 16, '"a" * 10**9: a text of more than 1,000,000 characters; write a shorter text'],
  ["[0] * 10**9", 16, "[0] * 10**9: a list of more than 1,000,000 items; write a shorter list"],
  ["range(10**12)", 11, '"a": a list of more than 1,000,000 items; write a shorter list'],
];

describe("an expression", () => {
  test.each(expressions)("%s", async (source, column, problem) => {
    expect(await problemsOf(`config = {"a": ${source}}`)).toEqual([`x.py:1:${column}: ${problem}`]);
  });
});

/** Statements before `config = {}`, on the lines from 1. */
const statements: readonly (readonly [source: string, place: string, problem: string])[] = [
  [
    "while True: pass",
    "1:1",
    "while True: pass: `while` is not read, as it may never end; write `for ... in range(...)`, or write the values out",
  ],
  ["with a as b: pass", "1:1", "with a as b: pass: `with` is not read; write the value itself"],
  ["global x", "1:1", "global x: `global` and `nonlocal` are not read; take the line out"],
  ["assert 1", "1:1", "assert 1: `assert` is not read; take it out"],
  ["raise x", "1:1", "raise x: `raise` is not read; take it out"],
  ["return 1", "1:1", "return 1: `return` outside of a function; take it out"],
  [
    "from os import *",
    "1:1",
    "from os import *: it may bring any name; import what is needed by name, or write the values themselves",
  ],
  [
    "@x\ndef f(): pass",
    "1:1",
    "@x def f(): pass: a decorator is code that would have to run; write the value out, without the function",
  ],
  ["match 1:\n  case 1: pass", "1:1", "match 1: case 1: pass: `match` is not read; write `if` and `elif`"],
  [
    "try:\n  x = 1\nexcept: pass",
    "1:1",
    "try: x = 1 except: pass: only `import` is read in `try`, as nothing else is run to see whether it fails; write the case that applies",
  ],
  [
    "import logging\nlogging.basicConfig()",
    "2:1",
    "logging.basicConfig: `logging.basicConfig` is not among the functions that can be read; write the value that it returns",
  ],
  [
    "import sys\nsys.path.append('x')",
    "2:1",
    "sys.path.append: `sys.path.append` is not among the functions that can be read; write the value that it returns",
  ],
  ["exec('1')", "1:1", "exec: `exec` is not among the functions that can be read; write the value that it returns"],
  [
    "def f(): pass\nx = f()",
    "2:5",
    "f: `f` is not among the functions that can be read; write the value that it returns",
  ],
  ["def f(x=f()): pass", "1:1", `def f(x=f()): pass: a function ${notRun}; write the value that it would return`],
  ["class A:\n  f()", "1:1", `class A: f(): a class ${notRun}; write the data itself, as a dict or text`],
  [
    "if nobody: pass",
    "1:4",
    "nobody: the name `nobody` has no value here; write the value itself, or assign the name before",
  ],
  [
    "for x in nobody: pass",
    "1:10",
    "nobody: the name `nobody` has no value here; write the value itself, or assign the name before",
  ],
  [
    "import random\nx = [1]\ny = random.shuffle(x)",
    "3:5",
    "random.shuffle: `random.shuffle` is not among the functions that can be read; write the value that it returns",
  ],
  [
    "x = {}\ny = x.update(**nobody)",
    "2:16",
    "nobody: the name `nobody` has no value here; write the value itself, or assign the name before",
  ],
  [
    "x = {}\ny = [x.update(a=1) if nobody else 1]",
    "2:23",
    "nobody: the name `nobody` has no value here; write the value itself, or assign the name before",
  ],
  ["a, *b = 1, 2", "1:4", "*: `*` is not read here; write the items out"],
  [
    "f(1).x = 1",
    "1:1",
    "f(1).x: a value cannot be assigned to this; assign to a name, or to an item of a list or dict",
  ],
  [
    "del nobody",
    "1:5",
    "nobody: the name `nobody` has no value here; write the value itself, or assign the name before",
  ],
  [
    "for i in range(10**7): pass",
    "1:1",
    "for i in range(10**7): pass: a list of more than 1,000,000 items; write a shorter list",
  ],
  [
    "x = [i for i in range(10**6) for j in range(10**6)]",
    "1:5",
    "[i for i in range(10**6) for j in range(10**6)]: more than 1,000,000 steps are needed to read the file; write the values out",
  ],
];

describe("a statement", () => {
  test.each(statements)("%s", async (source, place, problem) => {
    const [first] = await problemsOf(`${source}\nconfig = {}`);
    expect(first).toBe(`x.py:${place}: ${problem}`);
  });
});

describe("a syntax error", () => {
  test.each([
    ["config = {\n  'a': 1,,\n}", "2:10: ,: no Python that can be read; correct the line, or take it out"],
    ["config = {", "1:11: the file ends here, in the middle of something; correct the line, or take it out"],
    ["config = {}\nx = `1`", "2:5: `1`: backticks are Python 2 for `repr()`; write the text itself"],
    ["print 'a', 'b'\nconfig = {}", "1:10: ,: `print` without parentheses is not read; take the line out"],
    ["é = 'é' $", "1:9: $: no Python that can be read; correct the line, or take it out"],
    ['config = {"a": 089}', "1:16: 089: an octal number has digits from 0 to 7; correct the line, or take it out"],
  ])("%s", async (source, problem) => {
    expect(await problemsOf(source)).toEqual([`x.py:${problem}`]);
  });
});

describe("the environment", () => {
  const value = async (source: string) => {
    const { value: config } = await readPython("x.py", `import os\nconfig = {"a": ${source}}`, around);
    return (config as Record<string, unknown>).a;
  };

  test("a variable that is not on the list cannot be read, tested or found out about", async () => {
    const advice = "name it FEDMSG_... or list it in FEDMSG_CONFIG_VARIABLES";
    const forms = [
      'os.environ["SECRET"]',
      'os.getenv("SECRET")',
      'os.environ.get("SECRET", 1)',
      '"SECRET" in os.environ',
    ];
    for (const source of forms) {
      expect(await problemsOf(`import os\nconfig = {"a": ${source}}`)).toEqual([
        `x.py:2:16: ${source}: the environment variable SECRET is not among those that a configuration may read; ${advice}`,
      ]);
    }
  });

  test("FEDMSG_CONFIG_VARIABLES lists more of them", async () => {
    expect(await value('os.environ["MINE"]')).toBe("m");
    expect(await value('os.environ.get("OTHER")')).toBe(null);
  });

  test("one that is not set is a problem in brackets only", async () => {
    expect(await value('os.environ.get("USER", "nobody")')).toBe("nobody");
    const [problem] = await problemsOf('import os\nconfig = {"a": os.environ["USER"]}');
    expect(problem).toMatch(/^x\.py:2:16: .* the environment variable USER is not set; set it, or give a default/);
  });

  test("it is not given as a whole, nor changed", async () => {
    for (const source of ["dict(os.environ)", "os.environ", '"%(HOME)s" % os.environ', "os.environ.items()"]) {
      expect(await problemsOf(`import os\nconfig = {"a": ${source}}`)).toHaveLength(1);
    }
    expect(await problemsOf('import os\nos.environ["A"] = "b"\nconfig = {}')).toHaveLength(1);
  });

  test("the home of another user is not looked up", async () => {
    expect(await problemsOf('import os\nconfig = {"a": os.path.expanduser("~root/x")}')).toEqual([
      'x.py:2:16: os.path.expanduser("~root/x"): the home of another user is not looked up; write the value that the call gives',
    ]);
  });
});

describe("a store", () => {
  const imports =
    "import fedmsg.replay.sqlstore\nfrom fedmsg.replay.sqlstore import SQLStore\nfrom sqlalchemy import create_engine\nimport sqlalchemy\n";

  test.each([
    ['SQLStore(create_engine("sqlite:////var/x.db"))', "sqlite:/var/x.db"],
    ['SQLStore(create_engine("sqlite:///x.db", echo=True))', "sqlite:x.db"],
    ['fedmsg.replay.sqlstore.SQLStore(sqlalchemy.create_engine("postgresql://u@h/db"))', "postgresql://u@h/db"],
  ])("%s becomes its URL", async (source, url) => {
    const { value } = await readPython("x.py", `${imports}config = dict(persistent_store=${source})`, around);
    expect(value).toEqual({ persistent_store: url });
  });

  test.each([
    ['create_engine("sqlite:////x")', /a database engine is an object; write the URL as text/],
    ['SQLStore(create_engine("sqlite://"))', /a database in memory is gone with the process/],
    ['SQLStore("x")', /made from `create_engine\("\.\.\."\)` only; write its URL as text instead/],
    ['other.Store("x")', /the name `other` has no value here/],
  ])("%s is refused", async (source, problem) => {
    expect((await problemsOf(`${imports}config = dict(persistent_store=${source})`))[0]).toMatch(problem);
  });
});

test("a file without a config says so", async () => {
  expect(await problemsOf("x = 1")).toEqual([
    "x.py:1:1: assigns no `config`; give it a line `config = { ... }`, or take the file out of the folder",
  ]);
  expect(await problemsOf("config = [1]")).toEqual([
    "x.py:1:1: `config` is a list and not a dict; write `config = { ... }` with the keys of the configuration",
  ]);
});

test("a value that nothing of config depends on may be anything", async () => {
  const source = "import requests\nx = requests.get('http://a')\ny = [x, lambda: 1]\nz = nobody\nconfig = {'a': 1}";
  expect((await readPython("x.py", source, around)).value).toEqual({ a: 1 });
});

test("all problems are told at once, in the order of the file, and what is skipped makes no more", async () => {
  const problems = await problemsOf(`
config = dict(
    a=lambda: 1,
    b={"c": [nobody, {1: open("x")}]},
    **unknown()
)
while config: x = 1
config["x"] = x
`);
  expect(problems.map((line) => line.split(": ")[0])).toEqual([
    "x.py:3:7",
    "x.py:4:14",
    "x.py:4:26",
    "x.py:5:7",
    "x.py:7:1",
  ]);
});

test("of many problems the first 20 are told", async () => {
  const problems = await problemsOf(`config = [${"x, ".repeat(30)}]\nconfig = {"a": config}`);
  expect(problems).toHaveLength(21);
  expect(problems[20]).toBe("x.py: and 10 more");
});

test("a problem quotes 60 characters at most, on one line, and nothing that a terminal obeys", async () => {
  const [problem] = await problemsOf(`config = {"a": nobody("\u001b[2J", [\n  ${"1, ".repeat(50)}])}`);
  expect(problem).toMatch(/^x\.py:1:16: nobody: /);
  const [quoting] = await problemsOf(`config = {"a": "\u001b[2J\\N{x}${"b".repeat(99)}"}`);
  expect(quoting).toContain(`"\ufffd[2J\\N{x}${"b".repeat(47)}...: `);
});

test("columns count characters", async () => {
  expect((await problemsOf('config = {"😀é": nobody}'))[0]).toMatch(/^x\.py:1:17: /);
});

test("a list that contains itself is a problem", async () => {
  expect(await problemsOf("a = []\na.append(a)\nconfig = {'a': a}")).toEqual([
    "x.py:2:10: a: a list or dict that contains itself; write the inner value out",
  ]);
});

test("`__proto__` is left out, and no prototype is touched", async () => {
  const source =
    'config = {"__proto__": {"polluted": 1}, "constructor": 2}\nconfig["__proto__"]["x"] = 1\nconfig.update(__proto__=[])';
  const { value } = await readPython("x.py", source, around);
  expect(Object.keys(value as object)).toEqual(["constructor"]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect("polluted" in {}).toBe(false);
});

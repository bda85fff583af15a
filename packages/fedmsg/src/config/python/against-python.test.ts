/**
 * What is read of Python, construct by construct: each snippet with its value, which Python itself confirms. A snippet of
 * one expression stands for `config = {"v": ...}`.
 */

import { spawnSync } from "node:child_process";
import { ensureProgram } from "@fedmsg/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { readPython } from "./index.ts";

const file = "/etc/fedmsg.d/x.py";
const around = {
  env: { HOME: "/home/me", FEDMSG_X: "x" },
  cwd: "/work/dir",
  home: "/home/me",
  hostname: "app01.example.org",
};

/** Runs each source in a module of its own, on a host like ours, and prints what became of `config`. */
const oracle = `
import contextlib, datetime, io, json, os, socket, sys, warnings
warnings.simplefilter("ignore")
given = json.load(sys.stdin)
socket.gethostname = socket.getfqdn = lambda: given["hostname"]
os.getcwd = lambda: given["cwd"]
os.uname = lambda: ("Linux", given["hostname"], "", "", "")
def plain(value):
    if isinstance(value, datetime.timedelta): return value.total_seconds()
    if isinstance(value, range): return list(value)
    raise TypeError(type(value))
answers = []
for source in given["sources"]:
    names = {"__name__": "fedmsg.config", "__file__": given["file"]}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, given["file"], "exec"), names)
        answers.append(json.loads(json.dumps(names["config"], default=plain)))
    except Exception as error:
        answers.append(repr(error))
json.dump(answers, sys.stdout)
`;

const expressions: Record<string, readonly (readonly [source: string, value: unknown])[]> = {
  texts: [
    [`"a"`, "a"],
    ["'it''s'", "its"],
    [
      `"""two
lines"""`,
      "two\nlines",
    ],
    [String.raw`r"\d\n"`, "\\d\\n"],
    [`u"é"`, "\u00e9"],
    [`b"ascii".decode()`, "ascii"],
    [
      '"\\n\\t\\\\\\\'\\"\\a\\b\\f\\v\\0\\101\\x41\\u00e9\\U0001F600"',
      "\n\t\\'\"\u0007\b\f\u000b\u0000AA\u00e9\ud83d\ude00",
    ],
    [String.raw`"\q"`, "\\q"],
    [String.raw`'a' "b" r'\c' u'd'`, "ab\\cd"],
    [
      String.raw`"one \
line"`,
      "one line",
    ],
    [
      `("a"
 "b")`,
      "ab",
    ],
    [`"%"`, "%"],
    [`"😀é"[0]`, "\ud83d\ude00"],
    [`len("😀é")`, 2],
    ['R"\\x"', "\\x"],
    [String.raw`Rb"x\y".decode()`, "x\\y"],
    [`"a" "%s" "c" % "b"`, "abc"],
    [`""`, ""],
  ],
  numbers: [
    ["0", 0],
    ["1_000", 1000],
    ["0x1F", 31],
    ["0o17", 15],
    ["0b101", 5],
    ["-5", -5],
    ["+5", 5],
    ["~5", -6],
    ["1.5", 1.5],
    [".5", 0.5],
    ["1.", 1.0],
    ["1.e5", 100000.0],
    ["[1., 2.]", [1.0, 2.0]],
    ["1e3", 1000.0],
    ["1_0.5e-3", 0.0105],
    ["9007199254740991", 9007199254740991],
    ["10**20 // 10**15", 100000],
    ["-2**2", -4],
    ["2**-1", 0.5],
    ["7 // 2", 3],
    ["-7 // 2", -4],
    ["7 % -3", -2],
    ["-7 % 3", 2],
    ["7.5 % -2", -0.5],
    ["-7.5 // 2", -4.0],
    ["7 / 2", 3.5],
    ["1 + 2 * 3 - 4", 3],
    ["(1 + 2) * 3", 9],
    ["1 << 4 | 3 & 2 ^ 1", 19],
    ["True + 1", 2],
    ["0.1 + 0.2", 0.30000000000000004],
    ["1e100 * 0", 0.0],
    ["4 ** 0.5", 2.0],
    ["5 - 2 - 1", 2],
    ["2 ** 3 ** 2", 512],
    ["True & False", false],
    ["100 >> 3", 12],
  ],
  constants: [
    ["True", true],
    ["False", false],
    ["None", null],
    ["(None)", null],
  ],
  "lists and tuples": [
    ["[]", []],
    [`[1, "a", None, [2, [3]]]`, [1, "a", null, [2, [3]]]],
    ["(1, 2)", [1, 2]],
    ["(1,)", [1]],
    ["()", []],
    ["[1, 2,]", [1, 2]],
    ["[*[1, 2], 3, *(4, 5)]", [1, 2, 3, 4, 5]],
    ["(*[1], 2)", [1, 2]],
    ["[1] + [2] * 2", [1, 2, 2]],
    ["(1,) + (2,)", [1, 2]],
    ["2 * [0]", [0, 0]],
    ["[1, 2, 3][0]", 1],
    ["[1, 2, 3][-1]", 3],
    ["[1, 2, 3, 4][1:3]", [2, 3]],
    ["[1, 2, 3, 4][::-1]", [4, 3, 2, 1]],
    ["[1, 2, 3, 4][::2]", [1, 3]],
    ["[1, 2, 3, 4][-2:]", [3, 4]],
    ["[1, 2, 3, 4][3:0:-2]", [4, 2]],
    ["(1, 2, 3)[1:]", [2, 3]],
    ["[[1, 2], [3]][0][1]", 2],
    ["[1, 2] == [1, 2]", true],
    ["[1, 2] < [1, 3]", true],
    ["(1, 2) == [1, 2]", false],
    [`[] or "x"`, "x"],
    ["[1, 2, 3][5:]", []],
    ["[1, 2, 3][-100:100]", [1, 2, 3]],
    ["[1, 2, 3].index(2)", 1],
    ["[1, 1, 2].count(1)", 2],
    ["(1, 1, 2).count(1)", 2],
    ["[1, 2].copy()", [1, 2]],
    ["sorted({3, 1, 2})", [1, 2, 3]],
    ["sorted({1, 1, 2} | {5})", [1, 2, 5]],
    ["len({1, 1.0, True})", 1],
    ["1 in [1, 2]", true],
    ["3 not in (1, 2)", true],
  ],
  dicts: [
    ["{}", {}],
    [`{"a": 1, "b": {"c": 2},}`, { a: 1, b: { c: 2 } }],
    [`{**{"a": 1}, "b": 2}`, { a: 1, b: 2 }],
    [`{"a": 1, **{"a": 2}}`, { a: 2 }],
    ["dict()", {}],
    ["dict(a=1, b=2)", { a: 1, b: 2 }],
    [`dict({"a": 1}, b=2)`, { a: 1, b: 2 }],
    [`dict([("a", 1), ["b", 2]])`, { a: 1, b: 2 }],
    [`dict(zip(["a", "b"], [1, 2]))`, { a: 1, b: 2 }],
    [`dict(zip("ab", range(5)))`, { a: 0, b: 1 }],
    [`dict({"x": 1}, **{"fedmsg.y": 2})`, { x: 1, "fedmsg.y": 2 }],
    [`dict(**{"a": 1})`, { a: 1 }],
    [`{"a": 1}["a"]`, 1],
    [`{"a": 1}.get("b")`, null],
    [`{"a": 1}.get("b", 3)`, 3],
    [`{"a": {"b": [1, 2]}}["a"]["b"][1]`, 2],
    [`list({"a": 1, "b": 2}.keys())`, ["a", "b"]],
    [`list({"a": 1, "b": 2}.values())`, [1, 2]],
    [
      `list({"a": 1, "b": 2}.items())`,
      [
        ["a", 1],
        ["b", 2],
      ],
    ],
    [`list({"a": 1, "b": 2})`, ["a", "b"]],
    [`{"a": 1, "b": 2} == {"b": 2, "a": 1}`, true],
    [`"a" in {"a": 1}`, true],
    [`len({"a": 1})`, 1],
    [`{"a": 1} | {"b": 2}`, { a: 1, b: 2 }],
    [`{1: "x"}[True]`, "x"],
    [`{(1, 2): "x"}[(1, 2)]`, "x"],
    [`{"a": 1}.copy()`, { a: 1 }],
    [`sorted({"b": 1, "a": 2})`, ["a", "b"]],
    [`{"a": 1}.pop("a")`, 1],
    [`{"a": 1}.pop("z", 5)`, 5],
    [`{"a": None}.get("a", 5)`, null],
    [`{"a": 1}.setdefault("b", [])`, []],
  ],
  "comparisons and logic": [
    ["1 < 2 < 3", true],
    ["1 < 2 > 1", true],
    ["1 == 1.0", true],
    ["1 == True", true],
    ["1 != 2", true],
    [`"a" < "b"`, true],
    [`"a" in "abc"`, true],
    ["not 1 == 2", true],
    ["not []", true],
    ["1 and 2", 2],
    ["0 and 2", 0],
    [`0 or "x"`, "x"],
    [`"" or None or []`, []],
    ["1 is None", false],
    ["None is None", true],
    ["None is not None", false],
    ["1 if 2 > 1 else 3", 1],
    ["1 if 0 else 2 if 0 else 3", 3],
    ["1 in [1] in [[1]]", true],
    ["1 == 1 in [1]", true],
    ["not 1 in [2]", true],
    ["not True or True", true],
    ["not 0 and 0", 0],
    ["1 or not 1 and 0", 1],
    ["not 0 and not 0 or not 1 and 0", true],
    ["not not 1 or 0", true],
    [`not 1 == 1 or "a" == "a"`, true],
    [`0 and not 0 or "z"`, "z"],
    ["[i for i in range(3) if not i or i == 2]", [0, 2]],
    ["not (0 or 1)", false],
    ["(not 0) == True", true],
    ["1 < 2 == True", false],
    ["1 <= 1 >= 0", true],
    [`"b" > "a" != "c"`, true],
    [`(1, "a") < (1, "b")`, true],
    ["True is not False", true],
    ["bool([0])", true],
    [`bool("")`, false],
    ["0.0 or 5", 5],
  ],
  "percent formatting": [
    [`"%s" % "a"`, "a"],
    [`"%s-%s" % ("a", 1)`, "a-1"],
    [`"300%i" % 4`, "3004"],
    [`"%02d" % 7`, "07"],
    [`"%5d|%-5d|%+d|% d" % (1, 2, 3, 4)`, "    1|2    |+3| 4"],
    [`"%x %X %o %#x %#o" % (255, 255, 8, 255, 8)`, "ff FF 10 0xff 0o10"],
    [
      `"%f %.2f %10.3f %e %g %G" % (1.5, 2.675, 3.14159, 12345.678, 0.0001, 1e-10)`,
      "1.500000 2.67      3.142 1.234568e+04 0.0001 1E-10",
    ],
    [`"%(a)s-%(b)03d" % {"a": "x", "b": 5}`, "x-005"],
    [`"%s" % [1, "a", None, True, 1.0]`, "[1, 'a', None, True, 1.0]"],
    [`"%s" % (("a", 1),)`, "('a', 1)"],
    [String.raw`"%s" % {"a": 'it\'s'}`, "{'a': \"it's\"}"],
    [`"%r %r" % ("a'b", 1)`, '"a\'b" 1'],
    [`"100%%" % ()`, "100%"],
    [`"%c%c" % ("a", 98)`, "ab"],
    [`"%-5s|%5s|%.2s" % ("a", "b", "cde")`, "a    |    b|cd"],
    [`"%*d" % (5, 42)`, "   42"],
    [`"%.*f" % (2, 3.14159)`, "3.14"],
    [`"%s" % None`, "None"],
    [`"%d" % 3.9`, "3"],
    [`"%d" % -0.5`, "0"],
    [`"%s" % 1e20`, "1e+20"],
    [`"%s %s" % (1e16, 1e-5)`, "1e+16 1e-05"],
    [`"%.0f %.0f %.0f" % (0.5, 1.5, 2.5)`, "0 2 2"],
    [`"%.1f" % 0.25`, "0.2"],
    [`"%05.1f" % -2.5`, "-02.5"],
    [`"%+.1e" % 12345.0`, "+1.2e+04"],
    [`"%g %g %g" % (100000, 1000000, 1e-5)`, "100000 1e+06 1e-05"],
    [`"%5.1s|" % "abc"`, "    a|"],
    [`"%i%%" % 50`, "50%"],
    [`"%u" % 3`, "3"],
    [`"%08.3f" % 3.14159`, "0003.142"],
    [`"%#g" % 1.0`, "1.00000"],
    [`"%x" % -255`, "-ff"],
    [`"%s" % ((),)`, "()"],
    [`"%.3d" % 5`, "005"],
    [`"%s" % 0.1`, "0.1"],
    [`"%s" % -0.0`, "-0.0"],
    ['"%r" % "a\\nb\\x00é\\u200b"', "'a\\nb\\x00\u00e9\\u200b'"],
  ],
  format: [
    [`"{}".format("a")`, "a"],
    [`"{} {}".format(1, 2)`, "1 2"],
    [`"{1} {0}".format("a", "b")`, "b a"],
    [`"{x}-{y}".format(x=1, y=2)`, "1-2"],
    [`"{0[key]}".format({"key": 5})`, "5"],
    [`"{0[1]}".format(["a", "b"])`, "b"],
    [`"{a[b][0]}".format(a={"b": [7]})`, "7"],
    [`"{:02d}".format(5)`, "05"],
    [`"{:>5}|{:<5}|{:^5}|{:*^7}".format("a", "b", "c", "d")`, "    a|b    |  c  |***d***"],
    [`"{:5}|{:5}".format("a", 1)`, "a    |    1"],
    [`"{:,}".format(1234567)`, "1,234,567"],
    [`"{:_}".format(1234567)`, "1_234_567"],
    [`"{:,.2f}".format(1234567.891)`, "1,234,567.89"],
    [`"{:x} {:X} {:o} {:b} {:#x} {:#b}".format(255, 255, 8, 5, 255, 5)`, "ff FF 10 101 0xff 0b101"],
    [`"{:.3f} {:e} {:g} {:.1%}".format(3.14159, 12345.678, 0.5, 0.123)`, "3.142 1.234568e+04 0.5 12.3%"],
    [`"{{}} {{{}}}".format(1)`, "{} {1}"],
    [`"{!r} {!s}".format("a", "b")`, "'a' b"],
    [`"{:{}}|".format("a", 5)`, "a    |"],
    [`"{:{w}.{p}f}|".format(3.14159, w=8, p=2)`, "    3.14|"],
    [`"{:+d} {: d} {:-d}".format(1, 2, 3)`, "+1  2 3"],
    [`"{:=+6d}".format(5)`, "+    5"],
    [`"{:06.2f}".format(-3.14159)`, "-03.14"],
    [`"{:.2}".format("abc")`, "ab"],
    [`"{}".format(None)`, "None"],
    [`"{}".format([1, "a"])`, "[1, 'a']"],
    [`"{}".format(1.0)`, "1.0"],
    [`"{:d}".format(True)`, "1"],
    [`"{:5}|".format(True)`, "    1|"],
    [`"{0}{0}".format("x")`, "xx"],
    [`"{:<06d}".format(5)`, "500000"],
    [`"{:08_x}".format(255) if 0 else "x"`, "x"],
    [`"{:s}".format("x")`, "x"],
    [`"{:.0f}".format(2.5)`, "2"],
    [`"{:5.1f}".format(2.25)`, "  2.2"],
    [`"{:g}".format(1e20)`, "1e+20"],
    [`"{:>{n}}".format(1, n=4)`, "   1"],
    [`"{!r:>5}".format("a")`, "  'a'"],
    [`"{a[0]}{b}".format(a=[1], b=2)`, "12"],
  ],
  "f-strings": [
    [`f"a{1 + 1}b"`, "a2b"],
    [`f"{'x'}"`, "x"],
    [`f"{{}} {1} }}"`, "{} 1 }"],
    [`f"{'a':>5}|{3.14159:.2f}|{5:02d}"`, "    a|3.14|05"],
    [`f"{'a'!r} {'b'!s}"`, "'a' b"],
    [`f"{'a':{3 + 2}}|"`, "a    |"],
    [`f"{3.14159:{6}.{2}f}"`, "  3.14"],
    [`f"{[1, 2][0]}-{dict(a=1)['a']}"`, "1-1"],
    [
      `f"""a
{1}"""`,
      "a\n1",
    ],
    [String.raw`rf"\d{1}"`, "\\d1"],
    [String.raw`f"\t{1}\n"`, "\t1\n"],
    [`"a" f"{1}" 'b'`, "a1b"],
    [`f"{', '.join(str(i) for i in range(3))}"`, "0, 1, 2"],
    [`f"{1 if True else 2}"`, "1"],
    [`f"{None} {True} {1.0}"`, "None True 1.0"],
    [`f"{ {'a': 1}['a'] }"`, "1"],
    ["f\"{'n':\\x3e5}\"", "    n"],
    [`f"{1:,}"`, "1"],
    [`f"{(lambda: 1)}" if 0 else 3`, 3],
  ],
  "text methods": [
    [`"a.b.c".split(".")`, ["a", "b", "c"]],
    [`"a.b.c".split(".")[0]`, "a"],
    [`"a.b.c".split(".", 1)`, ["a", "b.c"]],
    [`" a  b ".split()`, ["a", "b"]],
    [`" a  b c ".split(None, 1)`, ["a", "b c "]],
    [`"a.b.c".rsplit(".", 1)`, ["a.b", "c"]],
    [`" a b  c ".rsplit(None, 1)`, [" a b", "c"]],
    [`"aaa".rsplit("aa")`, ["a", ""]],
    [`"a,b".split(sep=",")`, ["a", "b"]],
    [`"a,b,c".split(",", maxsplit=1)`, ["a", "b,c"]],
    [String.raw`"a\nb\r\nc\n".splitlines()`, ["a", "b", "c"]],
    [`"  a ".strip()`, "a"],
    [`"xxaxx".strip("x")`, "a"],
    [`"xya".lstrip("xy")`, "a"],
    [`"axy".rstrip("yx")`, "a"],
    [`"xx".strip("x")`, ""],
    [`"AbC".lower()`, "abc"],
    [`"abc".upper()`, "ABC"],
    [`"hello world's".title()`, "Hello World'S"],
    [`"hELLO wORLD".capitalize()`, "Hello world"],
    [`"aXbXc".replace("X", "-")`, "a-b-c"],
    [`"aXbXc".replace("X", "-", 1)`, "a-bXc"],
    [`"abc".replace("", "-")`, "-a-b-c-"],
    [`"abc".replace("", "-", 2)`, "-a-bc"],
    [`"app01.x".startswith("app")`, true],
    [`"app01.x".startswith(("a", "b"))`, true],
    [`"app01.x".endswith(".x")`, true],
    [`",".join(["a", "b"])`, "a,b"],
    [`"".join("abc")`, "abc"],
    [`",".join(str(x) for x in range(3))`, "0,1,2"],
    [`"5".zfill(3)`, "005"],
    [`"-5".zfill(4)`, "-005"],
    [`"abc".find("c")`, 2],
    [`"abc".find("z")`, -1],
    [`"😀c".find("c")`, 1],
    [`"abca".rfind("a")`, 3],
    [`"banana".count("an")`, 2],
    [`"abc".count("")`, 4],
    [`"a=b=c".partition("=")`, ["a", "=", "b=c"]],
    [`"a=b=c".rpartition("=")`, ["a=b", "=", "c"]],
    [`"abc".partition("=")`, ["abc", "", ""]],
    [`"abc".rpartition("=")`, ["", "", "abc"]],
    [`"12".isdigit()`, true],
    [`"1a".isdigit()`, false],
    [`"".isdigit()`, false],
    [`"abc".encode("utf-8").decode("ascii")`, "abc"],
    [`"x".encode().decode()`, "x"],
    [`"abc"[1]`, "b"],
    [`"abc"[-1]`, "c"],
    [`"abc"[::-1]`, "cba"],
    [`"abcdef"[1:4]`, "bcd"],
    [`"abcdef"[::2]`, "ace"],
    [`"ab" * 3`, "ababab"],
    [`3 * "ab"`, "ababab"],
    [`"ab" * -1`, ""],
    [`"a" "b".upper()`, "AB"],
    [`"app01.dev.x".split(".")[1:]`, ["dev", "x"]],
  ],
  functions: [
    ["str(5)", "5"],
    ["str(5.0)", "5.0"],
    ["str(None)", "None"],
    [`str([1, "a"])`, "[1, 'a']"],
    ["str()", ""],
    [`int("42")`, 42],
    [`int("-7")`, -7],
    [`int(" 5 ")`, 5],
    ["int(3.9)", 3],
    ["int(-3.9)", -3],
    [`int("ff", 16)`, 255],
    [`int("0x1f", 16)`, 31],
    [`int("777", 8)`, 511],
    ["int(True)", 1],
    [`float("1.5")`, 1.5],
    ["float(3)", 3.0],
    [`float("1e3")`, 1000.0],
    ["bool(0)", false],
    [`bool("x")`, true],
    ["len([1, 2])", 2],
    [`len("abc")`, 3],
    ["len(range(10))", 10],
    [`list("abc")`, ["a", "b", "c"]],
    ["list((1, 2))", [1, 2]],
    ["list(range(3))", [0, 1, 2]],
    ["list(range(1, 10, 3))", [1, 4, 7]],
    ["list(range(5, 0, -2))", [5, 3, 1]],
    ["list(range(0))", []],
    ["tuple([1])", [1]],
    ["sorted([3, 1, 2])", [1, 2, 3]],
    [`sorted(["b", "A", "a"])`, ["A", "a", "b"]],
    ["sorted([3, 1, 2], reverse=True)", [3, 2, 1]],
    ["list(reversed([1, 2]))", [2, 1]],
    [
      `list(enumerate(["a", "b"]))`,
      [
        [0, "a"],
        [1, "b"],
      ],
    ],
    [`list(enumerate(["a"], 5))`, [[5, "a"]]],
    [
      `list(enumerate("ab", start=1))`,
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
    [
      `list(zip([1, 2], "ab"))`,
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
    [
      `list(zip([1, 2, 3], "ab", (True, False)))`,
      [
        [1, "a", true],
        [2, "b", false],
      ],
    ],
    ["min(3, 1, 2)", 1],
    ["max([3, 1, 2])", 3],
    [`max("a", "b")`, "b"],
    ["min([], default=7)", 7],
    ["sum([1, 2, 3])", 6],
    ["sum([1.5, 2])", 3.5],
    ["sum([1, 2], 10)", 13],
    ["sum([[1], [2]], [])", [1, 2]],
    ["sum(i for i in range(5))", 10],
    ["abs(-5)", 5],
    ["abs(-1.5)", 1.5],
    ["any([0, 1])", true],
    ["all([1, 0])", false],
    ["all([])", true],
    ["any(x > 2 for x in range(4))", true],
    ["range(5)[2]", 2],
    ["range(10)[-1]", 9],
    ["list(range(10)[2:5])", [2, 3, 4]],
    ["5 in range(10)", true],
    ["list(set([1]))", [1]],
    [`repr("a")`, "'a'"],
    [`dict(enumerate("ab"))[1]`, "b"],
  ],
  comprehensions: [
    ["[i for i in range(3)]", [0, 1, 2]],
    ["[i * 2 for i in range(5) if i % 2]", [2, 6]],
    [
      `[(i, j) for i in range(2) for j in "ab"]`,
      [
        [0, "a"],
        [0, "b"],
        [1, "a"],
        [1, "b"],
      ],
    ],
    ["[i for i in range(20) if i % 2 if i % 3]", [1, 5, 7, 11, 13, 17, 19]],
    ["[x for row in [[1, 2], [3]] for x in row]", [1, 2, 3]],
    ["[a + b for a, b in [(1, 2), (3, 4)]]", [3, 7]],
    ["[a for a, (b, c) in [(1, (2, 3))]]", [1]],
    [`{k: v for k, v in zip("ab", range(2))}`, { a: 0, b: 1 }],
    [`{k: v for k, v in {"a": 1}.items() if v}`, { a: 1 }],
    ["{str(i): [j for j in range(i)] for i in range(3)}", { "0": [], "1": [0], "2": [0, 1] }],
    ["sorted({i % 2 for i in range(5)})", [0, 1]],
    ["dict((str(i), i) for i in range(2))", { "0": 0, "1": 1 }],
    [`list(i for i in "ab")`, ["a", "b"]],
    [`["%s-%d" % (h, p) for h in ("a", "b") for p in range(2)]`, ["a-0", "a-1", "b-0", "b-1"]],
    [
      `{"svc.%s" % h: ["tcp://%s:%d" % (h, 3000 + i) for i in range(2)] for h in ["x", "y"]}`,
      { "svc.x": ["tcp://x:3000", "tcp://x:3001"], "svc.y": ["tcp://y:3000", "tcp://y:3001"] },
    ],
    ["[[j for j in range(i)] for i in range(3)]", [[], [0], [0, 1]]],
    [`[x if x else "none" for x in (0, 1)]`, ["none", 1]],
    ["[i for i in [1, 2, 3] if i not in (2,)]", [1, 3]],
  ],
  modules: [
    [`__import__("os") and 1 if 0 else 2`, 2],
    ["__file__", "/etc/fedmsg.d/x.py"],
    [`__name__ == "__main__"`, false],
  ],
};

/** Whole files; the value is that of `config`. */
const programs: Record<string, readonly (readonly [source: string, value: unknown])[]> = {
  assignments: [
    [
      `a = b = 1
config = {"a": a, "b": b}`,
      { a: 1, b: 1 },
    ],
    [
      `a, b = 1, 2
(c, d), [e, f] = (a, b), "xy"
config = dict(a=a, b=b, c=c, d=d, e=e, f=f)`,
      { a: 1, b: 2, c: 1, d: 2, e: "x", f: "y" },
    ],
    [
      `x: int = 3
y: str
config = {"x": x}`,
      { x: 3 },
    ],
    [
      `n = 1
n += 2
n *= 5
s = "a"
s += "b"
l = m = [1]
l += [2]
l += (3,)
d = e = {"a": 1}
d |= {"b": 2}
config = {"n": n, "s": s, "m": m, "e": e}`,
      { n: 15, s: "ab", m: [1, 2, 3], e: { a: 1, b: 2 } },
    ],
    [
      `l = m = [1]
l = l + [2]
config = {"l": l, "m": m}`,
      { l: [1, 2], m: [1] },
    ],
    [
      `a, b = [1, 2]
a, b = b, a
config = {"a": a, "b": b}`,
      { a: 2, b: 1 },
    ],
    [
      `config = {}
config["x"] = 1
config["a"] = {}
config["a"]["b"] = [1]
config["a"]["b"][0] = 5
config["a"]["b"] += [2]
config["x"] += 1`,
      { x: 2, a: { b: [5, 2] } },
    ],
    [
      `config = dict(a=[1])
other = config["a"]
other.append(2)
config["b"] = config["a"]
config["b"].append(3)`,
      { a: [1, 2, 3], b: [1, 2, 3] },
    ],
    [
      `config = {"a": 1, "b": 2, "l": [1, 2, 3]}
del config["a"]
del config["l"][0]
x = 1
del x`,
      { b: 2, l: [2, 3] },
    ],
    [
      `t = 1,
config = {"t": t}`,
      { t: [1] },
    ],
    [`config = {"a": 1}; config["b"] = 2`, { a: 1, b: 2 }],
    [
      `x = 3
x -= 1
x **= 3
x //= 3
x %= 5
config = dict(x=x)`,
      { x: 2 },
    ],
  ],
  changes: [
    [
      `config = {"a": 1}
config.update({"b": 2})
config.update(c=3)
config.update([("d", 4)], e=5)
config.update({})`,
      { a: 1, b: 2, c: 3, d: 4, e: 5 },
    ],
    [
      `config = dict(endpoints=dict(x=["a"]))
config["endpoints"]["x"].append("b")
config["endpoints"]["x"].extend(["c", "d"])
config["endpoints"]["x"].insert(0, "z")
config["endpoints"]["x"].insert(-1, "y")
config["endpoints"]["x"].insert(99, "w")
config.setdefault("y", []).append(1)
config.setdefault("y", []).append(2)`,
      { endpoints: { x: ["z", "a", "b", "c", "y", "d", "w"] }, y: [1, 2] },
    ],
    [
      `config = {"a": 1, "l": [3, 1, 2]}
config["b"] = config.pop("a")
config["l"].sort()
config["l"].reverse()
config["p"] = config["l"].pop()
config["q"] = config["l"].pop(0)
config["l"].remove(2)`,
      { l: [], b: 1, p: 1, q: 3 },
    ],
    [
      `base = {"a": 1}
config = base.copy()
config["b"] = 2
config["n"] = len(base)`,
      { a: 1, b: 2, n: 1 },
    ],
    [
      `base = {"a": {"x": 1}}
config = dict(base, b=2)
base["a"]["x"] = 5`,
      { a: { x: 5 }, b: 2 },
    ],
    [
      `s = set([1])
s.add(2)
s.update([3])
s |= {4}
config = {"s": sorted(s)}`,
      { s: [1, 2, 3, 4] },
    ],
  ],
  conditions: [
    [
      `env = "stg"
if env == "prod":
    prefix = "org.a"
elif env == "stg":
    prefix = "org.b"
else:
    prefix = "org.c"
config = dict(prefix=prefix)`,
      { prefix: "org.b" },
    ],
    [
      `config = {}
if "x" in config: config["y"] = 1
else: config["z"] = 2`,
      { z: 2 },
    ],
    [
      `config = {"a": 1}
if __name__ == "__main__":
    import pprint
    pprint.pprint(config)`,
      { a: 1 },
    ],
    [
      `x = []
if x:
    x = 1
config = {"x": x or "empty"}`,
      { x: "empty" },
    ],
    [
      `if 1:
    if 0:
        a = 1
    else:
        a = 2
config = {"a": a}`,
      { a: 2 },
    ],
    [
      `import socket
host = socket.gethostname().split(".")[0]
config = dict(active=True if host.startswith("app") else False)
if not (host == "x" or host.endswith("01")) and True:
    config["no"] = 1`,
      { active: true },
    ],
  ],
  loops: [
    [
      `config = {"endpoints": {}}
for i in range(3):
    config["endpoints"]["svc.%d" % i] = ["tcp://h:%d" % (3000 + i)]`,
      { endpoints: { "svc.0": ["tcp://h:3000"], "svc.1": ["tcp://h:3001"], "svc.2": ["tcp://h:3002"] } },
    ],
    [
      `config = {}
for name, port in [("a", 1), ("b", 2)]:
    if name == "b":
        continue
    config[name] = port
else:
    config["done"] = True`,
      { a: 1, done: true },
    ],
    [
      `config = {"l": []}
for i in range(10):
    if i == 3: break
    config["l"].append(i)
else:
    config["never"] = 1`,
      { l: [0, 1, 2] },
    ],
    [
      `config = {}
for i, (k, v) in enumerate({"a": 1, "b": 2}.items()):
    config[k] = (i, v)`,
      { a: [0, 1], b: [1, 2] },
    ],
    [
      `l = [1]
for x in l:
    if x < 5: l.append(x + 1)
config = {"l": l, "x": x}`,
      { l: [1, 2, 3, 4, 5], x: 5 },
    ],
    [
      `config = {"l": []}
for a in "ab":
    for b in "xy":
        if b == "y": break
        config["l"].append(a + b)`,
      { l: ["ax", "bx"] },
    ],
    [
      `config = {}
for x in 1, 2: config[str(x)] = x`,
      { "1": 1, "2": 2 },
    ],
    [
      `i = "outer"
l = [i for i in range(3)]
config = {"i": i, "l": l}`,
      { i: "outer", l: [0, 1, 2] },
    ],
    [
      `config = {"a": {"x": 1}, "b": {"x": 2}}
for d in config.values():
    d["x"] += 1`,
      { a: { x: 2 }, b: { x: 3 } },
    ],
    [
      `config = {}
total = 0
for i in range(100): total += i
config["total"] = total`,
      { total: 4950 },
    ],
  ],
  imports: [
    [
      `from __future__ import print_function
import os, socket
import os.path
import sys, json
from os import path
from os.path import join, dirname as d
import socket as s
from socket import gethostname

try:
    import simplejson as json
except ImportError:
    import json
config = dict(
    a=socket.gethostname(), b=gethostname(), c=s.gethostname().split(".")[0],
    d=os.path.join("/a", "b", "c"), e=join("a", "/b"), f=d("/x/y"), g=path.basename("/x/y.py"),
    h=os.sep, i=os.path.sep,
)`,
      {
        a: "app01.example.org",
        b: "app01.example.org",
        c: "app01",
        d: "/a/b/c",
        e: "/b",
        f: "/x",
        g: "y.py",
        h: "/",
        i: "/",
      },
    ],
    [
      `import os
config = dict(
    a=os.path.expanduser("~/x"), b=os.path.expanduser("~"), c=os.path.expanduser("/x/~"),
    d=os.path.abspath("x/../y"), e=os.path.normpath("/a/./b//c/../d"), f=os.path.normpath("../../a"),
    g=os.getcwd(), h=os.path.dirname("/a/b/"), i=os.path.dirname("a"), j=os.path.basename("/a/"),
    k=os.path.join("a", ""), l=os.path.normpath(""), m=os.path.normpath("//a"), n=os.path.normpath("/.."),
    o=os.path.dirname("//"), p=os.path.splitext("/a.b/c.tar.gz"), q=os.path.splitext(".bashrc"),
    r=os.path.dirname(os.path.abspath(__file__)), s=os.path.join("", "a"), t=os.path.abspath("/"),
)`,
      {
        a: "/home/me/x",
        b: "/home/me",
        c: "/x/~",
        d: "/work/dir/y",
        e: "/a/b/d",
        f: "../../a",
        g: "/work/dir",
        h: "/a/b",
        i: "",
        j: "",
        k: "a/",
        l: ".",
        m: "//a",
        n: "/",
        o: "//",
        p: ["/a.b/c.tar", ".gz"],
        q: [".bashrc", ""],
        r: "/etc/fedmsg.d",
        s: "a",
        t: "/",
      },
    ],
    [
      `import os
config = dict(
    a=os.environ["HOME"], b=os.environ.get("FEDMSG_X"), c=os.environ.get("FEDMSG_NO"), d=os.getenv("FEDMSG_NO", "e"),
    f="FEDMSG_X" in os.environ, g="FEDMSG_NO" not in os.environ, h=os.environ.get("FEDMSG_NO", None) or "x",
    i=os.uname()[1], j=os.environ.get("USER", "nobody"),
)`,
      { a: "/home/me", b: "x", c: null, d: "e", f: true, g: true, h: "x", i: "app01.example.org", j: "nobody" },
    ],
    [
      `from os import environ, getenv, sep
config = {"a": environ["FEDMSG_X"], "b": getenv("FEDMSG_X"), "c": sep}`,
      { a: "x", b: "x", c: "/" },
    ],
    [
      `from datetime import timedelta
import datetime
config = dict(
    a=timedelta(hours=1), b=datetime.timedelta(1, 30), c=timedelta(minutes=1.5, milliseconds=5).total_seconds(),
    d=timedelta(days=-1), e=timedelta(seconds=10), f=timedelta(weeks=1),
)`,
      { a: 3600.0, b: 86430.0, c: 90.005, d: -86400.0, e: 10.0, f: 604800.0 },
    ],
    [
      `try:
    import os
    from socket import gethostname
except (ImportError, AttributeError) as error:
    config = None
else:
    config = {"a": 1}
finally:
    config["b"] = 2`,
      { a: 1, b: 2 },
    ],
    [
      `import socket
fqdn = socket.getfqdn()
config = {"same": fqdn == socket.gethostname()}`,
      { same: true },
    ],
  ],
  "what is passed over": [
    [
      `"""A docstring."""
# A comment
"another text"
pass
def shorten(url):
    return url[:5]
class Thing(object):
    """x"""
    size = 1
    def method(self): return self.x
shorter = lambda url: url
config = {"a": 1}  # comment
print("hello")`,
      { a: 1 },
    ],
    [
      `config = {
    # comment
    "a": 1,  # other

    "b": [
        1,
        # inside
        2,
    ],
}`,
      { a: 1, b: [1, 2] },
    ],
    [
      `import os
config = dict(
    a=1,
)
if 0:
    config["x"] = open("/nowhere").read()`,
      { a: 1 },
    ],
    [
      `import logging
log = logging.getLogger("fedmsg")
config = {"a": 1 or undefined}`,
      { a: 1 },
    ],
  ],
};

/** What Python 3 does not read, or reads in another order. */
const pythonTwo: readonly (readonly [source: string, value: unknown])[] = [
  ["0644", 420],
  ["10L", 10],
  ["0xFFL", 255],
  ["[0, 00, 07, 10l]", [0, 0, 7, 10]],
  ["1 <> 2", true],
  ['b"a"', "a"],
  ['unicode("a")', "a"],
  ["xrange(3)", [0, 1, 2]],
  ['{"a": 1}.has_key("a")', true],
  ['[k for k, v in {"a": 1}.iteritems()]', ["a"]],
  ['{"a": 1}.keys()[0]', "a"],
  ['{"b", "a", "b"}', ["b", "a"]],
  ['set(["b", "a", "b"])', ["b", "a"]],
  ['"10L"', "10L"],
];

const wrap = (source: string) => `config = {"v": ${source}}`;

async function configOf(source: string): Promise<unknown> {
  return (await readPython(file, source, around)).value;
}

describe.each(Object.entries(expressions))("%s", (_, rows) => {
  test.each(rows)("%s", async (source, value) => {
    expect(await configOf(wrap(source))).toEqual({ v: value });
  });
});

describe.each(Object.entries(programs))("%s", (_, rows) => {
  test.each(rows)("%s", async (source, value) => {
    expect(await configOf(source)).toEqual(value);
  });
});

test.each(pythonTwo)("Python 2: %s", async (source, value) => {
  expect(await configOf(wrap(source))).toEqual({ v: value });
});

test('Python 2: print "x" is passed over', async () => {
  expect(await configOf('print "x"\nconfig = {"a": 1}')).toEqual({ a: 1 });
});

describe("Python", () => {
  beforeAll(() => ensureProgram({ debianPackage: "python3", check: ["python3", "--version"] }));

  test("gives each snippet the same value", () => {
    const rows = [
      ...Object.values(expressions).flatMap((group) => group.map(([source, v]) => [wrap(source), { v }] as const)),
      ...Object.values(programs).flat(),
    ];
    const { stdout, stderr } = spawnSync("python3", ["-c", oracle], {
      input: JSON.stringify({ ...around, file, sources: rows.map(([source]) => source) }),
      env: { ...around.env, PATH: process.env.PATH },
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const answers = JSON.parse(stdout) as unknown[];
    expect(rows.map(([source], n) => [source, answers[n]])).toEqual(rows);
  });
});

/** What stands for what when JavaScript values become JSON. Errors and their paths are in dumps.errors.test.ts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalize, dumps, Float, loads, lossless, prettyDumps } from "../encoding.ts";

const keys = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "id",
    "0",
    "10",
    "9",
    "-1",
    "𝄞",
    "\ud834",
    "\udd1e",
    "\uffff",
    "\ue000",
    "\u007f",
  ),
);
const leaves = fc.oneof(
  keys,
  fc.constantFrom(null, true, false, -0, NaN, Infinity, -Infinity),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.double().map((value) => new Float(value)),
  fc.date({ noInvalidDate: true }),
);
const members = (value: fc.Arbitrary<unknown>) =>
  fc.uniqueArray(fc.tuple(keys, value), { selector: ([key]) => key, maxLength: 5 });
const values = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaves,
    fc.array(tie("any"), { maxLength: 5 }),
    fc.array(tie("any"), { maxLength: 5 }).map((items) => new Set(items)),
    members(tie("any")).map((pairs) => Object.fromEntries(pairs)),
    members(tie("any")).map((pairs) => Object.assign(Object.create(null), Object.fromEntries(pairs)) as object),
    members(tie("any")).map((pairs) => new Map(pairs)),
    tie("any").map((value) => ({ toJSON: () => value })),
  ),
})).any;

describe("whatever the value", () => {
  const runs = { numRuns: 500 };

  test("dumps writes canonical JSON", () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = dumps(value);
        expect(canonicalize(text)).toBe(text);
        expect(dumps(loads(text, lossless))).toBe(text);
      }),
      runs,
    );
  });

  test("prettyDumps writes the same, for people", () => {
    fc.assert(
      fc.property(values, (value) => canonicalize(prettyDumps(value)) === dumps(value)),
      runs,
    );
  });

  test("what JSON can hold comes back", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        expect(loads(dumps(value), { int: Number })).toStrictEqual(value);
      }),
      runs,
    );
  });
});

test("prettyDumps indents by two, keeps the order of keys, and leaves what is empty on its line", () => {
  const value = { b: [1, new Float(2)], a: {}, c: [], d: new Map([["x", "é"]]) };
  expect(prettyDumps(value)).toBe(
    '{\n  "b": [\n    1,\n    2.0\n  ],\n  "a": {},\n  "c": [],\n  "d": {\n    "x": "\\u00e9"\n  }\n}',
  );
});

describe("Date", () => {
  test.each([
    ["1970-01-01T00:00:00.000Z", "0.0"],
    ["1970-01-01T00:00:01.999Z", "1.0"],
    ["2024-02-29T12:00:00.001Z", "1709208000.0"],
    ["1969-12-31T23:59:59.999Z", "-1.0"],
    ["1969-12-31T23:59:58.001Z", "-2.0"],
  ])("%s is the seconds since the epoch, rounded down", (date, text) => expect(dumps(new Date(date))).toBe(text));

  test("of a subclass is a Date, in spite of its toJSON", () => {
    class Moment extends Date {}
    expect(dumps([new Moment(5000)])).toBe("[5.0]");
  });
});

describe("Map and Set", () => {
  test("a Set is an array in the order of insertion", () => expect(dumps(new Set([3, "a", 1]))).toBe('[3,"a",1]'));

  test("number keys are sorted by value, as Python sorts them", () => {
    const map = new Map<unknown, unknown>([
      [10, "c"],
      [9, "b"],
      [-1, "a"],
      [new Float(9.5), "bb"],
      [2n ** 70n, "d"],
    ]);
    expect(dumps(map)).toBe('{"-1":"a","9":"b","9.5":"bb","10":"c","1180591620717411303424":"d"}');
  });

  test("number keys are compared exactly, though they differ by less than a number can tell", () => {
    const map = new Map([
      [9007199254740993n, 1],
      [9007199254740992n, 2],
    ]);
    expect(dumps(map)).toBe('{"9007199254740992":2,"9007199254740993":1}');
  });

  test("booleans and null may be keys too", () => {
    expect(
      dumps(
        new Map([
          [true, 1],
          [false, 0],
        ]),
      ),
    ).toBe('{"false":0,"true":1}');
    expect(dumps(new Map([[null, 1]]))).toBe('{"null":1}');
  });

  test("string keys are sorted by code point", () => {
    expect(
      dumps(
        new Map([
          ["𝄞", 1],
          ["\uffff", 2],
          ["a", 3],
        ]),
      ),
    ).toBe('{"a":3,"\\uffff":2,"\\ud834\\udd1e":1}');
  });

  test("prettyDumps keeps the order of mixed keys, as Python's does", () => {
    expect(
      prettyDumps(
        new Map<unknown, unknown>([
          ["b", 1],
          [2, 2],
          [null, 3],
        ]),
      ),
    ).toBe('{\n  "b": 1,\n  "2": 2,\n  "null": 3\n}');
  });
});

describe("numbers", () => {
  test("bigint is written with as many digits as Python reads", () => {
    const most = 10n ** 4300n - 1n;
    expect(dumps([most, -most])).toBe(`[${"9".repeat(4300)},-${"9".repeat(4300)}]`);
    expect(canonicalize(dumps(most))).toBe("9".repeat(4300));
  });

  test("boxed values are what they hold", () => {
    expect(dumps([Object(1.5), Object("é"), Object(true), Object(2n ** 64n)])).toBe(
      '[1.5,"\\u00e9",true,18446744073709551616]',
    );
  });
});

describe("objects", () => {
  test("toJSON and __json__ are asked, the latter first", () => {
    expect(dumps({ a: { toJSON: () => [1] }, b: { __json__: () => "x" } })).toBe('{"a":[1],"b":"x"}');
    expect(dumps({ toJSON: () => 1, __json__: () => 2 })).toBe("2");
    expect(dumps(new URL("https://example.org/"))).toBe('"https://example.org/"');
  });

  test("what they return is asked in turn, and is called on its object", () => {
    class Money {
      readonly cents = 250;
      toJSON(): unknown {
        return { amount: { __json__: () => new Float(this.cents / 100) } };
      }
    }
    expect(dumps([new Money()])).toBe('[{"amount":2.5}]');
  });

  test("a toJSON or __json__ that is data is data", () => {
    expect(dumps({ toJSON: 1, __json__: "x" })).toBe('{"__json__":"x","toJSON":1}');
  });

  test("one that returns itself is written by its members", () => {
    class Model {
      readonly id = 3;
      readonly name = "x";
      __json__(): this {
        return this;
      }
    }
    class Other extends Model {
      toJSON(): this {
        return this;
      }
    }
    expect(dumps([new Model(), new Other()])).toBe('[{"id":3,"name":"x"},{"id":3,"name":"x"}]');
  });

  test("a class instance is its own members, without functions and undefined", () => {
    class User {
      readonly name = "ralph";
      readonly email = undefined;
      readonly greet = () => "hi";
      static readonly table = "users";
      get shout(): string {
        return this.name.toUpperCase();
      }
    }
    expect(dumps(new User())).toBe('{"name":"ralph"}');
  });

  test("without a prototype are plain", () => {
    expect(dumps(Object.assign(Object.create(null), { b: 1, a: [2] }))).toBe('{"a":[2],"b":1}');
  });

  test("symbols as keys and members of the prototype are not data", () => {
    expect(dumps({ [Symbol("x")]: 1, a: 2 })).toBe('{"a":2}');
  });

  test("the same object may stand in several places", () => {
    class Tag {
      readonly id = 1;
    }
    const shared = { x: new Tag() };
    expect(dumps([shared, shared, shared.x])).toBe('[{"x":{"id":1}},{"x":{"id":1}},{"id":1}]');
  });
});

describe("models that refer to each other", () => {
  class Build {
    readonly id: unknown;
    readonly tasks: Task[] = [];
    constructor(id: unknown) {
      this.id = id;
    }
  }
  class Task {
    readonly id = 8;
    readonly build: Build;
    constructor(build: Build) {
      this.build = build;
      build.tasks.push(this);
    }
  }

  test.each([
    ["a number", 7, "7"],
    ["a text", "uuid", '"uuid"'],
    ["a bigint", 12345678901234567890n, "12345678901234567890"],
    ["compound, so it is null", { compound: 1 }, "null"],
    ["missing, so it is null", undefined, "null"],
  ])("are cut where they repeat to the id, which is %s", (_, id, text) => {
    const build = new Build(id);
    new Task(build);
    expect(dumps(build.tasks)).toContain(
      `{"build":{${id === undefined ? "" : `"id":${dumps(id)},`}"tasks":[8]},"id":8}`,
    );
    expect(dumps({ build })).toContain(`"tasks":[{"build":${text},"id":8}]`);
  });

  test("are cut when their toJSON gives a copy, as that of Sequelize and the like", () => {
    class Row {
      readonly id: number;
      readonly related: Row[] = [];
      constructor(id: number) {
        this.id = id;
      }
      toJSON(): unknown {
        return { ...this };
      }
    }
    const [one, two] = [new Row(1), new Row(2)];
    one.related.push(two, one);
    two.related.push(one);
    expect(dumps(one)).toBe('{"id":1,"related":[{"id":2,"related":[1]},1]}');
  });

  test("are cut when a plain object's toJSON leads back to it", () => {
    const row: { id: number; toJSON(): unknown } = { id: 4, toJSON: () => ({ self: row }) };
    expect(dumps(row)).toBe('{"self":4}');
  });
});

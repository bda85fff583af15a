/** What messages take in memory is never more than is said of them, and what is said of real ones is near their bytes. */
import { memoryBytes } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { decodeMessage } from "./frames.ts";
import { excessiveMemory, memoryOf, memoryPerByte, weightOf } from "./weight.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** What a thread takes now and then beside what is measured. */
const noise = 128 * KiB;

/** Another word each time. */
const word = (n: number) => (n + 46_656).toString(36);

/** One text many times, or another each time. */
type Shape = (n: number) => string;

const nested = (open: string, leaf: string, close: string, levels: number) =>
  `${open.repeat(levels)}${leaf}${close.repeat(levels)}`;

const shapes: readonly [what: string, shape: Shape][] = [
  ["empty arrays", () => "[]"],
  ["arrays in arrays", () => nested("[", "0", "]", 990)],
  ["arrays of one", () => "[0]"],
  ["pairs", () => "[0,0]"],
  ["arrays of a number beyond small ones", () => "[9e9]"],
  ["arrays and such numbers", () => "[],9e9"],
  ["numbers", () => "7"],
  ["floats", () => "1.5"],
  ["numbers beyond doubles", () => "1e999"],
  ["texts and numbers", () => '"",9e9'],
  ["numbers behind a text", (n) => (n === 0 ? '""' : "1.5")],
  ["arrays of many numbers behind a text", () => `["",${"9e9,".repeat(50)}0]`],
  ["empty objects", () => "{}"],
  ["objects in arrays", () => "[{}]"],
  ["the same object", () => '{"a":0}'],
  ["objects in objects", () => nested('{"a":', "0", "}", 990)],
  ["objects that are all different", (n) => `{"${word(n)}":0}`],
  ["objects of two that are all different", (n) => `{"${word(n)}":0,"a":[]}`],
  ["objects of different ones", (n) => `{"${word(n % 60)}":{"${word(n)}":0}}`],
  ["an element with a number", () => '{"1":0}'],
  ["an element behind others that are not there", () => '{"33":0}'],
  ["an element far behind", () => '{"999":0}'],
  ["an element behind a member", () => '{"a":0,"33":0}'],
  ["elements in elements", () => nested('{"33":', "0", "}", 990)],
  ["the last element that there can be", () => '{"4294967294":0}'],
  ["names that are numbers beyond that, all different", (n) => `{"${4_294_967_295 + n}":0}`],
  ["names that end with a digit, all different", (n) => `{"${word(n)}1":0}`],
  ["names that begin with nought", (n) => `{"0${n}":0}`],
  ["an element with space", () => '{"33" \n :0}'],
  ["an element with escapes", () => '{"\\u0033\\u0033":0}'],
  ["an element with half an escape", () => '{"3\\u0033":0}'],
  ["short texts", (n) => `"${word(n)}"`],
  ["texts of many bytes a character", () => `"${"日本".repeat(50)}"`],
  ["texts that are twice as wide for one character", () => `"日${"a".repeat(997)}"`],
  ["the same behind a colon", (n) => `"${"a".repeat(n % 4)}:日${"a".repeat(997)}"`],
  ["the same by an escape", () => `"\\u65e5${"a".repeat(997)}"`],
  ["escapes", () => '"\\n\\n\\n\\n"'],
  ["one long text", () => `"${"x".repeat(10_000)}"`],
];

function bodyOf(shape: Shape, bytes: number, last: string): Buffer {
  const parts: string[] = [];
  for (let n = 0, length = 0; length < bytes; n++) {
    const part = shape(n);
    parts.push(part);
    length += part.length + 1;
  }
  return Buffer.from(`{"topic":"t","msg":[${parts.join(",")},${last}]}`);
}

function membersOf(member: Shape, bytes: number, last: string): Buffer {
  const body = bodyOf(member, bytes, `"z":${last}`).toString();
  return Buffer.from(body.replace('"msg":[', '"msg":{').replace(/\]\}$/, "}}"));
}

/** What is kept, so that nothing of it is collected before it was measured. */
let kept: unknown[] = [];

/** What messages take that are read from bodies like this one, body and value. */
function measure(bodies: readonly Buffer[]): number {
  decodeMessage([Buffer.from("t"), bodies[0] as Buffer]); // What is made once, and kept.
  kept = new Array(bodies.length).fill(null);
  const before = memoryBytes();
  let bytes = 0;
  for (const [n, body] of bodies.entries()) {
    const decoded = decodeMessage([Buffer.from("t"), body], Number.POSITIVE_INFINITY);
    if (!decoded.valid) return expect.unreachable(decoded.detail);
    kept[n] = decoded.message;
    bytes += body.byteLength;
  }
  const taken = memoryBytes() - before + bytes;
  kept = [];
  return taken;
}

describe.each([
  ["read by the parser", "0"],
  ["with a NaN, read by our own reader", "NaN"],
])("%s", (_, last) => {
  test.each(shapes)("%s take no more than is said", (__, shape) => {
    const body = bodyOf(shape, 300 * KiB, last);
    expect(measure([body])).toBeLessThan(memoryOf(body) + noise);
    expect(weightOf(body) * memoryPerByte).toBeGreaterThanOrEqual(memoryOf(body));
  });

  test.each<[string, Shape]>([
    ["members of one object", (n) => `"${word(n)}":0`],
    ["members of one object, with objects", (n) => `"${word(n)}":{}`],
    ["members of one object, with texts", (n) => `"${word(n)}":"${word(n)}x"`],
    ["members of one object, with floats", (n) => `"${word(n)}":1.5`],
    ["elements of one object", (n) => `"${n}":0`],
    ["elements of one object with much between them", (n) => `"${(n * 7919) % 99_999_999}":0`],
  ])("%s take no more than is said", (__, member) => {
    const body = membersOf(member, 300 * KiB, last);
    expect(measure([body])).toBeLessThan(memoryOf(body) + noise);
  });

  test("many small messages take no more than is said, but for what each of them takes in any case", () => {
    const perMessage = 1 * KiB;
    for (const [, shape] of shapes.slice(0, 12)) {
      const bodies = Array.from({ length: 200 }, () => bodyOf(shape, 500, last));
      const said = bodies.reduce((sum, body) => sum + memoryOf(body) + perMessage, 0);
      expect(measure(bodies)).toBeLessThan(said + noise);
    }
  });
});

test("a message as most are weighs its bytes, or little more", () => {
  const body = Buffer.from(
    '{"i": 3, "msg": {"agent": "ralph", "commit": {"branch": "master", "email": "ralph@example.org", "message": "Rebuild", ' +
      '"name": "Ralph", "repo": "fedmsg", "rev": "a3f5d1b2c4e6f708192a3b4c5d6e7f8091a2b3c4", "stats": {"files": {}, ' +
      '"total": {"deletions": 1, "files": 1, "insertions": 2, "lines": 3}}, "summary": "Rebuild", "username": "ralph"}}, ' +
      '"msg_id": "2014-c3f4b2e0-0d1c-4d6a-9d3b-0d6a2e0f5a11", "timestamp": 1388534400, "topic": "org.example.prod.git.receive"}',
  );
  expect(weightOf(body)).toBeGreaterThanOrEqual(body.byteLength);
  expect(weightOf(body)).toBeLessThan(body.byteLength * 1.3);
});

test("names that end with a digit cost what others do; only a name that is a number costs more", () => {
  const weightOfMany = (text: string) => weightOf(Buffer.from(text.repeat(1000)));
  for (const name of ["sha1", "x1", "ipv4", "python3", "4x1", "a-7", "12345678901"]) {
    expect(weightOfMany(`{"${name}":1},`), name).toBe(weightOfMany(`{"${name.replaceAll(/[0-9]/g, "n")}":1},`));
  }
  for (const name of ["1", "33", "100017", "4294967294"]) {
    expect(weightOfMany(`{"${name}":1},`), name).toBeGreaterThan(
      1.5 * weightOfMany(`{"${"n".repeat(name.length)}":1},`),
    );
  }
});

test.each([
  ["text", 16, "a"],
  ["pairs", 16, "[1.5,-2.5],"],
  ["records of short names and numbers", 14, '{"x1":1,"y1":2,"x2":3,"y2":4},'],
  ["the same as Python spaces it", 16, '{"x1": 1, "y1": 2, "x2": 3, "y2": 4}, '],
  ["checksums", 16, '{"md5":"900150983cd24fb0d6963f7d28e17f72","sha1":"a9993e364706816aba3e25717850c26c9cd0d89d"},'],
  ["flags", 14, '{"a":1,"b":2,"c":true},'],
])("%s may be as large as they come", (_, mebibytes, text) => {
  expect(excessiveMemory(Buffer.alloc(mebibytes * MiB, text), 16 * MiB)).toBeUndefined();
});

test("what fills the memory is too much, and that is seen without parsing it", () => {
  expect(excessiveMemory(Buffer.alloc(16 * MiB, '{"33":0},'), 16 * MiB)).toBeGreaterThan(256 * MiB);
  expect(excessiveMemory(Buffer.alloc(16 * MiB, "[],"), 16 * MiB)).toBeGreaterThan(256 * MiB);
  expect(excessiveMemory(Buffer.alloc(3 * MiB, '{"33":'), 16 * MiB)).toBeUndefined();
  expect(excessiveMemory(Buffer.alloc(50 * MiB, "7,"), 64 * MiB)).toBeUndefined();
});

test("any bytes can be weighed", () => {
  for (let byte = 0; byte < 256; byte++) {
    for (const length of [0, 1, 2, 3, 4, 5, 7, 1001]) {
      const weight = weightOf(Buffer.alloc(length, byte));
      expect(weight).toBeGreaterThanOrEqual(length);
      expect(weight).toBeLessThanOrEqual(length * 45 + 1);
    }
  }
});

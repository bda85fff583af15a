import { codeOf } from "@fedmsg/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeQuery, encodeRefusal, pageQuestion, parseQuery, parseRefusal, queryLimits } from "./query.ts";

const parse = (text: string | Uint8Array) => parseQuery(typeof text === "string" ? Buffer.from(text) : text);
const refusal = (text: string) => ({ kind: "refusal", text });

describe("the Python system's queries", () => {
  test.each([
    ["{}", { all: true }],
    ['{"seq_id":5}', { positions: [5] }],
    ['{"seq_ids":[1,2,2,7]}', { positions: [1, 2, 7] }],
    ['{"seq_ids":[]}', {}],
    ['{"seq_id_range":[2,6]}', { positionRange: [2, 6] }],
    ['{"seq_id_range":[6,-2]}', { positionRange: [6, -2] }],
    ['{"msg_id":"2026-a"}', { msgIds: ["2026-a"] }],
    ['{"msg_ids":["a","b","a"]}', { msgIds: ["a", "b"] }],
    ['{"time":[10,11]}', { timeRangeMs: [10_000, 11_999] }],
    ['{"time":[10.2,11.9]}', { timeRangeMs: [11_000, 11_999] }],
    ['{"seq_id":1.0,"msg_id":"a","seq_ids":[3],"msg_ids":["b"]}', { positions: [1, 3], msgIds: ["a", "b"] }],
    ['{"seq_id":1,"seq_id":2}', { positions: [2] }],
  ])("%s is understood", (text, query) => {
    expect(parse(text)).toEqual({ kind: "entries", query });
  });

  test.each([
    ['{"key":1}', 'Unsupported field: "key"'],
    ['{"seq_id":1,"uuid":2}', 'Unsupported field: "key"'],
    ['{"__proto__":{"seq_id":1}}', 'Unsupported field: "key"'],
    ['{"constructor":1}', 'Unsupported field: "key"'],
    ['{"time":5}', 'Ill-format "time" field'],
    ['{"time":[1,2,3]}', 'Ill-format "time" field'],
    ['{"time":["a","b"]}', 'Something went wrong when processing the field "time"'],
    ['{"time":[0,1e300]}', 'Something went wrong when processing the field "time"'],
    ['{"seq_id_range":[1]}', 'Ill-format "sed_id_range" field'],
    ['{"seq_id_range":{"0":1,"1":2,"length":2}}', 'Ill-format "sed_id_range" field'],
    ['{"seq_id_range":[1,null]}', 'Something went wrong when processing the field "seq_id_range"'],
    ['{"seq_id_range":[0,9007199254740993]}', 'Something went wrong when processing the field "seq_id_range"'],
    ['{"seq_id":1.5}', 'Something went wrong when processing the field "seq_id"'],
    ['{"seq_id":true}', 'Something went wrong when processing the field "seq_id"'],
    ['{"seq_ids":"12"}', 'Something went wrong when processing the field "seq_ids"'],
    ['{"seq_ids":[[1]]}', 'Something went wrong when processing the field "seq_ids"'],
    ['{"msg_id":5}', 'Something went wrong when processing the field "msg_id"'],
    ['{"msg_ids":[null]}', 'Something went wrong when processing the field "msg_ids"'],
  ])("%s is refused in its words", (text, words) => {
    expect(parse(text)).toEqual(refusal(words));
  });
});

describe("pages", () => {
  test.each([
    ['{"after":0}', { after: 0, limit: 1000 }],
    ['{"after":7,"limit":10}', { after: 7, limit: 10 }],
    ['{"after":7,"limit":100000}', { after: 7, limit: 1000 }],
    ['{"after":7,"topics":["org.a","é"],"limit":1}', { after: 7, topics: ["org.a", "é"], limit: 1 }],
    ['{"after":7,"topics":[]}', { after: 7, limit: 1000 }],
  ])("%s is understood", (text, page) => {
    expect(parse(text)).toEqual({ kind: "page", ...page });
  });

  const topics = "topics is a list of at most 100 texts of at most 1024 bytes";
  test.each([
    ['{"after":-1}', "after is a whole number from 0 on"],
    ['{"after":"1"}', "after is a whole number from 0 on"],
    ['{"after":9007199254740992}', "after is a whole number from 0 on"],
    ['{"after":0,"limit":0}', "limit is a whole number from 1 on"],
    ['{"after":0,"topics":"a"}', topics],
    ['{"after":0,"topics":[1]}', topics],
    [`{"after":0,"topics":["${"é".repeat(513)}"]}`, topics],
    [`{"after":0,"topics":[${'"a",'.repeat(100)}"a"]}`, topics],
    ['{"after":0,"seq_id":1}', "A page has the fields after, topics and limit, and no others"],
  ])("%# is refused, and not as a Python server does", (text, words) => {
    expect(parse(text)).toEqual(refusal(words));
  });
});

test("info is a query of its own", () => {
  expect(parse('{"info":true}')).toEqual({ kind: "info" });
  for (const text of ['{"info":1}', '{"info":true,"seq_id":1}', '{"info":true,"x":1}']) {
    expect(parse(text)).toEqual(refusal("info is true, and there are no other fields but time and beats"));
  }
});

describe("what is no query is refused", () => {
  test.each(["", " ", "[]", "null", "1", '"{}"', "{", "{}{}", "\ufeff{}", "{'a':1}", "[".repeat(60_000)])(
    "%#",
    (text) => {
      expect(parse(text)).toEqual(refusal("A query is a JSON object"));
    },
  );

  test("bytes that are not UTF-8", () => {
    expect(parse(Buffer.from('{"msg_id":"\xff"}', "latin1"))).toEqual(refusal("A query is a JSON object"));
  });

  test("nesting as deep as a query is long", () => {
    const text = `{"seq_ids":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;
    expect(parse(text)).toEqual(refusal('Something went wrong when processing the field "seq_ids"'));
  });

  test("more bytes than a query has are not looked at", () => {
    expect(parse(Buffer.alloc(1024 * 1024, 0x20))).toEqual(refusal("The query has 1048576 bytes, 65536 are allowed"));
  });

  test("a list that is too long", () => {
    const text = `{"seq_ids":[${"1,".repeat(10_000)}1]}`;
    expect(parse(text)).toEqual(refusal('Something went wrong when processing the field "seq_ids"'));
  });

  test("anything: an answer comes, and nothing is thrown", () => {
    const kinds = ["entries", "page", "info", "refusal"];
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(fc.property(bytes, (query) => kinds.includes(parseQuery(query).kind)));
  });
});

test("queries are written as Python writes them, and read back", () => {
  expect(String(Buffer.from(encodeQuery({ seq_id_range: [2, 6] })))).toBe('{"seq_id_range":[2,6]}');
  const page = encodeQuery({ topics: ["é"], limit: 5, after: 1 });
  expect(String(Buffer.from(page))).toBe('{"after":1,"limit":5,"topics":["\\u00e9"]}');
  expect(parse(page)).toEqual({ kind: "page", after: 1, limit: 5, topics: ["é"] });
});

test("a query that no server would read is not written", async () => {
  const query = async () => encodeQuery({ msg_id: "x".repeat(70_000) });
  expect(await codeOf(query())).toBe("FEDMSG_UNSUPPORTED");
});

test("topics that a server would not read are left out", () => {
  expect(pageQuestion(1, 2, ["a"])).toEqual({ after: 1, limit: 2, topics: ["a"] });
  for (const topics of [[], ["a".repeat(1025)], Array(101).fill("a"), Array(100).fill("é".repeat(500))]) {
    expect(pageQuestion(1, 2, topics)).toEqual({ after: 1, limit: 2 });
  }
  expect(queryLimits.topicsMax).toBe(100);
});

test("a refusal is read as it was written; other bytes are none", () => {
  expect(String(Buffer.from(encodeRefusal('Ill-format "time" field')))).toBe("error: 'Ill-format \"time\" field'");
  expect(parseRefusal(encodeRefusal("it's"))).toBe("it's");
  for (const text of ["", "{}", "error", "error: x", "e"]) expect(parseRefusal(Buffer.from(text))).toBeUndefined();
  expect(parseRefusal(Buffer.from("error: '\xff'", "latin1"))).toBeUndefined();
});

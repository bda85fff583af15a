import { describe, expect, test } from "vitest";
import { canonicalize } from "../encoding.ts";
import {
  bodyBytesMaxDefault,
  checkFraming,
  type Decoded,
  decodeMessage,
  type InvalidReason,
  invalidReasons,
  topicBytesMax,
} from "./frames.ts";

const frames = (...texts: (string | Uint8Array)[]) =>
  texts.map((text) => (typeof text === "string" ? Buffer.from(text) : text));
const decode = (topic: string, body: unknown) => decodeMessage(frames(topic, JSON.stringify(body)));

function messageOf(decoded: Decoded): Record<string, unknown> {
  if (!decoded.valid) return expect.unreachable(decoded.detail);
  return decoded.message;
}

describe("a message", () => {
  test("is read from a topic and a body, whose bytes are kept", () => {
    const body = { topic: "org.x", msg: { é: [1, 1.5, "😀"] }, i: 1 };
    const [topic, bytes] = frames("org.x", JSON.stringify(body));
    const decoded = decodeMessage([topic, bytes] as Uint8Array[]);
    expect(decoded).toEqual({ valid: true, topic: "org.x", message: body, body: bytes });
    expect(decoded.valid && decoded.body).toBe(bytes);
  });

  test("may be spaced as any JSON writer does, and have fields that nobody knows", () => {
    const text = ' {\n "topic" : "t",\t"x" : null }\r\n';
    expect(decodeMessage(frames("t", text))).toMatchObject({ valid: true, message: { topic: "t", x: null } });
  });

  test("may have a topic in any script, escaped or not, and one that is empty", () => {
    expect(decode("org.ü.日本", { topic: "org.ü.日本" }).valid).toBe(true);
    expect(decodeMessage(frames("ü", '{"topic":"\\u00fc"}')).valid).toBe(true);
    expect(decode("", { topic: "" }).valid).toBe(true);
  });

  test("may hold NaN and infinities, which Python sends", () => {
    const text = '{"topic":"t","msg":[NaN,Infinity,-Infinity,12345678901234567890,"NaN"]}';
    expect(messageOf(decodeMessage(frames("t", text))).msg).toStrictEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      12345678901234567000,
      "NaN",
    ]);
  });

  test("has the same kinds of numbers with and without NaN: big ones are rounded, never bigint", () => {
    const [fast, slow] = ["1", "NaN"].map((x) => `{"topic":"t","big":9007199254740993,"x":${x}}`);
    for (const text of [fast, slow]) {
      expect(messageOf(decodeMessage(frames("t", text as string))).big).toBe(9007199254740992);
    }
  });

  test("has 0 where an integer -0 stands, which is what was signed, and -0 where a float does", () => {
    const text = '{"a":-0,"b":[-0,-0.0,-0e0, -0 ,-0.5,-12e-01],"c":{"d":-0},"e":"[-0,-0]","topic":"t"}';
    const message = messageOf(decodeMessage(frames("t", text)));
    expect(message.a).toBe(0);
    expect(message.b).toStrictEqual([0, -0, -0, 0, -0.5, -1.2]);
    expect(message.c).toStrictEqual({ d: 0 });
    expect(message.e).toBe("[-0,-0]");
    for (const spelt of ['{"topic":"t","i":-0}', '{"topic":"t","i":\n-0\n}', '{"topic":"t","i":-0,"x":NaN}']) {
      expect(messageOf(decodeMessage(frames("t", spelt))).i).toBe(0);
    }
    expect(messageOf(decodeMessage(frames("t", '{"topic":"t","msg_id":"2026-0a-01 -0 ","i":-0.0}'))).i).toBe(-0);
    expect(decodeMessage(frames("t", '{"topic":"t","i":-0,}'))).toMatchObject({ reason: "not-json" });
  });

  test("has the last of duplicate members, its topic included", () => {
    expect(decodeMessage(frames("b", '{"topic":"a","topic":"b"}')).valid).toBe(true);
    expect(decodeMessage(frames("a", '{"topic":"a","topic":"b"}'))).toMatchObject({ reason: "topic-mismatch" });
  });

  test.each(["1", "NaN"])("keeps a member called __proto__ as a member, beside %s", (x) => {
    const message = messageOf(decodeMessage(frames("t", `{"topic":"t","__proto__":{"admin":true},"x":${x}}`)));
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    expect(message.admin).toBeUndefined();
    expect(Object.keys(message)).toEqual(["topic", "__proto__", "x"]);
  });
});

describe("what is wrong is said", () => {
  const large = Buffer.alloc(101, "x");
  const cases: [InvalidReason, string, Uint8Array[], string][] = [
    ["frame-count", "none", [], "found 0"],
    ["frame-count", "one", frames("t"), "found 1"],
    ["frame-count", "three", frames("t", "{}", ""), "found 3"],
    ["topic-too-large", "a topic of 4097 bytes", frames("t".repeat(topicBytesMax + 1), "{}"), "found 4097"],
    ["body-too-large", "a body over the limit", [Buffer.from("t"), large], "found 101, allowed 100"],
    ["bad-utf8", "a topic that is not UTF-8", [Buffer.from([0xff]), Buffer.from("{}")], "the topic frame"],
    ["bad-utf8", "a body that is not UTF-8", [Buffer.from("t"), Buffer.from([0x22, 0xc3, 0x22])], "the body"],
    ["bad-utf8", "a surrogate in UTF-8", [Buffer.from("t"), Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])], "the body"],
    ["not-json", "an empty body", frames("t", ""), "line 1, column 1: found the end of the text"],
    ["not-json", "half a body", frames("t", '{"topic": "t"'), "line 1, column 14"],
    ["not-json", "a byte order mark", frames("t", '\ufeff{"topic":"t"}'), "a byte order mark"],
    ["not-json", "single quotation marks", frames("t", "{'topic':'t'}"), "line 1, column 2"],
    ["not-an-object", "an array", frames("t", '[{"topic":"t"}]'), "found an array"],
    ["not-an-object", "a text", frames("t", '"topic"'), "found topic"],
    ["not-an-object", "null", frames("t", "null"), "found null"],
    ["not-an-object", "NaN", frames("t", "NaN"), "found NaN"],
    ["no-topic", "no topic", frames("t", '{"Topic":"t"}'), "no topic"],
    ["no-topic", "a topic that is a number", frames("1", '{"topic":1}'), "no topic"],
    ["no-topic", "a topic that is null", frames("null", '{"topic":null}'), "no topic"],
    ["no-topic", "a topic that is inherited", frames("t", '{"__proto__":{"topic":"t"}}'), "no topic"],
    ["topic-mismatch", "another topic", frames("t", '{"topic":"u"}'), 'frame "t", body "u"'],
    ["topic-mismatch", "a topic that only looks the same", frames("é", '{"topic":"e\u0301"}'), 'frame "é"'],
    ["too-deep", "1001 levels", frames("t", `{"topic":"t","x":${"[".repeat(1000)}${"]".repeat(1000)}}`), "1000 levels"],
    [
      "too-many-values",
      "millions of objects",
      frames("t", `{"topic":"t","x":[${"{},".repeat(8e6 / 3)}0]}`),
      "about 270 MiB",
    ],
  ];

  test.each(cases)("%s: %s", (reason, _, given, detail) => {
    const decoded = decodeMessage(given, Math.max(100, reason === "body-too-large" ? 0 : bodyBytesMaxDefault));
    expect(decoded).toMatchObject({ valid: false, reason });
    expect(!decoded.valid && decoded.detail).toContain(invalidReasons[reason]);
    expect(!decoded.valid && decoded.detail).toContain(detail);
  });

  test("with each of the reasons", () => {
    expect(new Set(cases.map(([reason]) => reason))).toEqual(new Set(Object.keys(invalidReasons)));
  });

  test("with the topic, as far as it can be read", () => {
    expect(decodeMessage(frames("org.x", "oops")).topic).toBe("org.x");
    expect(decodeMessage(frames("org.x", Buffer.alloc(200)), 100).topic).toBe("org.x");
    expect(decodeMessage([Buffer.from([0xff]), Buffer.from("oops")]).topic).toBe("");
    expect(decodeMessage([]).topic).toBe("");
  });

  test("in few words, however long the topics", () => {
    const decoded = decode("x".repeat(4000), { topic: "y".repeat(1_000_000) });
    expect(!decoded.valid && decoded.detail.length).toBeLessThan(400);
    const text = decode("t", "z".repeat(1_000_000));
    expect(!text.valid && text.detail.length).toBeLessThan(400);
  });
});

describe("a run of digits", () => {
  const [most, more] = [4300, 4301].map((count) => "7".repeat(count)) as [string, string];
  const isRead = (number: string) => {
    const body = `{"topic":"t","msg":[${number}]}`;
    const decoded = decodeMessage(frames("t", body));
    if (!decoded.valid) {
      expect(decoded.reason).toBe("not-json");
      expect(() => canonicalize(body)).toThrow("4301 digits");
    } else expect(canonicalize(body)).toContain('"topic":"t"');
    return decoded.valid;
  };

  test("that is an integer may be as long as Python reads it, and no longer", () => {
    expect([most, `-${most}`, `1,${most}`, ` ${most} `].map(isRead)).toEqual([true, true, true, true]);
    expect([more, `-${more}`, `1,${more}`, ` ${more} `].map(isRead)).toEqual([false, false, false, false]);
  });

  test("that is a part of a float, or of a text, may be longer", () => {
    const floats = [`${more}.5`, `0.${more}`, `-0.${more}e5`, `1e-${more}`, `1E+${more}`, `1e${more}`, `${more}e1`];
    expect(floats.filter((number) => !isRead(number))).toEqual([]);
    expect(isRead(`"${more}"`)).toBe(true);
  });
});

describe("sizes", () => {
  test("may be just what is allowed", () => {
    const topic = "t".repeat(topicBytesMax);
    const body = JSON.stringify({ topic });
    expect(decodeMessage(frames(topic, body), body.length).valid).toBe(true);
    expect(decodeMessage(frames(topic, body), body.length - 1)).toMatchObject({ reason: "body-too-large" });
  });

  test("are counted in bytes, not characters", () => {
    expect(decodeMessage(frames("é".repeat(topicBytesMax / 2 + 1), "{}"))).toMatchObject({ reason: "topic-too-large" });
  });

  test("are 16 MiB for a body unless told otherwise", () => {
    const body = Buffer.alloc(16 * 1024 * 1024 + 1, " ");
    body.write('{"topic":"t"}');
    expect(decodeMessage([Buffer.from("t"), body])).toMatchObject({ reason: "body-too-large" });
    expect(decodeMessage([Buffer.from("t"), body.subarray(1)])).toMatchObject({ reason: "not-json" });
    expect(decodeMessage([Buffer.from("t"), body.subarray(0, -1)]).valid).toBe(true);
  });

  test("are all that checkFraming looks at", () => {
    expect(checkFraming(frames("t", "not json"))).toBeUndefined();
    expect(checkFraming(frames("t", "not json"), 7)).toMatchObject({ reason: "body-too-large", topic: "t" });
    expect(checkFraming([Buffer.from([0xff]), Buffer.from("12")], 1)).toMatchObject({
      reason: "body-too-large",
      topic: "",
    });
    expect(checkFraming(frames("t"))).toMatchObject({ reason: "frame-count" });
  });
});

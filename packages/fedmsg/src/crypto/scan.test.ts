import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalize, dumps } from "../encoding.ts";
import { scanMessage } from "./scan.ts";

const credentials = fc.constantFrom("certificate", "signature", "crypto", "topic", "msg_id");
const strings = fc.string({ unit: "binary", maxLength: 12 });
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.oneof(strings, fc.integer(), fc.double(), fc.bigInt(), fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(strings, credentials), tie("value"), { maxKeys: 5 }),
  ),
})).value;
const messages = fc.dictionary(fc.oneof(credentials, strings), values, { maxKeys: 8 });

function withoutCredentials(message: object): object {
  return Object.fromEntries(Object.entries(message).filter(([key]) => key !== "certificate" && key !== "signature"));
}

describe("a canonical text", () => {
  test("is cut where a parser would cut it", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const scanned = scanMessage(canonicalize(dumps(message)));
        expect(scanned?.signed).toBe(canonicalize(dumps(withoutCredentials(message))));
        for (const [name, token] of Object.entries(scanned?.tokens ?? {})) {
          expect(token).toBe(canonicalize(dumps(message[name])));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("of any other shape is no message", () => {
    for (const text of ["", "[]", '"x"', "1", "null", "{}x", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}']) {
      expect(scanMessage(text)).toBeUndefined();
    }
    expect(scanMessage("{}")).toEqual({ signed: "{}", tokens: {} });
  });
});

describe("a text that is not canonical", () => {
  test("is not taken, wherever one character makes it so", () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...' \n0.e-+"\\{}[],:aé', "\\u0041", "1.0")), {
      minLength: 1,
      maxLength: 2,
    });
    fc.assert(
      fc.property(messages, edits, (message, changes) => {
        let text = canonicalize(dumps(withoutCredentials(message)));
        for (const [at, remove, insert] of changes) {
          const from = at % (text.length + 1);
          text = text.slice(0, from) + insert + text.slice(from + remove);
        }
        const scanned = scanMessage(text);
        // Whatever is taken is what Python would write, which it could not read were it wrong.
        if (scanned && !("certificate" in scanned.tokens) && !("signature" in scanned.tokens)) {
          expect(scanned.signed).toBe(text);
          expect(canonicalize(text)).toBe(text);
        }
      }),
      { numRuns: 3000 },
    );
  });

  const spellings = [
    '{"a":1,"a":1}',
    '{"b":1,"a":1}',
    '{"a": 1}',
    '{"a":1} ',
    '{"\\u0061":1}',
    '{"a":"\\u0041"}',
    '{"a":"\\/"}',
    '{"a":"\\u00E9"}',
    '{"a":"\\u000a"}',
    '{"a":"é"}',
    '{"a":"\u007f"}',
    '{"a":-0}',
    '{"a":01}',
    '{"a":1.00}',
    '{"a":1e5}',
    '{"a":1E+16}',
    '{"a":1.}',
    '{"a":-}',
    '{"a":--1}',
    '{"a":nul}',
    '{"a":"\\x"}',
    '{"a":"\\u12"}',
    `{"a":${"9".repeat(4301)}}`,
    `{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`,
    '{"\\ud83d\\ude00":1,"\\uffff":1}',
  ];
  test.each(spellings.map((text) => [text.slice(0, 40), text]))("%s is left to canonicalize", (_, text) => {
    expect(scanMessage(text)).toBeUndefined();
  });
});

test("credentials inside msg are not cut, and those that are may hold anything", () => {
  const inner = '{"certificate":"c","signature":"s"}';
  const text = `{"certificate":"x\\"}é","msg":${inner},"signature":"{\\\\","topic":"t"}`;
  expect(scanMessage(text)).toEqual({
    signed: `{"msg":${inner},"topic":"t"}`,
    tokens: { certificate: '"x\\"}é"', signature: '"{\\\\"', topic: '"t"' },
  });
});

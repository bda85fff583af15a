/** Expected values are Python 3.11's `base64.b64decode` and `base64.encodebytes`. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBase64, encodeBase64Lines } from "./base64.ts";

const lenient: [text: string, hex: string | undefined][] = [
  ["", ""],
  ["\n", ""],
  ["!!!!", ""],
  ["=", ""],
  ["AAAA", "000000"],
  ["A", undefined],
  ["AA", undefined],
  ["AAA", undefined],
  ["AA=", undefined],
  ["AA==", "00"],
  ["AA=\n=", "00"],
  ["AA=A=", "0000"],
  ["AA=A=AA", "0000"],
  ["A=A=", undefined],
  ["AAA=", "0000"],
  ["AA==AAAA", "00"],
  ["AA==é", undefined],
  ["é", undefined],
  ["A-A_A*A", "000000"],
  ["-_-_AAAA", "000000"],
  ["Ł", undefined], // its low byte is that of an A
  ["+/+/", "fbffbf"],
  [" A A\tA A ", "000000"],
  ["=AAAA", "000000"],
];

test.each(lenient)("%j is read as Python reads it", (text, hex) => {
  expect(decodeBase64(text)?.toString("hex")).toBe(hex);
});

test("what was written is read again, and written again it is the same", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodeBase64Lines(Buffer.from(bytes));
      expect(text).toMatch(/^(?:.{76}\n)*(?:.{1,76}\n)?$/);
      expect(decodeBase64(text)).toEqual(Buffer.from(bytes));
    }),
  );
});

test("the fast way gives what the lenient one gives, wherever a character is put in, taken out or replaced", () => {
  const characters = fc.constantFrom("", "\n", "=", "A", "-", "_", "é", "Ł", " ", "==", "\n\n");
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 130 }),
      fc.array(fc.tuple(fc.nat(200), fc.nat(2), characters), { maxLength: 3 }),
      (bytes, edits) => {
        let text = encodeBase64Lines(Buffer.from(bytes));
        for (const [at, remove, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + remove);
        // A junk character makes no difference to Python, and sends ours the slow way.
        const slowly = /^[\x00-\x7f]*$/.test(text) ? decodeBase64(`*${text}`) : undefined;
        expect(decodeBase64(text)?.toString("hex")).toBe(slowly?.toString("hex"));
      },
    ),
    { numRuns: 2000 },
  );
});

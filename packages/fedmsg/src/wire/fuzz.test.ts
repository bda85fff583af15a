/** Whatever arrives gives a value or a FedmsgError, and the same verdict as another reader gives. */
import fc from "fast-check";
import { parse } from "lossless-json";
import { describe, expect, test } from "vitest";
import { canonicalize, loads } from "../encoding.ts";
import { FedmsgError } from "../errors.ts";
import { decodeMessage, invalidReasons } from "./frames.ts";

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const fragments = '[ ] { } , : " \\ \\u \\ud800 \\x 0 -0 1 - + . e E5 NaN Infinity -Infinity true null nul /'.split(
  " ",
);
const characters = [" ", "\n", "\t", "\u0000", "\u001f", "\u00a0", "\ufeff", "\ud800", "é", "😀"];
const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    at: fc.nat(200),
    remove: fc.integer({ min: 0, max: 3 }),
    insert: fc.oneof(fc.constantFrom("", ...fragments, ...characters), fc.json({ maxDepth: 1 })),
  }),
  { minLength: 1, maxLength: 3 },
);

function edited(text: string, changes: readonly Edit[]): string {
  return changes.reduce((before, { at, remove, insert }) => {
    const from = at % (before.length + 1);
    return before.slice(0, from) + insert + before.slice(from + remove);
  }, text);
}

const jsons = fc
  .tuple(fc.json({ stringUnit: "binary", maxDepth: 3 }), fc.constantFrom(0, 1))
  .map(([json, indent]) => JSON.stringify(JSON.parse(json), undefined, indent));
const almostJson = fc.tuple(jsons, edits).map(([json, changes]) => edited(json, changes));

/**
 * Python's constants are the only thing that the other reader refuses and Python reads; an empty array stands for them,
 * which changes no text from right to wrong or back.
 */
function isReadElsewhere(text: string): boolean {
  try {
    const onDuplicateKey = ({ newValue }: { newValue: unknown }) => newValue;
    parse(text.replace(/-?Infinity|NaN/g, "[]"), undefined, { onDuplicateKey });
    return true;
  } catch {
    return false;
  }
}

function isRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(FedmsgError);
    expect(error).toMatchObject({ code: "FEDMSG_DECODE" });
    return false;
  }
}

describe("canonicalize and loads", () => {
  test("read what another reader reads, and throw nothing but FEDMSG_DECODE", () => {
    let [read, refused] = [0, 0];
    fc.assert(
      fc.property(almostJson, (text) => {
        const expected = isReadElsewhere(text);
        expect(isRead(() => canonicalize(text))).toBe(expected);
        expect(isRead(() => loads(text))).toBe(expected);
        if (expected) read++;
        else refused++;
      }),
      { numRuns: 5000 },
    );
    // Else the edits would prove nothing.
    expect(Math.min(read, refused)).toBeGreaterThan(100);
  });

  test("take any text and any bytes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array()), (input) => {
        expect(isRead(() => canonicalize(input))).toBe(isRead(() => loads(input)));
      }),
      { numRuns: 2000 },
    );
  });

  test("take any bytes in any encoding", () => {
    const encodings = fc.constantFrom("utf-8", "utf-16le", "latin1", "shift_jis", "gb18030", "nonsense");
    fc.assert(
      fc.property(fc.uint8Array(), encodings, (bytes, encoding) => void isRead(() => loads(bytes, { encoding }))),
    );
  });
});

describe("decodeMessage", () => {
  const expectVerdict = (frames: readonly Uint8Array[], bodyBytesMax?: number) => {
    const decoded = decodeMessage(frames, bodyBytesMax);
    if (!decoded.valid) expect(Object.keys(invalidReasons)).toContain(decoded.reason);
    else expect(decoded.message.topic).toBe(decoded.topic);
    return decoded;
  };

  test("takes any frames", () => {
    const frame = fc.oneof(
      fc.uint8Array(),
      jsons.map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 4 }),
        fc.option(fc.nat(50), { nil: undefined }),
        (frames, bodyBytesMax) => {
          expectVerdict(frames, bodyBytesMax);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("calls a body JSON if and only if it has a canonical text", () => {
    const bodies = fc.tuple(fc.json({ maxDepth: 2 }), edits).map(([json, changes]) => {
      return Buffer.from(edited(`{"topic":"a.b","msg":${json},"i":1}`, changes));
    });
    const verdicts = new Set<string>();
    fc.assert(
      fc.property(bodies, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 1 }), (body, bytes) => {
        for (const [at, byte] of bytes) body[at % body.length] = byte;
        const decoded = expectVerdict([Buffer.from("a.b"), body]);
        const isJson = decoded.valid || !["bad-utf8", "not-json"].includes(decoded.reason);
        expect(isJson).toBe(isRead(() => canonicalize(body)));
        verdicts.add(decoded.valid ? "valid" : decoded.reason);
      }),
      { numRuns: 5000 },
    );
    expect(verdicts).toContain("valid");
    expect(verdicts).toContain("not-json");
    expect(verdicts).toContain("topic-mismatch");
  });
});

/** Signatures under every change: 10,000 cases together, with few signatures made and many verified. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pki, pkiFolder, randomNumbers, trustingConfig } from "../../test/pki.ts";
import { completeConfig } from "../config/index.ts";
import { canonicalize, dumps, loads, lossless } from "../encoding.ts";
import { createSigner, createValidator, messageKey, type Signer, type Validation, type Validator } from "./index.ts";

const signerName = "shell-vm.example.org";
const accepted = { valid: true, signer: signerName, backend: "x509" };
let validator: Validator;
let signer: Signer;
let texts: string[];

beforeAll(async () => {
  validator = await createValidator(trustingConfig());
  signer = await createSigner(completeConfig({ ssldir: pkiFolder, certname: "shell-vm" }));
  const msgs = fc.dictionary(
    fc.string({ unit: "binary" }),
    fc.json({ stringUnit: "binary", maxDepth: 1 }).map((json) => JSON.parse(json)),
  );
  texts = fc.sample(msgs, { numRuns: 60, seed: 4 }).map((msg, i) => {
    return signer.encodeSigned({
      i,
      msg,
      msg_id: `2026-${i}`,
      timestamp: 1.5e9 + i,
      topic: "org.example.dev.a",
      username: "é",
    });
  });
});

afterAll(() => validator.close());

const picked = fc.nat(59).map((n) => texts[n] as string);

function check(message: string | Uint8Array | object): Validation {
  return validator.check(message) as Validation;
}

/** A text that means the same to Python and is written differently: spaces, order, escapes, duplicates. */
function respell(text: string, choose: (below: number) => number): string {
  const space = () => ["", "", " ", "\n\t"][choose(4)];
  const write = (value: unknown): string => {
    if (value instanceof Map) return writeMembers(value);
    if (Array.isArray(value)) return `[${space()}${value.map(write).join(`${space()},${space()}`)}${space()}]`;
    return typeof value === "string" ? respellString(value, choose) : dumps(value);
  };
  const writeMembers = (map: Map<string, unknown>): string => {
    const members = [...map].map(([key, value]) => {
      return `${space()}${respellString(key, choose)}${space()}:${space()}${write(value)}${space()}`;
    });
    members.sort(() => choose(3) - 1);
    const [key] = map.keys();
    if (key !== undefined && choose(3) === 0) members.unshift(`${respellString(key, choose)}:${choose(9)}`);
    return `{${members.join(",")}${space()}}`;
  };
  return space() + write(loads(text, lossless)) + space();
}

function respellString(text: string, choose: (below: number) => number): string {
  const units = Array.from({ length: text.length }, (_, n) => {
    const hex = text.charCodeAt(n).toString(16).padStart(4, "0");
    if (/["\\\x00-\x1f\ud800-\udfff]/.test(text.charAt(n)) || choose(9) === 0) {
      return `\\u${choose(2) ? hex : hex.toUpperCase()}`;
    }
    return text.charAt(n);
  });
  return `"${units.join("")}"`;
}

describe("a signed message", () => {
  test("holds, as text, bytes and lossless object", () => {
    for (const text of texts) {
      expect(check(text)).toEqual(accepted);
      expect(check(Buffer.from(text))).toEqual(accepted);
      expect(check(loads(text, lossless) as object)).toEqual(accepted);
    }
  });

  test("holds in any other spelling, with the same key", () => {
    fc.assert(
      fc.property(picked, fc.nat(), (text, seed) => {
        const respelt = respell(text, randomNumbers(seed));
        expect(canonicalize(respelt)).toBe(text);
        expect(check(respelt)).toEqual(accepted);
        expect(messageKey(respelt)).toEqual(messageKey(text));
      }),
      { numRuns: 1500 },
    );
  });

  test("does not hold when a character of the signed text is another one", () => {
    const characters = fc.oneof(
      fc.constantFrom("", ...'0123456789abcxyz"\\{}[],: -.e'),
      fc.string({ unit: "binary", maxLength: 2 }),
    );
    fc.assert(
      fc.property(picked, fc.nat(), fc.nat(2), characters, (text, at, remove, insert) => {
        const places = signedPlaces(text);
        const from = places[at % places.length] as number;
        const changed = text.slice(0, from) + insert + text.slice(from + remove);
        const result = check(changed);
        // A change that Python would not see is none: a space, or an escape that means the same.
        const same = sameToPython(changed, text);
        expect(result.valid).toBe(same);
      }),
      { numRuns: 4500 },
    );
  });

  test("does not hold with a member added, taken away or exchanged", () => {
    const names = fc.constantFrom(
      "i",
      "msg",
      "msg_id",
      "timestamp",
      "topic",
      "username",
      "crypto",
      "headers",
      "seq_id",
    );
    fc.assert(
      fc.property(picked, names, fc.option(fc.jsonValue(), { nil: undefined }), (text, name, value) => {
        const message = loads(text, lossless) as Map<string, unknown>;
        if (value === undefined) message.delete(name);
        else message.set(name, value);
        expect(check(message).valid).toBe(canonicalize(dumps(message)) === text);
      }),
      { numRuns: 1000 },
    );
  });

  test("with changed credentials fails, or has the same signer", () => {
    const characters = fc.constantFrom("", "A", "z", "+", "=", "-", " ", "\\n", "\\u0041", "é", "/");
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(2), characters), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(picked, fc.constantFrom("certificate", "signature"), edits, (text, name, changes) => {
        const start = text.indexOf(`"${name}":"`) + name.length + 4;
        let value = text.slice(start, text.indexOf('"', start));
        for (const [at, remove, insert] of changes) {
          const from = at % (value.length + 1);
          value = value.slice(0, from) + insert + value.slice(from + remove);
        }
        const result = check(text.slice(0, start) + value + text.slice(text.indexOf('"', start)));
        if (result.valid) expect(result.signer).toBe(signerName);
      }),
      { numRuns: 2500 },
    );
  });

  test("with the certificate of another fails", () => {
    const others = [
      "announce-vm",
      "relay-vm",
      "bench-vm",
      "ca",
      "expired-vm",
      "revoked-vm",
      "rsa4096-vm",
      "ec-vm",
      "fakeca",
    ];
    fc.assert(
      fc.property(picked, fc.constantFrom(...others), (text, other) => {
        const certificate = Buffer.from(pki(`${other}.crt`)).toString("base64");
        expect(check({ ...(JSON.parse(text) as object), certificate }).valid).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

/** Offsets outside the two credentials. */
function signedPlaces(text: string): number[] {
  const cut = [...text.matchAll(/"(?:certificate|signature)":"[^"]*"/g)].map(({ index, 0: { length } }) => [
    index,
    index + length,
  ]);
  const isCut = (at: number) => cut.some(([from, to]) => at >= (from as number) - 2 && at <= (to as number));
  return Array.from({ length: text.length - 1 }, (_, n) => n + 1).filter((at) => !isCut(at));
}

function sameToPython(changed: string, text: string): boolean {
  try {
    return canonicalize(changed) === text;
  } catch {
    return false;
  }
}

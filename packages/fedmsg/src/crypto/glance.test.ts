/** Messages that are refused by a look: with the answer that a whole check gives, and without rewriting their text. */
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { pki, randomNumbers, trustingConfig, vectors, wireOf } from "../../test/pki.ts";
import { Judge } from "../bus/trust.ts";
import type * as canonical from "../wire/canonical.ts";
import { decodeMessage } from "../wire/frames.ts";
import { encodeBase64Lines } from "./base64.ts";
import { createValidator, readParts, type Validation, type Validator } from "./index.ts";

const rewritten = vi.hoisted(() => ({ count: 0 }));
vi.mock("../wire/canonical.ts", async (importOriginal) => {
  const real = await importOriginal<typeof canonical>();
  const canonicalize: typeof real.canonicalize = (text) => {
    rewritten.count++;
    return real.canonicalize(text);
  };
  return { ...real, canonicalize };
});

let validators: Validator[];
beforeAll(async () => {
  const backends: ("x509" | "gpg")[][] = [["x509"], ["x509", "gpg"]];
  const configs = backends.map((crypto_validate_backends) => trustingConfig({ crypto_validate_backends }));
  validators = await Promise.all(configs.map((config) => createValidator(config)));
});
beforeEach(() => {
  rewritten.count = 0;
});
afterAll(() => validators.forEach((validator) => void validator.close()));

const good = JSON.parse(wireOf("valid")) as Record<string, unknown>;

/** Both answers, where the message is one; the body's own topic stands in the frame. */
function answers(text: string, validator = validators[0] as Validator) {
  const body = Buffer.from(text);
  const topic = /"topic" ?: ?"([^"\\]*)"/.exec(text)?.[1] ?? "";
  const decoded = decodeMessage([Buffer.from(topic), body]);
  if (!decoded.valid) return undefined;
  const byLook = validator.glance(decoded.message);
  const quick = byLook ?? validator.check(readParts(body, decoded.message) as ReturnType<typeof readParts> & object);
  return { whole: validator.check(body) as Validation, quick: quick as Validation, byLook };
}

test("every vector has the answer of a whole check", () => {
  let compared = 0;
  for (const { wire } of vectors.cases) {
    for (const validator of validators) {
      const both = answers(wire, validator);
      if (!both) continue;
      expect(both.quick).toEqual(both.whole);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(200);
});

test("whatever the credentials are, and however they are spelt, it has the answer of a whole check", () => {
  const long = (letter: string) => fc.integer({ min: 2600, max: 16_500 }).map((length) => letter.repeat(length));
  const others = ["other-vm", "expired-vm", "ec-vm", "nocn-vm", "fakeca"];
  const certificates = others.map((name) => encodeBase64Lines(Buffer.from(pki(`${name}.crt`))));
  const value = fc.oneof(
    fc.constantFrom(good.certificate, good.signature, ...certificates),
    fc.constantFrom("", "AAAA", "AAA", "é", "x509", "gpg", "rot13", "\ud800", null, 1, 1.5, -0, true, [], {}, ["x509"]),
    fc.oneof(long("A"), long("\u0001"), long("é")),
  );
  const member = fc.option(value, { nil: undefined, freq: 6 });
  const messages = fc.record({ certificate: member, signature: member, crypto: member, i: fc.constantFrom(1, 2) });
  const reasons = new Set<string>();
  fc.assert(
    fc.property(messages, fc.nat(2), fc.nat(), (members, keep, seed) => {
      const kept = keep === 0 ? {} : { certificate: good.certificate, crypto: good.crypto };
      const random = randomNumbers(seed);
      const message = { ...good, ...members, ...(keep === 2 && kept) };
      const space = random(2) ? 1 : undefined;
      const text = JSON.stringify(message, null, space);
      const spelt = random(2)
        ? text.replace(/[a-z0-9]/g, (c) => (random(500) ? c : `\\u00${c.charCodeAt(0).toString(16)}`))
        : text;
      const both = answers(spelt, validators[random(2)]);
      if (!both) return;
      expect(both.quick).toEqual(both.whole);
      reasons.add(both.whole.valid ? "valid" : both.whole.reason);
    }),
    { numRuns: 1500 },
  );
  for (const reason of ["valid", "unsigned", "backend-unknown", "credentials-missing", "credentials-malformed"]) {
    expect(reasons).toContain(reason);
  }
});

describe("the text is not rewritten", () => {
  const { certificate, signature, crypto: _, ...bare } = good;
  const foreign = encodeBase64Lines(Buffer.from(pki("other-vm.crt")));
  test.each<[what: string, message: object, reason: string]>([
    ["without credentials", bare, "unsigned"],
    ["without a signature", { ...bare, certificate }, "credentials-missing"],
    ["with a signature that is no text", { ...bare, certificate, signature: 1 }, "credentials-malformed"],
    ["with a huge certificate", { ...bare, certificate: "A".repeat(20_000), signature }, "credentials-malformed"],
    ["with an unknown kind of signature", { ...good, crypto: [[[]]] }, "backend-unknown"],
    ["with a signature that is no base64", { ...good, signature: "AAA" }, "credentials-malformed"],
    ["with a certificate of another authority", { ...good, certificate: foreign }, "certificate-untrusted"],
    [
      "with an expired certificate",
      { ...good, certificate: encodeBase64Lines(Buffer.from(pki("expired-vm.crt"))) },
      "certificate-expired",
    ],
  ])("%s", async (_what, message, reason) => {
    const judge = new Judge(trustingConfig({ allow_unsigned: ["other"] }), validators[0], { emit: () => undefined });
    const body = Buffer.from(JSON.stringify(message, null, 1));
    const decoded = decodeMessage([Buffer.from(good.topic as string), body]);
    if (!decoded.valid) return expect.unreachable();
    expect(judge.judge(decoded)).toMatchObject({ accepted: false, reason });
    expect(rewritten.count).toBe(0);
  });

  test("and only once where a signer is known", () => {
    const judge = new Judge(trustingConfig(), validators[0], { emit: () => undefined });
    const decoded = decodeMessage([Buffer.from(good.topic as string), Buffer.from(JSON.stringify(good, null, 1))]);
    if (!decoded.valid) return expect.unreachable();
    expect(judge.judge(decoded)).toMatchObject({ accepted: true, signer: "shell-vm.example.org" });
    expect(rewritten.count).toBe(1);
  });
});

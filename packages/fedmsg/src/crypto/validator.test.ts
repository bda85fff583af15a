import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pki, pkiFolder, trustingConfig, wireOf } from "../../test/pki.ts";
import { completeConfig } from "../config/index.ts";
import { loads, lossless } from "../encoding.ts";
import { createValidator, type Reason, readParts, stepNames, type Validator, validationReasons } from "./index.ts";

const good = wireOf("valid");
const message = loads(good) as Record<string, unknown>;
const { certificate, signature } = message as Record<string, string>;

async function reasonFor(input: Uint8Array | string | object, validator?: Validator): Promise<Reason | "valid"> {
  const using = validator ?? (await createValidator(trustingConfig()));
  const result = await using.validate(input);
  if (!validator) using.close();
  if (!result.valid) expect(result.detail.startsWith(validationReasons[result.reason])).toBe(true);
  return result.valid ? "valid" : result.reason;
}

function base64(bytes: string | Buffer): string {
  return Buffer.from(bytes as string, "latin1").toString("base64");
}

describe("reasons", () => {
  const { crypto: _, certificate: __, signature: ___, ...bare } = message;
  const der = Buffer.from(pki("shell-vm.crt").replace(/-.*-|\s/g, ""), "base64");
  const cases: [what: string, input: unknown, reason: Reason | "valid"][] = [
    ["good", message, "valid"],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "bad-utf8"],
    ["no JSON", "{", "not-json"],
    ["nothing", "", "not-json"],
    ["a byte order mark", `\ufeff${good}`, "not-json"],
    ["deep nesting", `{"a":${"[".repeat(100_000)}`, "not-json"],
    ["deep nesting, canonical", `{"a":${"[".repeat(2000)}${"]".repeat(2000)}}`, "not-json"],
    ["an array", "[1]", "not-an-object"],
    ["an empty array", [], "not-an-object"],
    ["no credentials at all", bare, "unsigned"],
    ["crypto without credentials", { ...bare, crypto: "x509" }, "credentials-missing"],
    ["an unknown backend", { ...message, crypto: "rot13" }, "backend-unknown"],
    ["crypto that is a list", { ...message, crypto: ["x509"] }, "backend-unknown"],
    ["gpg, not accepted", { ...message, crypto: "gpg" }, "backend-refused"],
    ["a signature of another type", { ...message, signature: 1 }, "credentials-malformed"],
    ["a certificate of another type", { ...message, certificate: null }, "credentials-malformed"],
    ["a signature that is no base64", { ...message, signature: "AAA" }, "credentials-malformed"],
    ["a huge signature", { ...message, signature: "A".repeat(20_000) }, "credentials-malformed"],
    ["a huge certificate", { ...message, certificate: "A".repeat(70_000) }, "credentials-malformed"],
    ["an empty signature", { ...message, signature: "" }, "signature-mismatch"],
    ["a long signature", { ...message, signature: base64(Buffer.alloc(4096, 255)) }, "signature-mismatch"],
    ["no PEM", { ...message, certificate: base64("hello") }, "certificate-malformed"],
    ["DER in place of PEM", { ...message, certificate: der.toString("base64") }, "certificate-malformed"],
    [
      "a PEM that does not end",
      { ...message, certificate: base64(pki("shell-vm.crt").slice(0, -30)) },
      "certificate-malformed",
    ],
    ["a private key", { ...message, certificate: base64(pki("shell-vm.key")) }, "certificate-malformed"],
    ["an EC key", { ...message, certificate: base64(pki("ec-vm.crt")) }, "certificate-malformed"],
    ["another authority", { ...message, certificate: base64(pki("other-vm.crt")) }, "certificate-untrusted"],
    ["its own authority", { ...message, certificate: base64(pki("selfsigned-vm.crt")) }, "certificate-untrusted"],
    ["an expired certificate", { ...message, certificate: base64(pki("expired-vm.crt")) }, "certificate-expired"],
    ["one of the future", { ...message, certificate: base64(pki("future-vm.crt")) }, "certificate-not-yet-valid"],
    ["no common name", { ...message, certificate: base64(pki("nocn-vm.crt")) }, "no-common-name"],
    ["another text", { ...message, i: 2 }, "signature-mismatch"],
    ["credentials inside msg only", { ...bare, msg: { certificate, signature, crypto: "x509" } }, "unsigned"],
    ["a member __proto__", good.replace('"i":1', '"__proto__":{"signature":1},"i":1'), "signature-mismatch"],
    ["an escaped key twice", good.replace('"topic"', '"signatur\\u0065":"AAAA","topic"'), "signature-mismatch"],
    ["a lone surrogate", good.replace('"Hello', '"\\ud800Hello'), "signature-mismatch"],
  ];
  test.each(cases)("%s", async (_, input, reason) => {
    expect(await reasonFor(input as object)).toBe(reason);
    if (typeof input === "object" && !Buffer.isBuffer(input))
      expect(await reasonFor(JSON.stringify(input))).toBe(reason);
  });

  test("gpg is not there yet", async () => {
    const validator = await createValidator(trustingConfig({ crypto_validate_backends: ["gpg", "x509"] }));
    expect(await reasonFor({ ...message, crypto: "gpg" }, validator)).toBe("backend-unavailable");
    expect(await reasonFor({ ...bare, signature }, validator)).toBe("backend-unavailable");
    expect(await reasonFor(message, validator)).toBe("valid");
    validator.close();
  });

  test("an empty list of backends stands for the one that signs", async () => {
    const validator = await createValidator(trustingConfig({ crypto_validate_backends: [], crypto_backend: "gpg" }));
    expect(await reasonFor(message, validator)).toBe("backend-refused");
    expect(await reasonFor({ ...message, crypto: "gpg" }, validator)).toBe("backend-unavailable");
    validator.close();
  });

  test("whatever is given in place of a message is refused, and nothing throws", async () => {
    const throwing = Object.defineProperty({}, "topic", { enumerable: true, get: () => expect.unreachable });
    const loop: Record<string, unknown> = {};
    loop.loop = loop;
    const inputs = [
      undefined,
      null,
      1,
      true,
      Symbol("x"),
      () => 1,
      throwing,
      loop,
      new Map([[{}, 1]]),
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error("no");
          },
        },
      ),
    ];
    for (const input of inputs) {
      expect((await reasonFor(input as unknown as object)) === "valid").toBe(false);
    }
  });

  test("a detail quotes little of what a stranger wrote, and no control characters", async () => {
    const validator = await createValidator(trustingConfig());
    const result = await validator.validate({ ...message, crypto: `\u001b[31m\n${"x".repeat(10_000)}` });
    validator.close();
    if (result.valid) expect.unreachable();
    else expect(result.detail).toMatch(/^[\x20-\x7e…]{1,500}$/);
  });
});

describe("check", () => {
  test("answers without waiting, also for a message that was taken apart before", async () => {
    const validator = await createValidator(trustingConfig());
    const expected = { valid: true, signer: "shell-vm.example.org", backend: "x509" };
    expect(validator.check(good)).toEqual(expected);
    expect(validator.check(readParts(Buffer.from(good)))).toEqual(expected);
    validator.close();
    validator.close();
  });

  test("values of JSON.parse hold as far as they keep the spelling of numbers", async () => {
    const wire = wireOf("valid number 1.0");
    expect(await reasonFor(wire)).toBe("valid");
    expect(await reasonFor(JSON.parse(wire))).toBe("signature-mismatch");
    expect(await reasonFor(loads(wire, lossless) as object)).toBe("valid");
  });
});

describe("explain", () => {
  test("tells every step of a message that holds", async () => {
    const validator = await createValidator(trustingConfig({ crl_location: join(pkiFolder, "crl.pem") }));
    const steps = await validator.explain(good);
    validator.close();
    expect(steps.map(({ name }) => name)).toEqual(stepNames);
    expect(steps.every(({ ok, detail }) => ok && detail !== "")).toBe(true);
    expect(steps[3]?.detail).toContain("shell-vm.example.org");
  });

  test.each([
    ["{", ["parse"]],
    ["{}", ["parse", "backend"]],
    [wireOf("signature = None"), ["parse", "backend", "credentials"]],
    [wireOf("cert other-vm"), ["parse", "backend", "credentials", "chain"]],
    [wireOf("tampered i (2)"), stepNames.slice(0, 8)],
  ])("ends with the step that failed: %.40s", async (wire, names) => {
    const validator = await createValidator(trustingConfig());
    const steps = await validator.explain(wire);
    validator.close();
    expect(steps.map(({ name }) => name)).toEqual(names);
    expect(steps.map(({ ok }) => ok)).toEqual(names.map((_, n) => n < names.length - 1));
  });
});

test("thousands of routing policies are compiled once", async () => {
  const policy = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`org.example.${n}`, ["nobody"]]));
  const validator = await createValidator(
    completeConfig({ ca_cert_location: join(pkiFolder, "ca.crt"), routing_policy: { ...policy, __proto__x: [] } }),
  );
  expect(await reasonFor(readFileSync(join(pkiFolder, "ca.crt")), validator)).toBe("not-json");
  expect(await reasonFor(good, validator)).toBe("valid");
  validator.close();
});

/** Certificates of strangers: what is looked at before OpenSSL is asked, how often it is asked, and what is warned of. */
import * as openssl from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { der, keyPair, makeAuthority, makeCertificate, oid, sequence } from "../../../test/certificates.ts";
import { pki, randomNumbers, tempFolder, trustingConfig, wireOf } from "../../../test/pki.ts";
import { encodeBase64Lines } from "../base64.ts";
import type { CryptoEvent } from "../events.ts";
import { createValidator, type MessageParts, type Refusal, readParts, type Validation } from "../index.ts";
import { certificateCharsMax, X509Backend } from "./backend.ts";
import { parseCertificate } from "./certificate.ts";

const opened = vi.hoisted(() => [] as unknown[]);
vi.mock("node:crypto", async (importOriginal) => {
  const real = await importOriginal<typeof openssl>();
  class Counted extends real.X509Certificate {
    constructor(bytes: ConstructorParameters<typeof real.X509Certificate>[0]) {
      opened.push(bytes);
      super(bytes);
    }
  }
  return { ...real, X509Certificate: Counted };
});

const good = wireOf("valid");
const message = JSON.parse(good) as Record<string, string>;
const authority = parseCertificate(pki("ca.crt"));

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  return der(2, Buffer.from(hex.length % 2 ? `0${hex}` : /^[89a-f]/.test(hex) ? `00${hex}` : hex, "hex"));
}

function toPem(bytes: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${bytes.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END CERTIFICATE-----\n`;
}

const rsaOid = "1.2.840.113549.1.1.1";
const sha256Rsa = sequence(oid("1.2.840.113549.1.1.11"), der(5));

/** A certificate around any public key, with a signature that holds for nobody. */
function certificateOf(publicKey: Buffer, issuer: Buffer = authority.subject, algorithm = sha256Rsa): string {
  const name = sequence(der(0x31, sequence(oid("2.5.4.3"), der(12, Buffer.from("mallory")))));
  const times = sequence(der(0x17, Buffer.from("250101000000Z")), der(0x17, Buffer.from("450101000000Z")));
  const body = sequence(der(0xa0, integer(2n)), integer(7n), algorithm, issuer, times, name, publicKey);
  return toPem(sequence(body, algorithm, der(3, Buffer.alloc(257, 1).fill(0, 0, 1))));
}

function rsaKey(modulus: bigint, exponent: bigint, algorithm = rsaOid): Buffer {
  const key = sequence(integer(modulus), integer(exponent));
  return sequence(sequence(oid(algorithm), der(5)), der(3, Buffer.from([0]), key));
}

/** A curve spelt out, as costly as somebody likes: OpenSSL would take the root of its compressed generator. */
function explicitCurve(): Buffer {
  const prime = (1n << 521n) - 1n;
  const field = sequence(oid("1.2.840.10045.1.1"), integer(prime));
  const curve = sequence(der(4, Buffer.alloc(66, 1)), der(4, Buffer.alloc(66, 2)));
  const point = Buffer.concat([Buffer.from([2]), Buffer.alloc(66, 3)]);
  const parameters = sequence(integer(1n), field, curve, der(4, point), integer(prime - 2n));
  return sequence(sequence(oid("1.2.840.10045.2.1"), parameters), der(3, Buffer.from([0]), point));
}

async function ask(certificate: string): Promise<Validation> {
  const validator = await createValidator(trustingConfig());
  opened.length = 0;
  const result = await validator.validate({ ...message, certificate: Buffer.from(certificate).toString("base64") });
  validator.close();
  return result;
}

const plainModulus = (1n << 2047n) | 1n;

describe("OpenSSL does not see", () => {
  test.each<[what: string, certificate: string, reason: string]>([
    ["a key on a curve that is spelt out", certificateOf(explicitCurve()), "certificate-malformed"],
    ["the same from another authority", certificateOf(explicitCurve(), sequence()), "certificate-untrusted"],
    ["an RSA key from another authority", pki("other-vm.crt"), "certificate-untrusted"],
    ["an EC key on a known curve", pki("ec-vm.crt"), "certificate-malformed"],
    ["an RSA-PSS key", certificateOf(rsaKey(plainModulus, 3n, "1.2.840.113549.1.1.10")), "certificate-malformed"],
    ["a modulus of 16,385 bits", certificateOf(rsaKey((1n << 16384n) | 1n, 3n)), "certificate-malformed"],
    ["an exponent of 65 bits", certificateOf(rsaKey(plainModulus, (1n << 64n) | 1n)), "certificate-malformed"],
    ["an even exponent", certificateOf(rsaKey(plainModulus, 4n)), "certificate-malformed"],
    ["an exponent of 1, with which everybody signs", certificateOf(rsaKey(plainModulus, 1n)), "certificate-malformed"],
    ["an even modulus", certificateOf(rsaKey(1n << 2047n, 3n)), "certificate-malformed"],
    [
      "bytes behind the certificate",
      toPem(Buffer.concat([bytesOf("shell-vm.crt"), Buffer.from("x")])),
      "certificate-malformed",
    ],
    [
      "headers as of an encrypted key",
      pki("shell-vm.crt").replace("\n", "\nProc-Type: 4,ENCRYPTED\n\n"),
      "certificate-malformed",
    ],
  ])("%s", async (_, certificate, reason) => {
    expect(await ask(certificate)).toMatchObject({ valid: false, reason });
    expect(opened).toEqual([]);
  });

  test("anything but the bytes that were looked at", async () => {
    const plain = pki("shell-vm.crt");
    const spaced = plain.replaceAll("\n", " \r\n").replace(/^/, "-----BEGIN NOTHING-----\n");
    expect(await ask(spaced)).toMatchObject({ valid: true });
    expect(opened).toEqual([plain]);
  });
});

test("the largest keys are read, in time", async () => {
  const bits = 16384n;
  const result = await ask(certificateOf(rsaKey((1n << (bits - 1n)) | 1n, (1n << 63n) | 1n)));
  expect(result).toMatchObject({ reason: "certificate-untrusted" }); // the authority never signed it
  expect(opened).toHaveLength(1);
});

test("a certificate of over 16 KiB is not looked at", async () => {
  expect(certificateCharsMax).toBe(16 * 1024);
  const pad = (length: number) => "!".repeat(length - JSON.stringify(message.certificate).length);
  const validator = await createValidator(trustingConfig());
  const padded = (length: number) => validator.check({ ...message, certificate: pad(length) + message.certificate });
  expect(padded(certificateCharsMax)).toMatchObject({ valid: true });
  expect(padded(certificateCharsMax + 1)).toMatchObject({ reason: "credentials-malformed" });
  validator.close();
});

test("bytes of certificates that were changed are refused, and no other signer comes out", async () => {
  const random = randomNumbers(11);
  const bytes = bytesOf("shell-vm.crt");
  const validator = await createValidator(trustingConfig());
  for (let n = 0; n < 1500; n++) {
    const changed = Buffer.from(bytes);
    for (let m = random(3); m >= 0; m--) changed[random(changed.length)] = random(256);
    const certificate = Buffer.from(toPem(changed)).toString("base64");
    const result = validator.check({ ...message, certificate }) as Validation;
    if (!result.valid) expect(result.reason).toMatch(/^certificate-(malformed|untrusted)$|^no-common-name$/);
    else expect(changed.equals(bytes)).toBe(true);
  }
  validator.close();
});

describe("copies of a certificate in other spellings", () => {
  /** A backend that counts how often the authority's key is asked for, and how often a spelling is not known. */
  function counting() {
    const counts = { verified: 0, decoded: 0 };
    const value = Object.defineProperty({ ...authority }, "publicKey", {
      get: () => {
        counts.verified++;
        return authority.publicKey;
      },
    });
    const backend = new X509Backend({
      ...{ generation: 1, crl: undefined, crlProblem: undefined, ca: { location: "ca", value, problem: "" } },
      ...{ recheck: () => false, refresh: async () => undefined, close: () => undefined },
    });
    const check = (certificate: string | undefined) => {
      const parts = readParts({ ...message, certificate }) as MessageParts;
      const text = parts.text.bind(parts);
      parts.text = (name) => {
        if (name === "certificate") counts.decoded++;
        return text(name);
      };
      return backend.check(parts, Date.now()) as { signer: string } | Refusal;
    };
    return { counts, check };
  }

  test("cost neither another look at the authority nor the place of the plain one", () => {
    const { counts, check } = counting();
    const { certificate } = message;
    expect(check(certificate)).toMatchObject({ signer: "shell-vm.example.org" });
    expect(counts).toEqual({ verified: 1, decoded: 1 });
    for (let n = 1; n <= 1500; n++) {
      expect(check("!".repeat(n) + certificate)).toMatchObject({ signer: "shell-vm.example.org" });
      if (n % 100 === 0) check(certificate);
    }
    expect(counts).toEqual({ verified: 1, decoded: 1501 });
  });

  test("are known, too, as long as they are few: a publisher may have one", () => {
    const { counts, check } = counting();
    const withText = encodeBase64Lines(Buffer.from(`Certificate:\n${pki("shell-vm.crt")}`));
    for (let n = 0; n < 10; n++) check(withText);
    expect(counts).toEqual({ verified: 1, decoded: 1 });
  });
});

describe("a certificate that is weak", () => {
  const events: CryptoEvent[] = [];
  const onEvent = (event: CryptoEvent) => void events.push(event);
  beforeEach(() => void events.splice(0));

  test("is warned of once, and not refused", async () => {
    const validator = await createValidator(trustingConfig(), { onEvent });
    const weak = JSON.parse(wireOf("cert rsa1024-vm")) as Record<string, string>;
    for (let n = 0; n < 5; n++) {
      expect(validator.check({ ...weak, certificate: "!".repeat(n) + weak.certificate })).toMatchObject({
        valid: true,
      });
    }
    validator.check(good);
    validator.close();
    expect(events.slice(1)).toEqual([
      {
        ...{ type: "trust", what: "certificate", state: "warning" },
        location: 'the certificate of "rsa1024-vm.example.org"',
        detail: expect.stringMatching(/RSA key has 1024 bits/),
      },
    ]);
  });

  test("is warned of also where it is the authority's", async () => {
    const key = openssl.generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
    const name = sequence();
    const pem = makeCertificate({
      ...{ name: [], issuer: { key, name }, key },
      extensions: [{ oid: "2.5.29.19", value: sequence(der(1, Buffer.from([255]))) }],
    });
    const md5 = sequence(oid("1.2.840.113549.1.1.4"), der(5));
    using folder = tempFolder();
    const path = join(folder.path, "ca.crt");
    for (const [text, detail] of [
      [pem, /1024 bits/],
      [makeAuthority().pem, undefined],
      [md5Authority(md5), /MD5/],
    ] as const) {
      events.splice(0);
      writeFileSync(path, text);
      const validator = await createValidator(trustingConfig({ ca_cert_location: path }), { onEvent });
      await validator.refresh();
      validator.close();
      const states = events.map((event) => event.type === "trust" && event.state);
      expect(states).toEqual(detail ? ["loaded", "warning"] : ["loaded"]);
      if (detail) expect(events[1]).toMatchObject({ what: "ca", detail: expect.stringMatching(detail) });
    }
  });

  /** Of version 1, and its own issuer. Nobody verifies what an authority says of itself. */
  function md5Authority(algorithm: Buffer): string {
    const { publicKey } = keyPair("md5");
    const name = sequence(der(0x31, sequence(oid("2.5.4.3"), der(12, Buffer.from("Old CA")))));
    const times = sequence(der(0x17, Buffer.from("250101000000Z")), der(0x17, Buffer.from("450101000000Z")));
    const spki = publicKey.export({ type: "spki", format: "der" });
    const body = sequence(integer(7n), algorithm, name, times, name, spki);
    return toPem(sequence(body, algorithm, der(3, Buffer.alloc(257, 0))));
  }
});

function bytesOf(name: string): Buffer {
  return Buffer.from(pki(name).replace(/-----.*-----|\s/g, ""), "base64");
}

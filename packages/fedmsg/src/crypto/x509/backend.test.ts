/** Certificates and CRLs as nobody should make them, and whether OpenSSL's rules are kept all the same. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  type CertificateInput,
  type CrlInput,
  der,
  keyPair,
  makeAuthority,
  makeCertificate,
  makeCrl,
  sequence,
} from "../../../test/certificates.ts";
import { tempFolder, trustingConfig } from "../../../test/pki.ts";
import { createSigner, createValidator, type Validation } from "../index.ts";
import { BoundedCache } from "./cache.ts";

const authority = makeAuthority();
const leafKey = keyPair("leaf").privateKey;

interface Scene {
  readonly leaf?: Partial<CertificateInput>;
  readonly ca?: string;
  readonly crl?: Partial<CrlInput> | string;
  readonly policy?: string[];
}

/** Signs a message with a certificate made for it, and asks a validator. */
async function ask({ leaf, ca = authority.pem, crl, policy }: Scene): Promise<Validation> {
  using folder = tempFolder();
  const file = (name: string, text: string) => {
    writeFileSync(join(folder.path, name), text, { mode: 0o600 });
    return join(folder.path, name);
  };
  const certificate = makeCertificate({ name: ["leaf"], issuer: authority, key: leafKey, ...leaf });
  const list = typeof crl === "string" ? crl : crl && makeCrl({ issuer: authority, ...crl });
  const config = trustingConfig({
    ca_cert_location: file("ca.crt", ca),
    crl_location: list === undefined ? null : file("crl.pem", list),
    routing_policy: policy ? { t: policy } : {},
  });
  file("some.crt", makeCertificate({ name: ["some"], issuer: authority, key: leafKey }));
  file("some.key", leafKey.export({ type: "pkcs8", format: "pem" }) as string);
  const signer = await createSigner(trustingConfig({ ssldir: folder.path, certname: "some" }));
  const validator = await createValidator(config);
  const signedMessage = {
    ...signer.sign({ topic: "t", msg: {} }),
    certificate: Buffer.from(certificate).toString("base64"),
  };
  const result = await validator.validate(signedMessage);
  validator.close();
  return result;
}

async function verdict(scene: Scene): Promise<string> {
  const result = await ask(scene);
  return result.valid ? `signed by ${result.signer}` : result.reason;
}

const day = 86_400_000;
const unknownOid = "1.3.6.1.4.1.99999.1";

test.each<[what: string, scene: Scene, answer: string]>([
  ["a plain certificate", {}, "signed by leaf"],
  ["a certificate of version 1", { leaf: { version: 1 } }, "signed by leaf"],
  ["an authority of version 1", { ca: makeAuthority({ version: 1, extensions: [] }).pem }, "signed by leaf"],
  ["an authority without basic constraints", { ca: makeAuthority({ extensions: [] }).pem }, "ca-unavailable"],
  [
    "name constraints",
    {
      ca: makeAuthority({
        extensions: [
          { oid: "2.5.29.30", value: sequence() },
          { oid: "2.5.29.19", value: sequence(der(1, Buffer.from([255]))) },
        ],
      }).pem,
    },
    "ca-unavailable",
  ],
  ["another key under the same name", { ca: makeAuthority({ of: "other" }).pem }, "certificate-untrusted"],
  [
    "an unknown critical extension",
    { leaf: { extensions: [{ oid: unknownOid, critical: true, value: sequence() }] } },
    "certificate-untrusted",
  ],
  ["an unknown extension", { leaf: { extensions: [{ oid: unknownOid, value: sequence() }] } }, "signed by leaf"],
  ["an empty common name", { leaf: { name: [""] } }, "no-common-name"],
  ["two common names", { leaf: { name: ["first", "second"] } }, "signed by first"],
  ["a common name with NUL and newline", { leaf: { name: ["a\0b\nCN=c"] } }, "signed by a\0b\nCN=c"],
  ["a BMP string", { leaf: { name: [[0x1e, Buffer.from("00e94e2d", "hex")]] } }, "signed by é中"],
  ["a universal string", { leaf: { name: [[0x1c, Buffer.from("0001f600", "hex")]] } }, "signed by 😀"],
  ["a common name that is no UTF-8", { leaf: { name: [[0x14, Buffer.from("ff", "hex")]] } }, "certificate-malformed"],
  ["a certificate that expired a moment ago", { leaf: { to: Date.now() - 2000 } }, "certificate-expired"],
  ["an authority that expired", { ca: makeAuthority({ to: Date.now() - day }).pem }, "ca-expired"],
  ["an authority of tomorrow", { ca: makeAuthority({ from: Date.now() + day }).pem }, "ca-not-yet-valid"],
  ["an empty list", { crl: {} }, "signed by leaf"],
  ["a list that names it", { crl: { serials: ["02", "01"] } }, "certificate-revoked"],
  [
    "a list that names it with leading zeros",
    { leaf: { serial: "0081" }, crl: { serials: ["000081"] } },
    "certificate-revoked",
  ],
  ["a negative serial number", { leaf: { serial: "81" }, crl: { serials: ["ff81"] } }, "certificate-revoked"],
  ["its positive counterpart", { leaf: { serial: "81" }, crl: { serials: ["0081"] } }, "signed by leaf"],
  ["a list that names the authority", { crl: { serials: ["77"] } }, "certificate-revoked"],
  ["a list without an end", { crl: { to: null } }, "signed by leaf"],
  ["a list of another authority", { crl: { issuer: makeAuthority({ name: ["Other"] }) } }, "crl-invalid"],
  ["a list with another key", { crl: { issuer: { ...authority, key: leafKey } } }, "crl-invalid"],
  [
    "a delta list",
    { crl: { extensions: [{ oid: "2.5.29.27", critical: true, value: der(2, Buffer.from([1])) }] } },
    "crl-unavailable",
  ],
  [
    "a partial list",
    { crl: { extensions: [{ oid: "2.5.29.28", critical: true, value: sequence() }] } },
    "crl-unavailable",
  ],
  [
    "an indirect list",
    { crl: { serials: ["05"], entryExtensions: [{ oid: "2.5.29.29", critical: true, value: sequence() }] } },
    "crl-unavailable",
  ],
  [
    "a list with reasons and a number",
    {
      crl: {
        serials: ["05"],
        entryExtensions: [{ oid: "2.5.29.21", value: der(10, Buffer.from([1])) }],
        extensions: [{ oid: "2.5.29.20", value: der(2, Buffer.from([9])) }],
      },
    },
    "signed by leaf",
  ],
  ["an expired list", { crl: { to: Date.now() - day } }, "crl-expired"],
  ["a list of tomorrow", { crl: { from: Date.now() + day } }, "crl-not-yet-valid"],
  ["no list in the file", { crl: authority.pem }, "crl-unavailable"],
  [
    "an authority that may not sign lists",
    {
      ca: makeAuthority({
        extensions: [
          { oid: "2.5.29.19", value: sequence(der(1, Buffer.from([255]))) },
          { oid: "2.5.29.15", value: der(3, Buffer.from([2, 0x04])) },
        ],
      }).pem,
      crl: {},
    },
    "crl-invalid",
  ],
])("%s", async (_, scene, answer) => {
  expect(await verdict(scene)).toBe(answer);
});

test("an authority with an EC key signs certificates and lists", async () => {
  const ec = makeAuthority({ kind: "ec" });
  expect(await verdict({ ca: ec.pem, leaf: { issuer: ec }, crl: { issuer: ec } })).toBe("signed by leaf");
  expect(await verdict({ ca: ec.pem, leaf: { issuer: ec }, crl: { issuer: ec, serials: ["01"] } })).toBe(
    "certificate-revoked",
  );
  expect(
    await verdict({ ca: ec.pem, leaf: { issuer: ec }, crl: { issuer: { ...ec, key: keyPair("x", "ec").privateKey } } }),
  ).toBe("crl-invalid");
});

test("a list of 10,000 entries is read", async () => {
  const serials = Array.from({ length: 10_000 }, (_, n) => `40${n.toString(16).padStart(30, "0")}`);
  expect(await verdict({ crl: { serials } })).toBe("signed by leaf");
  expect(await verdict({ leaf: { serial: serials[9999] as string }, crl: { serials } })).toBe("certificate-revoked");
});

test("the signer's name is what the policy lists, whole", async () => {
  expect(await verdict({ leaf: { name: ["a\0b"] }, policy: ["a"] })).toBe("signer-refused");
  expect(await verdict({ leaf: { name: ["a\0b"] }, policy: ["a\0b"] })).toBe("signed by a\0b");
});

test("a cache forgets what nobody asks for, and keeps what somebody does", () => {
  const cache = new BoundedCache<number>({ entriesMax: 10, charsMax: 100_000 });
  const text = (n: number) => String(n).padStart(100, "0") + "x".repeat(100);
  for (let n = 0; n < 100; n++) {
    cache.set(text(n), n);
    expect(cache.get(text(0)) ?? cache.set(text(0), 0)).not.toBe(1);
    expect(cache.size).toBeLessThanOrEqual(10);
  }
  expect(cache.get(text(99))).toBe(99);
  expect(cache.get(text(50))).toBeUndefined();
  for (let n = 0; n < 10; n++) cache.set(text(n).padStart(30_000), n);
  expect(cache.size).toBeLessThanOrEqual(4);
});

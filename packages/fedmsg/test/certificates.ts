/**
 * Certificates and CRLs made for a test, octet by octet: also those that no tool would make. Signed with RSA (or what the
 * authority's key is) and SHA-256.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** An element: tag, length, content. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const octets = length < 0x100 ? [0x81, length] : [0x83, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from([tag, ...octets]), content]);
}

export const sequence = (...contents: readonly Uint8Array[]) => der(0x30, ...contents);

export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 127];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
    return groups;
  });
  return der(0x06, Buffer.from(octets));
}

export interface ExtensionInput {
  readonly oid: string;
  readonly critical?: boolean;
  readonly value: Buffer;
}

/** `[CN, tag, content]` for each attribute of a name; the tag of a text is that of a UTF8String. */
export type NameInput = readonly (string | readonly [tag: number, content: Buffer])[];

export interface Authority {
  readonly key: KeyObject;
  readonly name: Buffer;
  readonly pem: string;
}

const rsaSha256 = sequence(oid("1.2.840.113549.1.1.11"), der(0x05));
const ecdsaSha256 = sequence(oid("1.2.840.10045.4.3.2"));
const yes = der(0x01, Buffer.from([0xff]));
const basicConstraints: ExtensionInput = { oid: "2.5.29.19", critical: true, value: sequence(yes) };

const pairs = new Map<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>();

/** A key pair, the same one for the same name: making RSA keys takes long. */
export function keyPair(name: string, kind: "rsa" | "ec" = "rsa") {
  const known = pairs.get(name);
  if (known) return known;
  const made =
    kind === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
  pairs.set(name, made);
  return made;
}

function nameOf(parts: NameInput): Buffer {
  const attributes = parts.map((part) => {
    const [tag, content] = typeof part === "string" ? [0x0c, Buffer.from(part)] : part;
    return der(0x31, sequence(oid("2.5.4.3"), der(tag, content)));
  });
  return sequence(...attributes);
}

function timeOf(time: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(time).toISOString().replace(/[-:T]|\.\d+/g, "")}`));
}

function extensionsOf(tag: number, extensions: readonly ExtensionInput[]): Buffer[] {
  if (extensions.length === 0) return [];
  return [der(tag, sequence(...extensions.map(extensionOf)))];
}

function extensionOf({ oid: id, critical, value }: ExtensionInput): Buffer {
  return sequence(oid(id), ...(critical ? [yes] : []), der(0x04, value));
}

function signed(body: Buffer, key: KeyObject): Buffer {
  const algorithm = key.asymmetricKeyType === "rsa" ? rsaSha256 : ecdsaSha256;
  return sequence(body, algorithm, der(0x03, Buffer.from([0]), sign("sha256", body, key)));
}

function pem(label: string, bytes: Buffer): string {
  return `-----BEGIN ${label}-----\n${bytes.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}

function algorithmOf(key: KeyObject): Buffer {
  return key.asymmetricKeyType === "rsa" ? rsaSha256 : ecdsaSha256;
}

const year = 31_536_000_000;

export interface CertificateInput {
  readonly name: NameInput;
  readonly issuer: Pick<Authority, "key" | "name">;
  readonly key: KeyObject;
  readonly serial?: string;
  readonly from?: number;
  readonly to?: number;
  readonly version?: 1 | 3;
  readonly extensions?: readonly ExtensionInput[];
}

/** A certificate, PEM. */
export function makeCertificate(input: CertificateInput): string {
  const { issuer, key, serial = "01", version = 3, extensions = [] } = input;
  const from = input.from ?? Date.now() - year;
  const to = input.to ?? Date.now() + year;
  const body = sequence(
    ...(version === 1 ? [] : [der(0xa0, der(0x02, Buffer.from([2])))]),
    der(0x02, Buffer.from(serial, "hex")),
    algorithmOf(issuer.key),
    issuer.name,
    sequence(timeOf(from), timeOf(to)),
    nameOf(input.name),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    ...extensionsOf(0xa3, extensions),
  );
  return pem("CERTIFICATE", signed(body, issuer.key));
}

/** An authority with its self-signed certificate. */
export function makeAuthority(
  input: Partial<CertificateInput> & { readonly kind?: "rsa" | "ec"; readonly of?: string } = {},
): Authority {
  const { privateKey: key } = keyPair(input.of ?? `authority ${input.kind ?? "rsa"}`, input.kind);
  const names = input.name ?? ["Test CA"];
  const name = nameOf(names);
  const extensions = input.extensions ?? [basicConstraints];
  return {
    key,
    name,
    pem: makeCertificate({ serial: "77", ...input, name: names, issuer: { key, name }, key, extensions }),
  };
}

export interface CrlInput {
  readonly issuer: Pick<Authority, "key" | "name">;
  /** Hexadecimal, as the octets stand in the list. */
  readonly serials?: readonly string[];
  readonly from?: number;
  readonly to?: number | null;
  readonly extensions?: readonly ExtensionInput[];
  readonly entryExtensions?: readonly ExtensionInput[];
}

/** A list of revoked certificates, PEM. */
export function makeCrl(input: CrlInput): string {
  const { issuer, serials = [], extensions = [], entryExtensions = [], to = Date.now() + year } = input;
  const from = input.from ?? Date.now() - year;
  const entries = serials.map((serial) => {
    const list = entryExtensions.length > 0 ? [sequence(...entryExtensions.map(extensionOf))] : [];
    return sequence(der(0x02, Buffer.from(serial, "hex")), timeOf(from), ...list);
  });
  const body = sequence(
    der(0x02, Buffer.from([1])),
    algorithmOf(issuer.key),
    issuer.name,
    timeOf(from),
    ...(to === null ? [] : [timeOf(to)]),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    ...extensionsOf(0xa0, extensions),
  );
  return pem("X509 CRL", signed(body, issuer.key));
}

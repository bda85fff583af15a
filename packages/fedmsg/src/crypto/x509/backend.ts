/**
 * x509: an RSA signature (PKCS#1 v1.5, SHA-1) over the canonical text, and the certificate that it was made with
 * (`fedmsg/crypto/x509_ng.py`).
 *
 * What a certificate is worth does not change from message to message: it is read and held against the authority once,
 * and looked up by its text from then on. What time it is and who was revoked are asked each time, by comparing numbers
 * and by a look into a set. Texts are bounded before anything is decoded, and OpenSSL sees only certificates that name
 * our authority and hold an RSA key of a sound size.
 *
 * Three caches, as strangers choose what stands in them: one text per certificate, written as signers write it; other
 * spellings of those, of which anybody can make any number; and what was refused. None drives out what is in another, and
 * a new spelling of a certificate that is known costs its decoding, not another look at the authority.
 */

import { createHash, verify } from "node:crypto";
import type { Backend, StepListener, Verdict } from "../backend.ts";
import { decodeBase64, encodeBase64Lines } from "../base64.ts";
import { type CryptoEventSink, emitSafely } from "../events.ts";
import type { Expiry } from "../expiry.ts";
import type { MessageParts } from "../parts.ts";
import { clip, type Refusal, refuse, wordsOf } from "../reasons.ts";
import { BoundedCache } from "./cache.ts";
import { type Certificate, openCertificate, readCertificateBytes } from "./certificate.ts";
import { chainProblem, issuerProblem } from "./chain.ts";
import { readOutline, weaknessOf } from "./outline.ts";
import { encodeCertificate } from "./pem.ts";
import { fingerprintOf, keyProblem, type RsaKey } from "./rsa-key.ts";
import { date, revocationRefusal, type Trust, validityRefusal } from "./trust.ts";

/** The longest certificate that is looked at, in characters of JSON: twice what keys of 16,384 bits need. */
export const certificateCharsMax = 16 * 1024;

/** The longest signature that is looked at, in characters of JSON: five times that of a key of 16,384 bits. */
export const signatureCharsMax = 16 * 1024;

/** A certificate that may sign messages. `key` is the same for the same key. */
type Leaf = Certificate & { readonly commonName: string; readonly key: string };

/** Certificates that are known, and those that were warned of. The authority decides how many there are. */
const certificatesMax = 2000;

/** Where the authority and its list come from. */
export interface TrustSource extends Trust {
  /** Looks whether files have changed, at most once a second. Whether anything has. */
  recheck(): boolean;
  refresh(): Promise<void>;
  close(): void;
}

/** Makes the backend for certificates under one authority. */
export class X509Backend implements Backend {
  readonly name = "x509";
  readonly #trust: TrustSource;
  readonly #onEvent: CryptoEventSink | undefined;
  /** By their text, as signers write it. */
  readonly #leaves = new BoundedCache<Leaf>({ entriesMax: 1000, charsMax: 8 * 1024 * 1024 });
  /** By their text, written in any other way: with lines before the PEM, for instance. */
  readonly #respelt = new BoundedCache<Leaf>({ entriesMax: 500, charsMax: 4 * 1024 * 1024 });
  readonly #refused = new BoundedCache<Refusal>({ entriesMax: 256, charsMax: 1024 * 1024 });
  /** By the digest of their bytes. */
  readonly #certificates = new Map<string, Leaf>();
  readonly #warned = new Set<string>();
  #generation = -1;

  constructor(trust: TrustSource, onEvent?: CryptoEventSink) {
    this.#trust = trust;
    this.#onEvent = onEvent;
  }

  glance(message: object): Refusal | undefined {
    for (const [name, charsMax] of limits) {
      const value = Object.hasOwn(message, name) ? (message as Record<string, unknown>)[name] : undefined;
      if (value === undefined) return refuse("credentials-missing", name);
      if (typeof value !== "string") return notText(name);
      if (value.length + 2 > charsMax) return tooLong(name, charsMax);
      if (value.length * 6 + 2 > charsMax) return undefined; // How it is spelt decides.
    }
    return undefined;
  }

  check(parts: MessageParts, now: number, passed?: StepListener): Verdict {
    const signature = readSignature(parts);
    if (!Buffer.isBuffer(signature)) return signature;
    passed?.("credentials", `a signature of ${signature.length} bytes and a certificate`);
    const leaf = this.#findLeaf(parts, passed);
    if ("reason" in leaf) return leaf;
    const invalid = validityRefusal(leaf, this.#trust, now);
    if (invalid) return invalid;
    passed?.("validity", `from ${date(leaf.notBefore)} to ${date(leaf.notAfter)}`);
    const revoked = revocationRefusal(leaf, this.#trust, now);
    if (revoked) return revoked;
    const list = this.#trust.crl;
    passed?.("crl", list ? `not listed among ${list.value?.revoked.size} in ${list.location}` : "none is configured");
    if (!isSignedBy(leaf, parts, signature)) return refuse("signature-mismatch");
    passed?.("signature", "RSA and SHA-1 over the canonical text");
    return { signer: leaf.commonName, key: leaf.key };
  }

  recheck(): boolean {
    return this.#trust.recheck();
  }

  refresh(): Promise<void> {
    return this.#trust.refresh();
  }

  certificates(): readonly Expiry[] {
    const { ca, crl } = this.#trust;
    const all = [
      { name: ca.location, notAfter: ca.value?.notAfter ?? Number.NaN },
      { name: crl?.location ?? "", notAfter: crl?.value?.nextUpdate ?? Number.NaN },
    ];
    return all.filter(({ notAfter }) => Number.isFinite(notAfter)); // Not everything was read yet, or ends.
  }

  close(): void {
    this.#trust.close();
  }

  #findLeaf(parts: MessageParts, passed: StepListener | undefined): Leaf | Refusal {
    if (this.#generation !== this.#trust.generation) {
      for (const cache of [this.#leaves, this.#respelt, this.#refused, this.#certificates]) cache.clear();
      this.#generation = this.#trust.generation;
    }
    const token = parts.token("certificate") as string;
    const known = this.#leaves.get(token) ?? this.#respelt.get(token) ?? this.#refused.get(token);
    const leaf = known ?? this.#remember(parts, token);
    if ("reason" in leaf) return leaf;
    passed?.("certificate", `${clip(leaf.commonName)}, serial number ${leaf.serial.slice(0, 60)}`);
    passed?.("chain", `issued by the authority in ${this.#trust.ca.location}`);
    return leaf;
  }

  #remember(parts: MessageParts, token: string): Leaf | Refusal {
    const text = decodeBase64(parts.text("certificate") ?? "\u0080");
    if (!text) return refuse("credentials-malformed", "the certificate is not base64");
    const { value: ca, location, problem } = this.#trust.ca;
    if (!ca) return refuse("ca-unavailable", `${location}: ${problem}`);
    const leaf = this.#read(text.toString("latin1"), ca);
    if ("reason" in leaf) this.#refused.set(token, leaf);
    else (token === spellPlainly(leaf) ? this.#leaves : this.#respelt).set(token, leaf);
    return leaf;
  }

  #read(pem: string, ca: Certificate): Leaf | Refusal {
    try {
      const bytes = readCertificateBytes(pem);
      const digest = createHash("sha256").update(bytes).digest("base64");
      const known = this.#certificates.get(digest);
      if (known) return known;
      const leaf = readLeaf(bytes, ca);
      if ("reason" in leaf) return leaf;
      if (this.#certificates.size >= certificatesMax) this.#certificates.clear();
      this.#certificates.set(digest, leaf);
      this.#warnOf(leaf, digest);
      return leaf;
    } catch (error) {
      return refuse("certificate-malformed", wordsOf(error));
    }
  }

  #warnOf(leaf: Leaf, digest: string): void {
    const detail = weaknessOf(leaf);
    if (detail === undefined || this.#warned.has(digest) || this.#warned.size >= certificatesMax) return;
    this.#warned.add(digest);
    const location = `the certificate of ${clip(leaf.commonName)}`;
    emitSafely(this.#onEvent, { type: "trust", what: "certificate", state: "warning", location, detail });
  }
}

function readSignature(parts: MessageParts): Buffer | Refusal {
  for (const [name, charsMax] of limits) {
    const token = parts.token(name);
    if (token === undefined) return refuse("credentials-missing", name);
    if (token.charCodeAt(0) !== 0x22) return notText(name);
    if (token.length > charsMax) return tooLong(name, charsMax);
  }
  const text = parts.text("signature");
  if (text === undefined) return refuse("not-json", "the signature");
  return decodeBase64(text) ?? refuse("credentials-malformed", "the signature is not base64");
}

const limits = [
  ["signature", signatureCharsMax],
  ["certificate", certificateCharsMax],
] as const;

function notText(name: string): Refusal {
  return refuse("credentials-malformed", `the ${name} is not a text`);
}

function tooLong(name: string, charsMax: number): Refusal {
  return refuse("credentials-malformed", `the ${name} has over ${charsMax} characters`);
}

/** The JSON text of a certificate as signers write it, ours and Python's. */
function spellPlainly({ raw }: Certificate): string {
  return JSON.stringify(encodeBase64Lines(Buffer.from(encodeCertificate(raw), "latin1")));
}

/**
 * Reads a certificate and holds it against the authority. The same for as long as the authority stays. Throws an `Error`
 * in words where the certificate is malformed.
 */
function readLeaf(bytes: Buffer, ca: Certificate): Leaf | Refusal {
  const outline = readOutline(bytes);
  const otherIssuer = issuerProblem(outline, ca);
  if (otherIssuer !== undefined) return refuse("certificate-untrusted", otherIssuer);
  const unsound = keyProblem(outline.rsaKey);
  if (unsound !== undefined) return refuse("certificate-malformed", unsound);
  const certificate = openCertificate(outline); // Not before: it takes as long as the key wants it to.
  const problem = chainProblem(certificate, ca);
  if (problem !== undefined) return refuse("certificate-untrusted", problem);
  const { commonName } = certificate;
  if (!commonName) return refuse("no-common-name");
  return { ...certificate, commonName, key: fingerprintOf(outline.rsaKey as RsaKey) };
}

function isSignedBy({ publicKey }: Certificate, { signed }: MessageParts, signature: Buffer): boolean {
  try {
    return verify("sha1", Buffer.from(signed, "latin1"), publicKey, signature);
  } catch {
    return false; // A key with which nothing can be verified.
  }
}

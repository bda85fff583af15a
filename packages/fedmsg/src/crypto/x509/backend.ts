/**
 * x509: an RSA signature (PKCS#1 v1.5, SHA-1) over the canonical text, and the certificate that it was made with
 * (`fedmsg/crypto/x509_ng.py`).
 *
 * What a certificate is worth does not change from message to message: it is read and held against the authority once,
 * and looked up by its text from then on. What time it is and who was revoked are asked each time, by comparing numbers
 * and by a look into a set. Texts are bounded before anything is decoded; those that are refused have a cache of their
 * own, so that a stranger who sends a new certificate with each message cannot drive out those that are used.
 */

import { verify } from "node:crypto";
import type { Backend, StepListener, Verdict } from "../backend.ts";
import { decodeBase64 } from "../base64.ts";
import type { MessageParts } from "../parts.ts";
import { clip, type Refusal, refuse, wordsOf } from "../reasons.ts";
import { BoundedCache } from "./cache.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { chainProblem } from "./chain.ts";
import { date, revocationRefusal, type Trust, validityRefusal } from "./trust.ts";

/** The longest certificate that is looked at, in characters of JSON: ten times what the largest keys need. */
export const certificateCharsMax = 64 * 1024;

/** The longest signature that is looked at, in characters of JSON: five times that of a key of 16,384 bits. */
export const signatureCharsMax = 16 * 1024;

/** A certificate that may sign messages. */
type Leaf = Certificate & { readonly commonName: string };

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
  readonly #leaves = new BoundedCache<Leaf>({ entriesMax: 1000, charsMax: 8 * 1024 * 1024 });
  readonly #refused = new BoundedCache<Refusal>({ entriesMax: 256, charsMax: 1024 * 1024 });
  #generation = -1;

  constructor(trust: TrustSource) {
    this.#trust = trust;
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
    return { signer: leaf.commonName };
  }

  recheck(): boolean {
    return this.#trust.recheck();
  }

  refresh(): Promise<void> {
    return this.#trust.refresh();
  }

  close(): void {
    this.#trust.close();
  }

  #findLeaf(parts: MessageParts, passed: StepListener | undefined): Leaf | Refusal {
    if (this.#generation !== this.#trust.generation) {
      this.#leaves.clear();
      this.#refused.clear();
      this.#generation = this.#trust.generation;
    }
    const token = parts.token("certificate") as string;
    const known = this.#leaves.get(token) ?? this.#refused.get(token) ?? this.#remember(parts, token);
    if ("reason" in known) return known;
    passed?.("certificate", `${clip(known.commonName)}, serial number ${known.serial.slice(0, 60)}`);
    passed?.("chain", `issued by the authority in ${this.#trust.ca.location}`);
    return known;
  }

  #remember(parts: MessageParts, token: string): Leaf | Refusal {
    const bytes = decodeBase64(parts.text("certificate") ?? "\u0080");
    if (!bytes) return refuse("credentials-malformed", "the certificate is not base64");
    const { value: ca, location, problem } = this.#trust.ca;
    if (!ca) return refuse("ca-unavailable", `${location}: ${problem}`);
    const leaf = readLeaf(bytes.toString("latin1"), ca);
    if ("reason" in leaf) this.#refused.set(token, leaf);
    else this.#leaves.set(token, leaf);
    return leaf;
  }
}

function readSignature(parts: MessageParts): Buffer | Refusal {
  for (const [name, charsMax] of limits) {
    const token = parts.token(name);
    if (token === undefined) return refuse("credentials-missing", name);
    if (token.charCodeAt(0) !== 0x22) return refuse("credentials-malformed", `the ${name} is not a text`);
    if (token.length > charsMax) return refuse("credentials-malformed", `the ${name} has over ${charsMax} characters`);
  }
  const text = parts.text("signature");
  if (text === undefined) return refuse("not-json", "the signature");
  return decodeBase64(text) ?? refuse("credentials-malformed", "the signature is not base64");
}

const limits = [
  ["signature", signatureCharsMax],
  ["certificate", certificateCharsMax],
] as const;

/** Reads a certificate and holds it against the authority. The same for as long as the authority stays. */
function readLeaf(pem: string, ca: Certificate): Leaf | Refusal {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(pem);
  } catch (error) {
    return refuse("certificate-malformed", wordsOf(error));
  }
  const { commonName, publicKey } = certificate;
  const problem = chainProblem(certificate, ca);
  if (problem !== undefined) return refuse("certificate-untrusted", problem);
  if (publicKey.asymmetricKeyType !== "rsa") {
    return refuse("certificate-malformed", `its key is of type ${publicKey.asymmetricKeyType}, not RSA`);
  }
  if (!commonName) return refuse("no-common-name");
  return { ...certificate, commonName };
}

function isSignedBy({ publicKey }: Certificate, { signed }: MessageParts, signature: Buffer): boolean {
  try {
    return verify("sha1", Buffer.from(signed, "latin1"), publicKey, signature);
  } catch {
    return false; // A key with which nothing can be verified.
  }
}

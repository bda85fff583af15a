/**
 * Signs messages (`fedmsg/crypto/x509_ng.py`): RSA, PKCS#1 v1.5, SHA-1, over the canonical text of everything but
 * `signature` and `certificate`, with `crypto` in it. The same bytes as Python's, as there is one such signature only.
 *
 * Members are written once each: joined for signing, and joined again with the two credentials between them.
 */

import { type KeyObject, sign } from "node:crypto";
import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { Message } from "../wire/envelope.ts";
import { writeJson } from "../wire/json-writer.ts";
import { loads, lossless } from "../wire/loads.ts";
import { quote, sortKeys } from "../wire/text.ts";
import { encodeBase64Lines } from "./base64.ts";
import { findCertname } from "./certname.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import type { CryptoEventSink } from "./events.ts";

/** What {@link createSigner} may be told. */
export interface SignerOptions {
  /** The publisher's name, by which `certnames` is asked; `signing_relay` for the signing relay. Default: `config.name`. */
  readonly name?: string | undefined;
  /** Hears of a private key that others can read, and of a certificate that is out of date. Default: nobody does. */
  readonly onEvent?: CryptoEventSink | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** The host's name in the keys of `certnames`. Default: this host's, up to the first dot. */
  readonly host?: string | undefined;
}

/** Signs in one certificate's name. */
export interface Signer {
  /** The certificate's file name in `ssldir`, without its ending. */
  readonly certname: string;
  /** The certificate's common name: what a validator calls the signer. Empty if there is none, which was warned of. */
  readonly signerName: string;
  /** The first moment at which the certificate is no longer valid, in milliseconds since the epoch. */
  readonly notAfter: number;
  /**
   * A copy of the message with `crypto`, `signature` and `certificate`; what it had of them is replaced.
   *
   * @throws FedmsgError FEDMSG_ENCODE naming the path to a value that has no JSON form
   */
  sign(message: Message): Message;
  /**
   * The canonical text of the signed message: what goes over the wire. Faster than to sign and to write it.
   *
   * @param message an object, or a `Map` of `loads(text, lossless)`
   * @param allowNan write `NaN` and infinities, which are no JSON but which Python reads. Default false
   * @throws FedmsgError FEDMSG_ENCODE naming the path to a value that has no JSON form
   */
  encodeSigned(message: object, allowNan?: boolean): string;
  /**
   * Signs a message that is there as a text, whose numbers keep what a signature covers of their spelling.
   *
   * @throws FedmsgError FEDMSG_DECODE where it is not JSON, or no object
   */
  signText(text: string): string;
}

/**
 * Makes a signer for a complete configuration, from `ssldir`, `certnames`, `certname` and `cert_prefix`. Files are read
 * here and not again.
 *
 * @throws FedmsgError FEDMSG_CREDENTIALS where certificate or key are missing or cannot be used; it names key and path
 * @throws FedmsgError FEDMSG_UNSUPPORTED where `crypto_backend` is `gpg`
 * @example
 * ```ts
 * const signer = await createSigner(config, { name: "bodhi.app01" });
 * const { signature } = signer.sign(message);
 * ```
 */
export async function createSigner(config: Config, options: SignerOptions = {}): Promise<Signer> {
  if (config.crypto_backend !== "x509") {
    throw new FedmsgError("FEDMSG_UNSUPPORTED", `crypto_backend: ${config.crypto_backend} cannot sign yet; use x509`);
  }
  const { name = config.name, onEvent, now = Date.now, host } = options;
  const certname = findCertname(config, name, host);
  return new X509Signer(certname, readCredentials({ ssldir: config.ssldir, certname }, { now: now(), onEvent }));
}

const writing = { sort: "text", indent: 0, allowNan: true } as const;

class X509Signer implements Signer {
  readonly certname: string;
  readonly signerName: string;
  readonly notAfter: number;
  readonly #key: KeyObject;
  readonly #certificate: string;
  readonly #certificateMember: string;

  constructor(certname: string, { key, certificate }: Credentials) {
    this.certname = certname;
    this.signerName = certificate.commonName ?? "";
    this.notAfter = certificate.notAfter;
    this.#key = key;
    this.#certificate = encodeBase64Lines(Buffer.from(certificate.x509.toString(), "latin1"));
    this.#certificateMember = `"certificate":${quote(this.#certificate)}`;
  }

  sign(message: Message): Message {
    const { certificate: _, signature: __, ...rest } = message;
    const signature = this.#signatureOf(writeJson({ ...rest, crypto: "x509" }, writing));
    return { ...rest, crypto: "x509", signature, certificate: this.#certificate };
  }

  encodeSigned(message: object, allowNan = false): string {
    const values = new Map<string, unknown>(message instanceof Map ? message : Object.entries(message));
    values.set("crypto", "x509");
    values.set("signature", ""); // only their places are wanted
    values.set("certificate", "");
    const members: string[] = [];
    let signatureAt = 0;
    let certificateAt = 0;
    for (const key of sortKeys([...values.keys()])) {
      if (key === "certificate") certificateAt = members.length;
      else if (key === "signature") signatureAt = members.length;
      else members.push(`${quote(key)}:${writeJson(values.get(key), { ...writing, allowNan }, key)}`);
    }
    const signature = this.#signatureOf(`{${members.join(",")}}`);
    members.splice(signatureAt, 0, `"signature":${quote(signature)}`); // behind the certificate: that place stays
    members.splice(certificateAt, 0, this.#certificateMember);
    return `{${members.join(",")}}`;
  }

  signText(text: string): string {
    const message = loads(text, lossless);
    if (!(message instanceof Map)) throw new FedmsgError("FEDMSG_DECODE", "only an object can be signed");
    return this.encodeSigned(message, true);
  }

  #signatureOf(text: string): string {
    return encodeBase64Lines(sign("sha1", Buffer.from(text, "latin1"), this.#key));
  }
}

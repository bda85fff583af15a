/** The private key and the certificate that a publisher signs with, as files. Nothing of a key goes into any message. */

import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FedmsgError } from "../errors.ts";
import { type CryptoEventSink, emitSafely } from "./events.ts";
import { wordsOf } from "./reasons.ts";
import { type Certificate, parseCertificate } from "./x509/certificate.ts";
import { date } from "./x509/trust.ts";

/** A key and its certificate. */
export interface Credentials {
  readonly key: KeyObject;
  readonly certificate: Certificate;
}

/**
 * Reads `<ssldir>/<certname>.key` and `.crt`.
 *
 * @param now milliseconds since the epoch
 * @throws FedmsgError FEDMSG_CREDENTIALS naming the path: a file is missing or holds something else, the key is not RSA,
 *   is encrypted, or belongs to another certificate
 */
export function readCredentials(
  { ssldir, certname }: { readonly ssldir: string; readonly certname: string },
  { now, onEvent }: { readonly now: number; readonly onEvent: CryptoEventSink | undefined },
): Credentials {
  const keyPath = join(ssldir, `${certname}.key`);
  const certificatePath = join(ssldir, `${certname}.crt`);
  const certificate = readCertificate(certificatePath);
  const key = readKey(keyPath);
  if (!certificate.x509.checkPrivateKey(key)) throw unusable(keyPath, `it is not the key of ${certificatePath}`);
  const mode = statSync(keyPath).mode & 0o777;
  if (process.platform !== "win32" && mode & 0o077) {
    const detail = `the private key has mode 0${mode.toString(8)}, should be 0600: others can sign in your name`;
    emitSafely(onEvent, { type: "credentials", path: keyPath, detail });
  }
  const { notBefore, notAfter, commonName } = certificate;
  const warn = (detail: string) => emitSafely(onEvent, { type: "credentials", path: certificatePath, detail });
  if (!commonName) warn("the certificate has no common name; nobody will accept what it signs");
  if (now >= notAfter) warn(`the certificate expired on ${date(notAfter)}; nobody will accept what it signs`);
  else if (now < notBefore) warn(`the certificate is valid from ${date(notBefore)} on; nobody will accept it before`);
  return { key, certificate };
}

function readCertificate(path: string): Certificate {
  const text = readText(path, "certificate");
  try {
    return parseCertificate(text);
  } catch (error) {
    throw unusable(path, wordsOf(error));
  }
}

function readKey(path: string): KeyObject {
  const text = readText(path, "private key");
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    const encrypted = /ENCRYPTED/.test(text);
    throw unusable(
      path,
      encrypted ? "it is encrypted; a daemon has nobody to ask for the passphrase" : "it holds no PEM private key",
    );
  }
  if (key.asymmetricKeyType !== "rsa") throw unusable(path, `its key is of type ${key.asymmetricKeyType}, not RSA`);
  return key;
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (cause) {
    const code = String((cause as NodeJS.ErrnoException).code);
    const why = code === "ENOENT" ? "no such file" : code === "EACCES" ? "this user may not read it" : code;
    throw new FedmsgError("FEDMSG_CREDENTIALS", `${path}: the ${what} to sign with cannot be read: ${why}`, { cause });
  }
}

function unusable(path: string, why: string): FedmsgError {
  return new FedmsgError("FEDMSG_CREDENTIALS", `${path}: cannot sign with it: ${why}`);
}

/** Signatures and who may send what (`fedmsg/config.py`, "Authentication and Authorization"). */

import * as v from "valibot";
import { defaulted, optional } from "../key.ts";
import { flag, listOf, mapping, seconds, text, textOrNull, texts, whole, word } from "../values.ts";

const backend = word(["x509", "gpg"]);
/** No single text: Python took one for a pattern, in which a name only had to be found. */
const signers = v.array(text, "a list of certificate names, also for a single one");
const names = mapping(text, "a mapping of names to texts");

/** Signing, validating, and whose word counts. */
export const cryptoKeys = {
  sign_messages: defaulted(flag, false, "Sign every message sent."),
  validate_signatures: defaulted(
    flag,
    true,
    "Drop messages whose signature does not hold, before any consumer sees them.",
  ),
  crypto_backend: defaulted(backend, "x509", "What signs messages: `x509` with certificates, or `gpg`."),
  crypto_validate_backends: defaulted(
    v.nullable(listOf(backend, "a list of x509 and gpg"), () => []),
    ["x509"],
    "Which kinds of signatures are accepted; an empty list stands for the one of `crypto_backend`.",
  ),
  ssldir: defaulted(
    text,
    "/etc/pki/fedmsg",
    "The folder with this host's certificates (.crt) and private keys (.key).",
  ),
  certnames: defaulted(
    v.nullable(names, () => ({})),
    {},
    "Which certificate each publisher signs with: `<service>.<short host name>` and the file name in `ssldir` without " +
      "its ending.",
  ),
  certname: optional(text, "The certificate to sign with, whatever `certnames` says: a file name without its ending."),
  cert_prefix: optional(text, "Look up `<cert_prefix>.<short host name>` in `certnames`, in place of the name."),
  ca_cert_location: defaulted(
    text,
    "/etc/pki/fedmsg/ca.crt",
    "The certificate of the authority that every signer's certificate must come from: a path, or a URL (deprecated).",
  ),
  ca_cert_cache: defaulted(
    textOrNull,
    null,
    "Deprecated: the file in which a certificate fetched from a URL is kept; null for none.",
  ),
  ca_cert_cache_expiry: defaulted(
    whole(),
    0,
    "When to read the authority's certificate again. Seconds, 0 or more; 0 for never.",
  ),
  crl_location: defaulted(
    textOrNull,
    null,
    "The list of certificates that were revoked: a path, or a URL (deprecated); null where there is none.",
  ),
  crl_cache: defaulted(
    textOrNull,
    null,
    "Deprecated: the file in which a list fetched from a URL is kept; null for none.",
  ),
  crl_cache_expiry: defaulted(
    whole(),
    3600,
    "When to read the list of revoked certificates again. Seconds, 0 or more.",
  ),
  crl_warn: defaulted(
    seconds,
    604_800,
    "How long before the list of revoked certificates, or the authority's certificate, expires that is announced. Seconds.",
  ),
  routing_policy: defaulted(
    v.nullable(mapping(signers, "a mapping of topics to lists of certificate names"), () => ({})),
    {},
    "Full topics and the names of the certificates that may sign them. Topics that are not listed may be signed by any.",
  ),
  routing_nitpicky: defaulted(flag, false, "Refuse messages on topics that `routing_policy` does not list."),
  allow_unsigned: defaulted(
    v.nullable(texts, () => []),
    [],
    "Topics, as for a subscription (`*` one word, `#` the rest), whose messages need no signature; they are marked as unsigned.",
  ),
  replay_window: defaulted(
    seconds,
    0,
    "Refuse a valid message that is older than this, and one that was seen before. Seconds; 0 for off.",
  ),
  gpg_home: optional(text, "The folder of the GPG key ring. Without it: `~/.gnupg/`."),
  gpg_signing_key: optional(text, "The id of the GPG key to sign with."),
  gpg_keys: optional(
    names,
    "Which GPG key each host signs with, where `gpg_signing_key` is not set: host name and key id.",
  ),
};

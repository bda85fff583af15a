/** Why a message is not accepted: the closed list that callers may branch on, and how its words are put together. */

/** Every reason, and what it means. */
export const validationReasons = {
  "bad-utf8": "the message is not UTF-8",
  "not-json": "the message is not JSON",
  "not-an-object": "the message is JSON, but not an object",
  unsigned: "the message is not signed",
  "backend-unknown": "the message names a kind of signature that does not exist",
  "backend-refused": "`crypto_validate_backends` does not allow this kind of signature",
  "backend-unavailable": "this kind of signature cannot be checked here",
  "credentials-missing": "the signature or the certificate is missing",
  "credentials-malformed": "the signature or the certificate is not base64 text",
  "certificate-malformed": "the certificate cannot be read, or cannot sign messages",
  "certificate-untrusted": "the certificate was not issued by our authority",
  "certificate-not-yet-valid": "the certificate is not yet valid",
  "certificate-expired": "the certificate has expired",
  "certificate-revoked": "the certificate was revoked",
  "ca-unavailable": "the authority's certificate (`ca_cert_location`) cannot be had",
  "ca-not-yet-valid": "the authority's certificate (`ca_cert_location`) is not yet valid",
  "ca-expired": "the authority's certificate (`ca_cert_location`) has expired",
  "crl-unavailable": "the list of revoked certificates (`crl_location`) cannot be had",
  "crl-invalid":
    "the list of revoked certificates (`crl_location`) is not from our authority, or of a kind unknown here",
  "crl-not-yet-valid": "the list of revoked certificates (`crl_location`) is not yet valid",
  "crl-expired": "the list of revoked certificates (`crl_location`) has expired",
  "signature-mismatch": "the signature does not belong to this text and this certificate",
  "no-common-name": "the certificate has no common name, and so no signer",
  "topic-malformed": "the topic is missing, or of a kind that no policy can name",
  "signer-refused": "this signer may not send on this topic",
  "topic-not-listed": "`routing_policy` does not list the topic, and `routing_nitpicky` is on",
  "too-old": "the message is older than `replay_window` allows, or says no time",
  "too-new": "the message's time lies further ahead than a minute, or than `replay_window` is long",
  "too-many": "more messages came within a minute than can be remembered for `replay_window`",
  duplicate: "the message was received before",
  internal: "checking the message failed, which is a defect of fedmsg; please report it",
} as const;

/** One of {@link validationReasons}. */
export type Reason = keyof typeof validationReasons;

/** Reasons that say something about us at this moment, and not about the message: later it may be accepted. */
export const passingReasons: ReadonlySet<Reason> = new Set<Reason>([
  "ca-unavailable",
  "ca-not-yet-valid",
  "ca-expired",
  "crl-unavailable",
  "crl-invalid",
  "crl-not-yet-valid",
  "crl-expired",
]);

/** A message that is not accepted: why, and the same in words with what was found. */
export interface Refusal {
  readonly valid: false;
  readonly reason: Reason;
  /** For people: the reason's words and what was found, a few hundred characters at most, and nothing secret. */
  readonly detail: string;
}

/** The kinds of signatures. */
export type BackendName = "x509" | "gpg";

/** A message that is accepted, and whose word it is. */
export interface Accepted {
  readonly valid: true;
  /** The certificate's common name. */
  readonly signer: string;
  readonly backend: BackendName;
}

/** What checking a message gives. A message that is not accepted is a value; nothing throws. */
export type Validation = Accepted | Refusal;

const detailCharsMax = 500;

/** Makes a refusal. `found` may quote what a stranger wrote, through {@link clip}. */
export function refuse(reason: Reason, found = ""): Refusal {
  const text = validationReasons[reason];
  const detail = found ? `${text}: ${found}` : text;
  return {
    valid: false,
    reason,
    detail: detail.length > detailCharsMax ? `${detail.slice(0, detailCharsMax)}…` : detail,
  };
}

/** Quotes a text from a message, a hundred characters at most, so that it can stand in a log. */
export function clip(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

/** The words of an error, without its class and stack. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

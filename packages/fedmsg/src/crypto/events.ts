/** What signing and validating tell about themselves. None of it is an error: both go on. */

/** Something about the certificate of the authority (`ca`), the list of revoked certificates (`crl`), or a signer's. */
export interface TrustEvent {
  readonly type: "trust";
  readonly what: "ca" | "crl" | "certificate";
  /**
   * `loaded`: another content is in force. `failed`: it could not be read; what was in force stays, if anything was.
   * `expires`: `crl_warn` seconds or less are left. `expired`: no message is accepted any more. The latter two are
   * repeated once a day. `warning`: it is weak, which is told once for each certificate, and refuses nothing.
   */
  readonly state: "loaded" | "failed" | "expires" | "expired" | "warning";
  /** The path or URL, as configured, without a password in it; the name of the signer where it is a signer's. */
  readonly location: string;
  readonly detail: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** Something about the file of a key or certificate to sign with deserves a look. */
export interface CredentialsEvent {
  readonly type: "credentials";
  readonly path: string;
  readonly detail: string;
}

/** Either of the two. */
export type CryptoEvent = TrustEvent | CredentialsEvent;

/** Takes events. What it throws is dropped: a listener cannot stop what it listens to. */
export type CryptoEventSink = (event: CryptoEvent) => void;

/** Hands an event to a listener, if there is one. Never throws. */
export function emitSafely(sink: CryptoEventSink | undefined, event: CryptoEvent): void {
  try {
    sink?.(event);
  } catch {
    // Its own business.
  }
}

import type { Accepted, BackendName } from "./reasons.ts";

/**
 * A message that is accepted, and which key it was signed with. That is no part of what users see: a replay guard counts
 * by it, as one key may have certificates in several names, and anybody can put another one of them into a message.
 */
export class AcceptedMessage implements Accepted {
  readonly valid = true;
  readonly signer: string;
  readonly backend: BackendName;
  readonly #key: string;

  constructor(signer: string, backend: BackendName, key: string) {
    this.signer = signer;
    this.backend = backend;
    this.#key = key;
  }

  /** What tells the key apart from others; for a copy, which has lost it, the signer's name. */
  static keyOf(accepted: Accepted): string {
    return #key in accepted ? accepted.#key : accepted.signer;
  }
}

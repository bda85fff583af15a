/** One kind of signatures, and how a message says which kind it has. */

import type { MessageParts } from "./parts.ts";
import { type BackendName, clip, type Refusal, refuse } from "./reasons.ts";

/** The steps of a check, in their order. */
export const stepNames = [
  "parse",
  "backend",
  "credentials",
  "certificate",
  "chain",
  "validity",
  "crl",
  "signature",
  "policy",
] as const;

/** One of {@link stepNames}. */
export type StepName = (typeof stepNames)[number];

/** Hears of each step that went well. */
export type StepListener = (name: StepName, detail: string) => void;

/** Whose signature it is, or why none that counts. */
export type Verdict = { readonly signer: string } | Refusal;

/** Checks one kind of signatures; whether its signer may send the message is another question. */
export interface Backend {
  readonly name: BackendName;
  /**
   * @param now milliseconds since the epoch
   * @param passed hears of each step that went well; left out in the path of a message
   */
  check(parts: MessageParts, now: number, passed?: StepListener): Verdict | Promise<Verdict>;
  /** Reads again what a refusal may be due to, if that has changed. Whether checking again may give another answer. */
  recheck(): boolean;
  refresh(): Promise<void>;
  close(): void;
}

/** The kind of signature that a message has: what `crypto` says, and else what its credentials look like. */
export function backendOf(parts: MessageParts): BackendName | Refusal {
  const token = parts.token("crypto");
  if (token === '"x509"') return "x509";
  if (token === '"gpg"') return "gpg";
  if (token !== undefined) return refuse("backend-unknown", `crypto is ${clip(parts.text("crypto") ?? token)}`);
  if (parts.token("certificate") !== undefined) return "x509";
  return parts.token("signature") !== undefined ? "gpg" : refuse("unsigned");
}

/** One kind of signatures, and how a message says which kind it has. */

import type { Expiry } from "./expiry.ts";
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

/** Whose signature it is, or why none that counts. `key` tells keys apart, whatever names their certificates have. */
export type Verdict = { readonly signer: string; readonly key: string } | Refusal;

/** Checks one kind of signatures; whether its signer may send the message is another question. */
export interface Backend {
  readonly name: BackendName;
  /**
   * @param now milliseconds since the epoch
   * @param passed hears of each step that went well; left out in the path of a message
   */
  check(parts: MessageParts, now: number, passed?: StepListener): Verdict | Promise<Verdict>;
  /** What `check` will refuse in any case, as far as a parsed message shows it at no cost. Nothing where it may not. */
  glance(message: object): Refusal | undefined;
  /** Reads again what a refusal may be due to, if that has changed. Whether checking again may give another answer. */
  recheck(): boolean;
  refresh(): Promise<void>;
  /** What is in force, and until when. */
  certificates(): readonly Expiry[];
  close(): void;
}

/** The kind of signature that a message has: what `crypto` says, and else what its credentials look like. */
export function backendOf(parts: MessageParts): BackendName | Refusal {
  const crypto = parts.token("crypto") === undefined ? undefined : (parts.text("crypto") ?? null);
  return choose(crypto, (name) => parts.token(name) !== undefined);
}

/** The same for a parsed message. */
export function backendOfParsed(message: object): BackendName | Refusal {
  const crypto = Object.hasOwn(message, "crypto") ? (message as { readonly crypto?: unknown }).crypto : undefined;
  return choose(crypto, (name) => Object.hasOwn(message, name));
}

function choose(crypto: unknown, has: (name: "certificate" | "signature") => boolean): BackendName | Refusal {
  if (crypto === "x509" || crypto === "gpg") return crypto;
  if (crypto !== undefined) {
    return refuse("backend-unknown", `crypto is ${typeof crypto === "string" ? clip(crypto) : "no text"}`);
  }
  if (has("certificate")) return "x509";
  return has("signature") ? "gpg" : refuse("unsigned");
}

/** Who may send what (`fedmsg/crypto/utils.py`, `validate_policy`): topics are compared whole, and so are names. */

import type { Config } from "../config/index.ts";
import type { MessageParts } from "./parts.ts";
import { clip, type Refusal, refuse } from "./reasons.ts";

/** Decides about a message whose signature holds. */
export interface Policy {
  /** Nothing where the signer may send this message. */
  refusal(parts: MessageParts, signer: string): Refusal | undefined;
}

/** Compiles `routing_policy` and `routing_nitpicky`. How many topics are listed makes no difference to a message. */
export function compilePolicy(config: Pick<Config, "routing_policy" | "routing_nitpicky">): Policy {
  const nitpicky = config.routing_nitpicky;
  const signersOf = new Map(Object.entries(config.routing_policy).map(([topic, signers]) => [topic, new Set(signers)]));
  return {
    refusal(parts, signer) {
      const topic = parts.text("topic");
      const signers = topic === undefined ? undefined : signersOf.get(topic);
      if (signers) return signers.has(signer) ? undefined : refuseSigner(parts, signer);
      if (isCompound(parts.token("topic"))) return refuse("topic-malformed", "it is no text");
      return nitpicky ? refuse("topic-not-listed", describeTopic(parts)) : undefined;
    },
  };
}

/** Accepts one signer only, whatever the topic (`validate_signed_by`); a topic there must be. */
export function onlySigner(wanted: string): Policy {
  return {
    refusal(parts, signer) {
      const topic = parts.token("topic");
      if (topic === undefined || isCompound(topic)) return refuse("topic-malformed", describeTopic(parts));
      return signer === wanted ? undefined : refuseSigner(parts, signer);
    },
  };
}

/** A list or an object, which cannot be a key in Python. Numbers and null can be, but are never listed. */
function isCompound(token: string | undefined): boolean {
  return token?.startsWith("[") || token?.startsWith("{") || false;
}

function refuseSigner(parts: MessageParts, signer: string): Refusal {
  return refuse("signer-refused", `${clip(signer)} on ${describeTopic(parts)}`);
}

function describeTopic(parts: MessageParts): string {
  return clip(parts.text("topic") ?? parts.token("topic") ?? "no topic");
}

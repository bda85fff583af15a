/** Sub-path `fedmsg/crypto`: signatures of messages, and what they are worth. */

// For backends and buses.
export { type StepName, stepNames } from "./backend.ts";
// For users.
export { fixDatagrepperMessage } from "./datagrepper.ts";
export type { CredentialsEvent, CryptoEvent, CryptoEventSink, TrustEvent } from "./events.ts";
export type { Expiry } from "./expiry.ts";
export { messageKey, messageKeyBytes, messageKeyOf } from "./key.ts";
export { MessageParts, readParts, type SignedInput } from "./parts.ts";
export { onlySigner, type Policy } from "./policy.ts";
export {
  type Accepted,
  type BackendName,
  passingReasons,
  type Reason,
  type Refusal,
  type Validation,
  validationReasons,
} from "./reasons.ts";
export { createReplayGuard, type Freshness, type ReplayGuard, type ReplayGuardOptions } from "./replay-guard.ts";
export { createSigner, type Signer, type SignerOptions } from "./signer.ts";
export { stripCredentials } from "./strip.ts";
export { createValidator, type Step, type Validator, type ValidatorOptions } from "./validator.ts";

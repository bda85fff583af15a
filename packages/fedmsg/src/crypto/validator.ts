/**
 * Checks whose word a message is, and whether that signer may send it.
 *
 * ```
 *  parse → backend → credentials → certificate → chain → validity → crl → signature → policy
 *                    └──────────────── the backend's own steps ───────────────────┘
 * ```
 *
 * Every step gives a refusal or the next step; nothing throws, whatever arrives. Where a certificate is refused, the
 * files of the authority and its list are looked at once more, at most once a second: they may have been rotated a
 * moment ago (`fedmsg/crypto/x509_ng.py` reads them again, too).
 */

import type { Config } from "../config/index.ts";
import { AcceptedMessage } from "./accepted.ts";
import { type Backend, backendOf, backendOfParsed, type StepListener, type StepName, type Verdict } from "./backend.ts";
import type { CryptoEventSink } from "./events.ts";
import type { Expiry } from "./expiry.ts";
import { MessageParts, readParts, type SignedInput } from "./parts.ts";
import { compilePolicy, onlySigner, type Policy } from "./policy.ts";
import { type BackendName, clip, type Reason, type Refusal, refuse, type Validation, wordsOf } from "./reasons.ts";
import { TrustStore } from "./trust/store.ts";
import { X509Backend } from "./x509/backend.ts";

/** What {@link createValidator} may be told. */
export interface ValidatorOptions {
  /** Hears what becomes of the authority's certificate and of its list. Default: nobody does. */
  readonly onEvent?: CryptoEventSink | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Fetches what is configured as a URL. Default: the one of Node. */
  readonly fetch?: typeof fetch | undefined;
  /** Closes the validator, also while it still waits for a URL. */
  readonly signal?: AbortSignal | undefined;
}

/** One step of {@link Validator.explain}. */
export interface Step {
  readonly name: StepName;
  readonly ok: boolean;
  readonly detail: string;
}

/** Checks messages. Nothing in a message can make any of its methods throw. */
export interface Validator {
  /** Whose word the message is, or why it is nobody's. */
  validate(message: SignedInput): Promise<Validation>;
  /**
   * The same without waiting where that is possible, which it is for x509: for the path of a message.
   *
   * @param policy in place of the configuration's
   */
  check(message: SignedInput | MessageParts, policy?: Policy): Validation | Promise<Validation>;
  /**
   * What `check` will refuse, as far as that shows in what a parser made of the message: no credentials, or none that
   * could be any. Costs nothing, however long the message is; for whoever has parsed it anyway. Nothing where `check`
   * has to decide.
   */
  glance(message: object): Refusal | undefined;
  /** Whether the message was signed by that common name; `routing_policy` plays no part (`validate_signed_by`). */
  validateSignedBy(message: SignedInput, signer: string): Promise<Validation>;
  /**
   * Each step in its order, up to the one that failed.
   *
   * @param policy in place of the configuration's
   */
  explain(message: SignedInput, policy?: Policy): Promise<readonly Step[]>;
  /** Reads the authority's certificate and its list again now, from wherever they come (SIGHUP). Never rejects. */
  refresh(): Promise<void>;
  /** The authority's certificate and its list, as far as they are in force, and until when. */
  certificates(): readonly Expiry[];
  /** Stops looking at files and URLs. May be called twice. */
  close(): void;
}

/**
 * Makes a validator for a complete configuration (`ca_cert_location`, `crl_location`, `crypto_validate_backends`,
 * `routing_policy`, `routing_nitpicky`, `crl_warn`).
 *
 * It never rejects for what it finds: while the authority's certificate cannot be had, every message is refused with
 * `ca-unavailable`, an event tells why, and it is tried again. A location that is a URL is waited for, unless `*_cache`
 * holds what it said before.
 *
 * @example
 * ```ts
 * const validator = await createValidator(config, { onEvent: console.warn });
 * const result = await validator.validate(body);
 * if (result.valid) console.log(`${result.signer} says so`);
 * else console.warn(result.reason, result.detail);
 * ```
 */
export async function createValidator(config: Config, options: ValidatorOptions = {}): Promise<Validator> {
  const accepted = acceptedBackends(config);
  const backends: Backend[] = accepted.has("x509")
    ? [new X509Backend(await TrustStore.start(config, options), options.onEvent)]
    : [];
  return new ConfiguredValidator(accepted, backends, compilePolicy(config), options.now ?? Date.now);
}

/** An empty list stands for the one that signs. */
function acceptedBackends({ crypto_backend, crypto_validate_backends: listed }: Config): ReadonlySet<BackendName> {
  return new Set((listed.length > 0 ? listed : [crypto_backend]) as readonly BackendName[]);
}

class ConfiguredValidator implements Validator {
  readonly #accepted: ReadonlySet<BackendName>;
  readonly #backends: ReadonlyMap<BackendName, Backend>;
  readonly #policy: Policy;
  readonly #now: () => number;

  constructor(accepted: ReadonlySet<BackendName>, backends: readonly Backend[], policy: Policy, now: () => number) {
    this.#accepted = accepted;
    this.#backends = new Map(backends.map((backend) => [backend.name, backend]));
    this.#policy = policy;
    this.#now = now;
  }

  async validate(message: SignedInput): Promise<Validation> {
    return this.check(message);
  }

  async validateSignedBy(message: SignedInput, signer: string): Promise<Validation> {
    return this.check(message, onlySigner(signer));
  }

  check(message: SignedInput | MessageParts, policy = this.#policy): Validation | Promise<Validation> {
    try {
      return this.#check(message, policy);
    } catch (error) {
      return internal(error);
    }
  }

  glance(message: object): Refusal | undefined {
    const backend = this.#findBackend(backendOfParsed(message));
    return "reason" in backend ? backend : backend.glance(message);
  }

  async explain(message: SignedInput, policy = this.#policy): Promise<readonly Step[]> {
    const steps: Step[] = [];
    const passed: StepListener = (name, detail) => steps.push({ name, ok: true, detail });
    try {
      for (const backend of this.#backends.values()) backend.recheck();
      const result = await this.#check(message, policy, passed);
      if (!result.valid) steps.push({ name: failedStep[result.reason], ok: false, detail: result.detail });
    } catch (error) {
      steps.push({ name: "parse", ok: false, detail: internal(error).detail });
    }
    return steps;
  }

  async refresh(): Promise<void> {
    await Promise.all([...this.#backends.values()].map((backend) => backend.refresh()));
  }

  certificates(): readonly Expiry[] {
    return [...this.#backends.values()].flatMap((backend) => backend.certificates());
  }

  close(): void {
    for (const backend of this.#backends.values()) backend.close();
  }

  #check(message: SignedInput | MessageParts, policy: Policy, passed?: StepListener): Validation | Promise<Validation> {
    const parts = message instanceof MessageParts ? message : readParts(message);
    if (!(parts instanceof MessageParts)) return parts;
    passed?.("parse", `${parts.signed.length} characters of signed text`);
    const backend = this.#findBackend(backendOf(parts));
    if ("reason" in backend) return backend;
    passed?.("backend", backend.name);
    const conclude = (verdict: Verdict) => applyPolicy(verdict, parts, policy, backend.name, passed);
    const verdict = backend.check(parts, this.#now(), passed);
    if (verdict instanceof Promise) return verdict.then(conclude).catch(internal);
    // An explanation has written down its steps by now; it looks beforehand.
    if ("reason" in verdict && !passed && mayHaveRotated.has(verdict.reason) && backend.recheck()) {
      const again = backend.check(parts, this.#now());
      return again instanceof Promise ? again.then(conclude).catch(internal) : conclude(again);
    }
    return conclude(verdict);
  }

  #findBackend(name: BackendName | Refusal): Backend | Refusal {
    if (typeof name !== "string") return name;
    if (!this.#accepted.has(name)) return refuse("backend-refused", name);
    return this.#backends.get(name) ?? refuse("backend-unavailable", name);
  }
}

function applyPolicy(
  verdict: Verdict,
  parts: MessageParts,
  policy: Policy,
  backend: BackendName,
  passed: StepListener | undefined,
): Validation {
  if ("reason" in verdict) return verdict;
  const refusal = policy.refusal(parts, verdict.signer);
  if (refusal) return refusal;
  passed?.("policy", `${clip(verdict.signer)} may send on this topic`);
  return new AcceptedMessage(verdict.signer, backend, verdict.key);
}

function internal(error: unknown): Refusal {
  return refuse("internal", wordsOf(error));
}

/** What a file that was replaced a moment ago can put right. */
const mayHaveRotated: ReadonlySet<Reason> = new Set<Reason>([
  "ca-unavailable",
  "ca-not-yet-valid",
  "ca-expired",
  "certificate-untrusted",
  "certificate-revoked",
  "crl-unavailable",
  "crl-invalid",
  "crl-not-yet-valid",
  "crl-expired",
]);

/** The step that each reason stands for. */
const failedStep: Readonly<Record<Reason, StepName>> = {
  "bad-utf8": "parse",
  "not-json": "parse",
  "not-an-object": "parse",
  unsigned: "backend",
  "backend-unknown": "backend",
  "backend-refused": "backend",
  "backend-unavailable": "backend",
  "credentials-missing": "credentials",
  "credentials-malformed": "credentials",
  "certificate-malformed": "certificate",
  "no-common-name": "certificate",
  "certificate-untrusted": "chain",
  "ca-unavailable": "chain",
  "certificate-not-yet-valid": "validity",
  "certificate-expired": "validity",
  "ca-not-yet-valid": "validity",
  "ca-expired": "validity",
  "certificate-revoked": "crl",
  "crl-unavailable": "crl",
  "crl-invalid": "crl",
  "crl-not-yet-valid": "crl",
  "crl-expired": "crl",
  "signature-mismatch": "signature",
  "topic-malformed": "policy",
  "signer-refused": "policy",
  "topic-not-listed": "policy",
  "too-old": "policy",
  "too-new": "policy",
  "too-many": "policy",
  duplicate: "policy",
  internal: "parse",
};

/**
 * Whose word a message is, and whether that counts here: signature, policy, messages played again. One {@link Trust} for
 * each bus, made when it first subscribes; one {@link Judge} for each subscription, as each sees a message once.
 */

import type { Config } from "../config/index.ts";
import {
  type CryptoEventSink,
  createReplayGuard,
  createValidator,
  type Expiry,
  MessageParts,
  type Refusal,
  type ReplayGuard,
  type ReplayGuardOptions,
  readParts,
  type Validation,
  type Validator,
  validationReasons,
} from "../crypto/index.ts";
import type { Decoded } from "../wire/frames.ts";
import { compileTopics, type TopicMatcher } from "../wire/topic.ts";
import type { EventSink, RefusalReason } from "./status.ts";

/**
 * What is known about the sender of a message: `signed`, its signature holds; `unsigned`, it has none, and
 * `allow_unsigned` lets its topic through; `unchecked`, nobody looked (`validate_signatures` is false).
 */
export type TrustLevel = "signed" | "unsigned" | "unchecked";

/** What to do with a message. */
export type Judgement =
  | { readonly accepted: true; readonly trust: TrustLevel; readonly signer?: string }
  | { readonly accepted: false; readonly reason: RefusalReason; readonly detail: string };

type Valid = Extract<Decoded, { valid: true }>;

const unchecked: Judgement = { accepted: true, trust: "unchecked" };
const unsigned: Judgement = { accepted: true, trust: "unsigned" };

/** What the check of a message found, whoever asks; and what it was checked on. */
export interface Finding {
  readonly validation: Validation;
  /** Absent where a look was enough to refuse it. */
  readonly parts?: MessageParts;
}

/** Keeps what a check found, so that a message for several subscriptions is checked once. */
export interface Memo {
  finding: Finding | Promise<Finding> | undefined;
}

/** What a subscription wants otherwise than the configuration has it. */
export interface JudgeOptions {
  /** In place of `validate_signatures`. */
  readonly validateSignatures?: boolean | undefined;
  /** In place of `allow_unsigned`. */
  readonly allowUnsigned?: readonly string[] | undefined;
}

/** What the configuration trusts. */
export class Trust {
  readonly #config: Config;
  readonly #status: EventSink;
  readonly #signal: AbortSignal;
  #validator: Validator | undefined;
  #loading: Promise<Validator> | undefined;

  private constructor(config: Config, status: EventSink, signal: AbortSignal) {
    this.#config = config;
    this.#status = status;
    this.#signal = signal;
  }

  /**
   * Loads what `config` names. What cannot be loaded is told to `status` and tried again; messages are refused until then.
   *
   * @param signal closes it, also while it loads
   */
  static async open(config: Config, status: EventSink, signal: AbortSignal): Promise<Trust> {
    const trust = new Trust(config, status, signal);
    if (config.validate_signatures) await trust.#load();
    return trust;
  }

  /** Makes what judges the messages of one subscription. What it needs for that is loaded where it was not yet. */
  async createJudge(options: JudgeOptions = {}): Promise<Judge> {
    const { validate_signatures, allow_unsigned, replay_window } = this.#config;
    const validator = (options.validateSignatures ?? validate_signatures) ? await this.#load() : undefined;
    return new Judge(
      { allow_unsigned: options.allowUnsigned ?? allow_unsigned, replay_window },
      validator,
      this.#status,
    );
  }

  #load(): Promise<Validator> {
    const onEvent: CryptoEventSink = (event) => this.#status.emit(event);
    this.#loading ??= createValidator(this.#config, { onEvent, signal: this.#signal }).then((validator) => {
      this.#validator = validator;
      return validator;
    });
    return this.#loading;
  }

  /** Reads the certificate authority and the list of revoked certificates again. */
  async refresh(): Promise<void> {
    await this.#validator?.refresh();
  }

  /** What messages are held against, and until when it is valid. */
  certificates(): readonly Expiry[] {
    return this.#validator?.certificates() ?? [];
  }
}

/** Judges messages as they come. Never throws because of one. */
export class Judge {
  readonly #validator: Validator | undefined;
  readonly #mayBeUnsigned: TopicMatcher | undefined;
  readonly #guard: ReplayGuard | undefined;

  constructor(
    { allow_unsigned, replay_window }: { readonly allow_unsigned: readonly string[]; readonly replay_window: number },
    validator: Validator | undefined,
    status: EventSink,
  ) {
    this.#validator = validator;
    // An empty list of patterns would match everything.
    if (allow_unsigned.length > 0) this.#mayBeUnsigned = compileTopics(allow_unsigned);
    if (replay_window > 0) this.#guard = createReplayGuard({ windowSeconds: replay_window, ...guardEvents(status) });
  }

  /**
   * Judges one message. A promise comes back only where a check takes time. What is not signed by anybody is refused by
   * a look at what was parsed; what is, is rewritten only when its certificate is known to be the authority's.
   *
   * @param age `whenever` for what a journal was asked for: it may be of any age, and whoever asked knows what it has
   * @param memo where others, who have the same validator, find what this one found
   */
  judge(message: Valid, age: "recent" | "whenever" = "recent", memo?: Memo): Judgement | Promise<Judgement> {
    if (!this.#validator) return unchecked;
    const finding = memo?.finding ?? find(this.#validator, message);
    if (memo && !memo.finding) keep(memo, finding);
    if (finding instanceof Promise) return finding.then((found) => this.#conclude(found, message.topic, age));
    return this.#conclude(finding, message.topic, age);
  }

  #conclude({ validation, parts }: Finding, topic: string, age: "recent" | "whenever"): Judgement {
    if (!validation.valid) return this.#refuse(validation, topic);
    const guard = age === "recent" ? this.#guard : undefined; // What was asked for need not be new.
    const freshness = (parts && guard?.admit(parts, validation)) ?? "fresh";
    if (freshness === "fresh") return { accepted: true, trust: "signed", signer: validation.signer };
    return { accepted: false, reason: freshness, detail: validationReasons[freshness] };
  }

  #refuse({ reason, detail }: Refusal, topic: string): Judgement {
    if (reason === "unsigned" && this.#mayBeUnsigned?.matches(topic)) return unsigned;
    return { accepted: false, reason, detail };
  }
}

function find(validator: Validator, { message, body }: Valid): Finding | Promise<Finding> {
  const hopeless = validator.glance(message);
  if (hopeless) return { validation: hopeless };
  const parts = readParts(body, message);
  if (!(parts instanceof MessageParts)) return { validation: parts };
  const validation = validator.check(parts);
  if (validation instanceof Promise) return validation.then((result) => ({ validation: result, parts }));
  return { validation, parts };
}

/** A check that took time is there at once for those who ask later. */
function keep(memo: Memo, finding: Finding | Promise<Finding>): void {
  memo.finding = finding;
  if (!(finding instanceof Promise)) return;
  const keepFound = (found: Finding) => {
    memo.finding = found;
  };
  finding.then(keepFound, () => {}); // Whoever waits for it hears of a failure.
}

/** What a guard tells, as warnings of the bus. */
export function guardEvents(status: EventSink): Pick<ReplayGuardOptions, "onShrink" | "onClockBehind"> {
  const warn = (detail: string) => status.emit({ type: "warning", name: "replay_window", detail });
  return {
    onShrink: (seconds, signer) => {
      const whose = signer ? `of ${JSON.stringify(signer.slice(0, 100))}, who sends more than all others, ` : "";
      const kept = `only ${Math.max(0, seconds)} s back`;
      warn(`there are too many messages to remember: those ${whose}are accepted ${kept}, later ones are too old`);
    },
    onClockBehind: (seconds) =>
      warn(`this machine's clock is ${seconds} s behind what was accepted: messages are too old until it comes after`),
  };
}

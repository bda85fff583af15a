/**
 * Whose word a message is, and whether that counts here: signature, policy, messages played again. One {@link Trust} for
 * each bus, made when it first subscribes; one {@link Judge} for each subscription, as each sees a message once.
 */

import type { Config } from "../config/index.ts";
import {
  type CryptoEventSink,
  createReplayGuard,
  createValidator,
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

/** What the configuration trusts. */
export class Trust {
  readonly #config: Config;
  readonly #validator: Validator | undefined;
  readonly #status: EventSink;

  private constructor(config: Config, validator: Validator | undefined, status: EventSink) {
    this.#config = config;
    this.#validator = validator;
    this.#status = status;
  }

  /**
   * Loads what `config` names. What cannot be loaded is told to `status` and tried again; messages are refused until then.
   *
   * @param signal closes it, also while it loads
   */
  static async open(config: Config, status: EventSink, signal: AbortSignal): Promise<Trust> {
    if (!config.validate_signatures) return new Trust(config, undefined, status);
    const onEvent: CryptoEventSink = (event) => status.emit(event);
    return new Trust(config, await createValidator(config, { onEvent, signal }), status);
  }

  /** Makes what judges the messages of one subscription. */
  createJudge(): Judge {
    return new Judge(this.#config, this.#validator, this.#status);
  }

  /** Reads the certificate authority and the list of revoked certificates again. */
  async refresh(): Promise<void> {
    await this.#validator?.refresh();
  }
}

/** Judges messages as they come. Never throws because of one. */
export class Judge {
  readonly #validator: Validator | undefined;
  readonly #mayBeUnsigned: TopicMatcher | undefined;
  readonly #guard: ReplayGuard | undefined;

  constructor({ allow_unsigned, replay_window }: Config, validator: Validator | undefined, status: EventSink) {
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
   */
  judge({ topic, message, body }: Valid, age: "recent" | "whenever" = "recent"): Judgement | Promise<Judgement> {
    if (!this.#validator) return unchecked;
    const hopeless = this.#validator.glance(message);
    if (hopeless) return this.#refuse(hopeless, topic);
    const parts = readParts(body, message);
    if (!(parts instanceof MessageParts)) return { accepted: false, reason: parts.reason, detail: parts.detail };
    const validation = this.#validator.check(parts);
    const guarded = age === "recent" ? parts : undefined;
    if (validation instanceof Promise) return validation.then((result) => this.#conclude(result, topic, guarded));
    return this.#conclude(validation, topic, guarded);
  }

  /** @param guarded what must be new */
  #conclude(validation: Validation, topic: string, guarded: MessageParts | undefined): Judgement {
    if (!validation.valid) return this.#refuse(validation, topic);
    const freshness = (guarded && this.#guard?.admit(guarded, validation)) ?? "fresh";
    if (freshness === "fresh") return { accepted: true, trust: "signed", signer: validation.signer };
    return { accepted: false, reason: freshness, detail: validationReasons[freshness] };
  }

  #refuse({ reason, detail }: Refusal, topic: string): Judgement {
    if (reason === "unsigned" && this.#mayBeUnsigned?.matches(topic)) return unsigned;
    return { accepted: false, reason, detail };
  }
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

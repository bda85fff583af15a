/**
 * Whose word a message is, and whether that counts here: signature, policy, messages played again. One {@link Trust} for
 * each bus, made when it first subscribes; one {@link Judge} for each subscription, as each sees a message once.
 */

import type { Config } from "../config/index.ts";
import {
  createReplayGuard,
  createValidator,
  MessageParts,
  type ReplayGuard,
  readParts,
  type Validation,
  type Validator,
  validationReasons,
} from "../crypto/index.ts";
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

const unchecked: Judgement = { accepted: true, trust: "unchecked" };
const unsigned: Judgement = { accepted: true, trust: "unsigned" };

/** What the configuration trusts. */
export class Trust {
  readonly #config: Config;
  readonly #validator: Validator | undefined;

  private constructor(config: Config, validator: Validator | undefined) {
    this.#config = config;
    this.#validator = validator;
  }

  /**
   * Loads what `config` names. What cannot be loaded is told to `status` and tried again; messages are refused until then.
   *
   * @param signal closes it, also while it loads
   */
  static async open(config: Config, status: EventSink, signal: AbortSignal): Promise<Trust> {
    if (!config.validate_signatures) return new Trust(config, undefined);
    return new Trust(config, await createValidator(config, { onEvent: (event) => status.emit(event), signal }));
  }

  /** Makes what judges the messages of one subscription. */
  createJudge(): Judge {
    return new Judge(this.#config, this.#validator);
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

  constructor({ allow_unsigned, replay_window }: Config, validator: Validator | undefined) {
    this.#validator = validator;
    // An empty list of patterns would match everything.
    if (allow_unsigned.length > 0) this.#mayBeUnsigned = compileTopics(allow_unsigned);
    if (replay_window > 0) this.#guard = createReplayGuard({ windowSeconds: replay_window });
  }

  /**
   * Judges one message. A promise comes back only where a check takes time.
   *
   * @param topic what its frame says, and its body
   */
  judge(topic: string, body: Uint8Array): Judgement | Promise<Judgement> {
    if (!this.#validator) return unchecked;
    const parts = readParts(body);
    if (!(parts instanceof MessageParts)) return { accepted: false, reason: parts.reason, detail: parts.detail };
    const validation = this.#validator.check(parts);
    if (validation instanceof Promise) return validation.then((result) => this.#conclude(result, topic, parts));
    return this.#conclude(validation, topic, parts);
  }

  #conclude(validation: Validation, topic: string, parts: MessageParts): Judgement {
    if (!validation.valid) {
      if (validation.reason === "unsigned" && this.#mayBeUnsigned?.matches(topic)) return unsigned;
      return { accepted: false, reason: validation.reason, detail: validation.detail };
    }
    const freshness = this.#guard?.admit(parts) ?? "fresh";
    if (freshness === "fresh") return { accepted: true, trust: "signed", signer: validation.signer };
    return { accepted: false, reason: freshness, detail: validationReasons[freshness] };
  }
}

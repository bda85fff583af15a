import { loginName } from "../config/environment.ts";
import type { Config } from "../config/index.ts";
import { messageKey, messageKeyBytes, messageKeyOf, type Signer } from "../crypto/index.ts";
import { FedmsgError } from "../errors.ts";
import { heartbeatPrefix } from "../replay/heartbeat.ts";
import type { Kept } from "../replay/journalled.ts";
import type { Frames } from "../transport/transport.ts";
import { createEnvelope, encodeEnvelope, encodeMessage, type Message } from "../wire/envelope.ts";
import { topicBytesMax } from "../wire/frames.ts";
import { buildTopic } from "../wire/topic.ts";
import { excessiveMemory } from "../wire/weight.ts";
import { createUuid } from "./uuid.ts";

/** What to publish. */
export interface PublishOptions {
  /** What happened, for instance `receive`. Default `unspecified`. */
  readonly topic?: string;
  /** The service that speaks. Default: the package nearest to the caller of `connect()`. */
  readonly modname?: string;
  /** What there is to say: anything that `dumps` can write. Empty values become `{}`. */
  readonly msg?: unknown;
  /** Called with the finished message, before it is written; may change it in place. */
  readonly pre_fire_hook?: (message: { -readonly [K in keyof Message]: Message[K] }) => void;
  /** Gives up waiting. A message that was sent already stays sent. */
  readonly signal?: AbortSignal;
}

/** A message, and how it goes over the wire. */
export interface Written {
  readonly message: Message;
  readonly frames: Frames;
}

/** A topic, and what it was made of. */
interface Named {
  readonly modname: string;
  readonly topicPart: string;
  readonly topic: string;
  readonly frame: Uint8Array;
}

/** Turns what a caller publishes into frames: the envelope, the caller's hook, the signature, and the bounds. */
export class MessageWriter {
  /** Signs what is written from now on. Default: nobody does. */
  signer: Signer | undefined;
  readonly #config: Config;
  readonly #modname: string;
  readonly #username = loginName();
  #i = 0;
  #last: Named | undefined;

  /** @param modname the service that speaks, where a caller names none */
  constructor(config: Config, modname: string) {
    this.#config = config;
    this.#modname = modname;
  }

  /**
   * Runs without a pause, so that messages leave in the order of the calls.
   *
   * @param position its place in the journal, if there is one: the message's `seq_id`
   * @throws FedmsgError FEDMSG_ENCODE, FEDMSG_TOO_LARGE
   */
  write(options: PublishOptions, position?: number): Written {
    const named = this.#name(options.modname ?? this.#modname, options.topic ?? "unspecified");
    const message = this.#envelope(named.topic, options.msg, position);
    options.pre_fire_hook?.(message);
    const body = this.#encode(message, options.pre_fire_hook !== undefined);
    const frame = message.topic === named.topic ? named.frame : toTopicFrame(message.topic); // The hook may change it.
    this.#i++;
    return { message, frames: [frame, body] };
  }

  /**
   * As {@link write}, for a journal.
   *
   * @param position its place there, which becomes the message's `seq_id`
   */
  writeKept(options: PublishOptions, position: number): Written & Kept {
    const { message, frames } = this.write(options, position);
    const body = frames[1] as Uint8Array;
    const { topic, msg_id: id } = message;
    // What is signed says so only in its text.
    const key = this.signer ? messageKey(body) : messageKeyOf(message, body);
    const msgId = typeof id === "string" ? id : "";
    return { message, frames, topic, msgId, body, key: key ?? new Uint8Array(messageKeyBytes) };
  }

  /** A heartbeat: an ordinary message, whose topic is as it is given, and which is not counted. */
  writeHeartbeat(topic: string, msg: unknown): Frames {
    return [Buffer.from(topic), this.#toBody(this.#envelope(topic, msg), false)];
  }

  #envelope(topic: string, msg: unknown, position?: number): Message {
    const i = this.#i + 1;
    return createEnvelope({ topic, msg, nowMs: Date.now(), uuid: createUuid(), i, username: this.#username, position });
  }

  #encode(message: Message, isChanged: boolean): Uint8Array {
    const { bodyBytesMax } = this.#config;
    const body = this.#toBody(message, isChanged);
    if (body.byteLength > bodyBytesMax) {
      throw new FedmsgError(
        "FEDMSG_TOO_LARGE",
        `the body of ${message.topic.slice(0, 200)} is ${body.byteLength} bytes long, bodyBytesMax is ${bodyBytesMax}`,
      );
    }
    if (excessiveMemory(body, bodyBytesMax) !== undefined) {
      const what = `${message.topic.slice(0, 200)} has so many values in ${body.byteLength} bytes`;
      throw new FedmsgError(
        "FEDMSG_TOO_LARGE",
        `${what} that no subscriber reads it (too-many-values); send less at a time`,
      );
    }
    return body;
  }

  /** @param isChanged whether it may be another than the envelope that we made */
  #toBody(message: Message, isChanged: boolean): Uint8Array {
    const encode = isChanged ? encodeMessage : encodeEnvelope;
    const text = this.signer ? this.signer.encodeSigned(message) : encode(message);
    return Buffer.from(text, "latin1"); // It is ASCII.
  }

  /** The whole topic. Most messages have that of the one before. */
  #name(modname: string, topic: string): Named {
    const last = this.#last;
    if (last?.modname === modname && last.topicPart === topic) return last;
    const { topic_prefix: prefix, environment } = this.#config;
    topicPart(modname, "modname");
    topicPart(topic, "topic");
    const whole = buildTopic({ prefix, environment, modname, topic });
    this.#last = { modname, topicPart: topic, topic: whole, frame: toTopicFrame(whole) };
    return this.#last;
  }
}

function toTopicFrame(topic: string): Uint8Array {
  const frame = Buffer.from(topicPart(topic, "topic"), "utf8");
  if (topic.startsWith(heartbeatPrefix)) {
    throw new FedmsgError("FEDMSG_ENCODE", `topic: begins with ${heartbeatPrefix}, as those of heartbeats do`);
  }
  if (frame.byteLength <= topicBytesMax) return frame;
  throw new FedmsgError("FEDMSG_ENCODE", `topic: ${frame.byteLength} bytes long, at most ${topicBytesMax} are allowed`);
}

/** A topic must survive as UTF-8 in the first frame and as text in the second. */
function topicPart(part: unknown, what: string): string {
  if (typeof part !== "string" || part === "") {
    throw new FedmsgError(
      "FEDMSG_ENCODE",
      `${what}: found ${part === "" ? "an empty text" : typeof part}, expected a text`,
    );
  }
  if (!part.isWellFormed()) throw new FedmsgError("FEDMSG_ENCODE", `${what}: contains half of a surrogate pair`);
  return part;
}

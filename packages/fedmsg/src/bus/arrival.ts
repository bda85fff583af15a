import { messageKeyOf } from "../crypto/index.ts";
import type { Heartbeat } from "../replay/heartbeat.ts";
import { type Frames, framesByteLength } from "../transport/transport.ts";
import { type Decoded, decodeMessage } from "../wire/frames.ts";
import { weightOf } from "../wire/weight.ts";
import { isHeartbeat, readHeartbeat } from "./following.ts";
import type { RefusalReason } from "./status.ts";
import type { Finding } from "./trust.ts";

/** Where a message came from. */
export interface Origin {
  /** The key of the configuration that its address is listed under. */
  readonly name: string;
  readonly endpoint: string;
}

/** A message that could be read. */
export type Valid = Extract<Decoded, { valid: true }>;

/**
 * A message as it came by itself. What is to be known about it is found out when somebody asks, and once, however many
 * subscriptions it is for. Nothing in it can make any of this throw.
 */
export class Arrival implements Origin {
  readonly name: string;
  readonly endpoint: string;
  readonly isHeartbeat: boolean;
  /** What the check of its signature found. */
  finding: Finding | Promise<Finding> | undefined;
  #frames: Frames;
  readonly #bodyBytesMax: number;
  #decoded: Decoded | undefined;
  #heartbeat: Heartbeat | null | undefined;
  #key: string | undefined;
  #told: Set<RefusalReason> | undefined;
  #weight: number | undefined;

  /** @param bodyBytesMax how long its body may be */
  constructor(frames: Frames, { name, endpoint }: Origin, bodyBytesMax: number) {
    this.name = name;
    this.endpoint = endpoint;
    this.#frames = frames;
    this.#bodyBytesMax = bodyBytesMax;
    this.isHeartbeat = frames.length > 1 && isHeartbeat(frames[0] as Uint8Array);
  }

  get bytes(): number {
    return framesByteLength(this.#frames);
  }

  /** The memory that it lies in, perhaps with others. */
  get buffer(): ArrayBufferLike {
    return (this.#frames[1] as Uint8Array).buffer;
  }

  /** Gives it memory of its own. */
  detach(): void {
    const own = Buffer.allocUnsafeSlow(this.bytes);
    let at = 0;
    this.#frames = this.#frames.map((frame) => {
      own.set(frame, at);
      at += frame.byteLength;
      return own.subarray(at - frame.byteLength, at);
    });
    if (this.#decoded?.valid) this.#decoded = { ...this.#decoded, body: this.#frames[1] as Uint8Array };
  }

  /** What it counts in queues, in bytes. */
  get weight(): number {
    this.#weight ??= weightOf(this.#frames[1] as Uint8Array);
    return this.#weight;
  }

  get decoded(): Decoded {
    this.#decoded ??= decodeMessage(this.#frames, this.#bodyBytesMax);
    return this.#decoded;
  }

  /** What it says as a heartbeat, where it is one. */
  get heartbeat(): Heartbeat | undefined {
    const [topic, body] = this.#frames;
    if (this.#heartbeat === undefined && this.isHeartbeat) {
      this.#heartbeat = readHeartbeat(topic as Uint8Array, body as Uint8Array) ?? null;
    }
    return this.#heartbeat ?? undefined;
  }

  /** Its key, as the ledger has keys. Only of one that could be read. */
  get key(): string {
    this.#key ??= toKey(this.decoded as Valid);
    return this.#key;
  }

  /** Whether this is the first time that it is refused for that. */
  noteRefused(reason: RefusalReason): boolean {
    this.#told ??= new Set();
    if (this.#told.has(reason)) return false;
    this.#told.add(reason);
    return true;
  }
}

/** The key of a message, as the ledger has keys. */
export function toKey({ message, body }: Pick<Valid, "message" | "body">): string {
  const key = messageKeyOf(message, body);
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

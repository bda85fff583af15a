/** What a relay that confirms knows of a connection, and of a message that is on its way into the journal. */

import { type Frames, framesByteLength } from "../transport/transport.ts";
import { ConfirmLine } from "./confirm-router.ts";
import type { Kept } from "./journalled.ts";
import { keyText } from "./known-keys.ts";

/** A connection, and where it is. */
export class Line extends ConfirmLine {
  /** The number that is taken next. */
  expected = 1;
  /** The number that comes next, unless one that was refused comes again. */
  coming = 1;
  /** How often it was refused something: what it sent before the last time is not taken any more. */
  refusals = 0;
  /** Messages that are taken, and not answered. */
  inHand = 0;
  bytes = 0;
  resume: (() => void) | undefined;
}

/** Who waits for an answer. */
export interface Waiter {
  readonly line: Line;
  readonly n: number;
}

/** A message that is on its way into the journal. A class, as a relay makes one for each. */
export class Item implements Kept, Waiter {
  readonly frames: Frames;
  readonly topic: string;
  readonly msgId: string;
  readonly body: Uint8Array;
  readonly key: Uint8Array;
  readonly keyText: string;
  /** The key that it came with, where that is another. */
  readonly cameAs: string;
  readonly line: Line;
  readonly n: number;
  readonly bytes: number;
  readonly #refusals: number;
  /** Those who sent the same message meanwhile. */
  others: Waiter[] | undefined;

  constructor({ frames, topic, msgId, body, key }: Kept, keyText: string, cameAs: string, line: Line, n: number) {
    this.frames = frames;
    this.topic = topic;
    this.msgId = msgId;
    this.body = body;
    this.key = key;
    this.keyText = keyText;
    this.cameAs = cameAs;
    this.line = line;
    this.n = n;
    this.bytes = framesByteLength(frames);
    this.#refusals = line.refusals;
  }

  /** Whether something before it was refused since it came. */
  get isPassedOver(): boolean {
    return this.#refusals !== this.line.refusals;
  }
}

/** The key of a message, as it is looked up. */
export function keyOf(kept: Kept): string {
  return kept instanceof Item ? kept.keyText : keyText(kept.key);
}

/** What a relay that confirms knows of a connection, and of a message that is on its way into the journal. */

import { type Frames, framesByteLength } from "../transport/transport.ts";
import { ConfirmLine } from "./confirm-router.ts";
import type { Kept } from "./journalled.ts";
import { knownAs } from "./known-keys.ts";

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
  /** What it is known by, */
  readonly knownAs: string;
  /** and what as it came, where that is something else. */
  readonly cameAs: string;
  readonly line: Line;
  readonly n: number;
  readonly bytes: number;
  readonly #refusals: number;
  /** Those who sent the same message meanwhile. */
  others: Waiter[] | undefined;

  constructor({ frames, topic, msgId, body, key }: Kept, knownAs: string, cameAs: string, line: Line, n: number) {
    this.frames = frames;
    this.topic = topic;
    this.msgId = msgId;
    this.body = body;
    this.key = key;
    this.knownAs = knownAs;
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

/** What a message is looked up by. */
export function nameOf(kept: Kept): string {
  return kept instanceof Item ? kept.knownAs : knownAs(kept);
}

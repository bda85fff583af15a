/** What a hub knows of what runs in it: filled in by the runners, read by whoever monitors. All counts only grow. */

/** One consumer. */
export interface ConsumerStats {
  readonly name: string;
  /** The module as the configuration names it; what comes with the hub has the name of Python's. */
  readonly module: string;
  /** What it is subscribed to. */
  readonly topics: readonly string[];
  /** Its `start` has run, and it takes messages. */
  readonly isRunning: boolean;
  /** Whether messages are decoded for it (`jsonify`). */
  readonly isDecoded: boolean;
  /** Messages that were given to it, tries of the same message not counted. */
  readonly received: number;
  /** Messages that are done with: handled, or dead letters. */
  readonly done: number;
  /** Attempts that failed, those that took too long included. */
  readonly failures: number;
  /** Attempts that took too long. */
  readonly timeouts: number;
  /** Attempts that were not the first. */
  readonly retries: number;
  readonly deadLetters: number;
  /** Tries to write a dead letter that failed: there is no room, or the disk refused. None is given up while the hub runs. */
  readonly letterFailures: number;
  /** Messages that were let go at its end, and come again at the next start. */
  readonly released: number;
  /** Messages that it missed live because it did not keep up; a durable one fetches them. */
  readonly dropped: number;
  /** Messages that were fetched from journals. */
  readonly replayed: number;
  /** Messages that cannot be had any more, as far as is known; a gap whose size is unknown counts as one. */
  readonly gaps: number;
  /** Messages that wait to be worked on. */
  readonly waiting: number;
  /** Messages that are being worked on. */
  readonly inHand: number;
  /** Messages that failed, and wait to be tried again, those included whose dead letters cannot be written. */
  readonly retrying: number;
  /** Messages that failed as often as they may, and whose dead letters are not written yet. */
  readonly unwritten: number;
  /** Seconds since the oldest message that waits or is in hand was published; 0 where there is none. */
  readonly lagSeconds: number;
  /** Seconds that all attempts took together. */
  readonly busySeconds: number;
  /** Seconds that the newest attempts took, since the call before: at most 1024. */
  takeTimes(): readonly number[];
}

/** One producer. */
export interface ProducerStats {
  readonly name: string;
  readonly module: string;
  readonly isRunning: boolean;
  readonly polls: number;
  readonly failures: number;
  /** Seconds from one poll to the next; `undefined` where cron says when. */
  readonly every: number | undefined;
  /** Whether it was polled at the start, too. */
  readonly now: boolean;
  /** When the last poll began, in seconds since the epoch; 0 before the first. */
  readonly lastRanAt: number;
}

/** The hub. */
export interface HubStats {
  readonly startedAt: number;
  readonly consumers: readonly ConsumerStats[];
  readonly producers: readonly ProducerStats[];
  /** Messages that were refused, by reason, all consumers together. */
  readonly invalid: Readonly<Record<string, number>>;
  readonly duplicates: number;
  readonly published: number;
  /** Plugins that could not be loaded or started: what is wrong with each. */
  readonly failures: readonly string[];
}

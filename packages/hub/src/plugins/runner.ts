import type { ConsumerStats } from "../stats.ts";

/** What a hub does with a plugin that takes messages, whatever kind it is. */
export interface Runner {
  readonly name: string;
  /** As the configuration names it. */
  readonly module: string;
  /** Begins; once. Rejects where it cannot run. */
  start(): Promise<void>;
  /** Called every second. */
  tick(): void;
  /** Reads keys and certificates again (SIGHUP). Never rejects. */
  refresh(): Promise<void>;
  /**
   * Takes nothing new, finishes what is there until the signal of its `PluginContext` fires, and ends. Idempotent; never
   * rejects.
   */
  drain(): Promise<void>;
  stats(): ConsumerStats;
  /** What keeps it from its work at the moment. */
  problems?(): readonly string[];
}

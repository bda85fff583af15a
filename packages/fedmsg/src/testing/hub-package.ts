/** The one place that loads `@fedmsg/hub`, an optional peer: it imports this package, so a compiler must not follow. */

import type { StatusEvent } from "../bus/status.ts";
import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { ConsumerDefinition } from "../plugins/consumer.ts";
import type { ProducerDefinition } from "../plugins/producer.ts";
import type { SqlValue } from "../replay/cursors.ts";
import type { Transport } from "../transport/transport.ts";
import type { KeptLog } from "./kept-log.ts";
import { describeThrown } from "./show.ts";

/** What a consumer did so far. All counts only grow. */
export interface RunStats {
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
}

/** A hub, as far as it is used here. */
export interface RunningHub {
  stats(): { readonly consumers: readonly RunStats[]; readonly failures: readonly string[] };
  drain(deadlineMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** What to run, and where. */
export interface TestHubOptions {
  readonly config: Config;
  readonly transport: Transport;
  readonly log: KeptLog;
  readonly consumers?: readonly ConsumerDefinition[];
  readonly producers?: readonly ProducerDefinition[];
  readonly onEvent?: (event: StatusEvent) => void;
}

/** What is used of `@fedmsg/hub`. */
interface HubPackage {
  startHub(options: TestHubOptions & { readonly monitoring: "none" }): Promise<RunningHub>;
}

/**
 * Starts a hub.
 *
 * @throws FedmsgError FEDMSG_UNSUPPORTED where `@fedmsg/hub` is not installed; what `startHub` throws, with what it logged
 */
export async function startTestHub(options: TestHubOptions): Promise<RunningHub> {
  const { startHub } = await load<HubPackage>("@fedmsg/hub", "running a consumer or producer in a test");
  try {
    return await startHub({ ...options, monitoring: "none" });
  } catch (error) {
    const { code, message } = FedmsgError.from(error);
    const told = options.log.lines.filter((line) => line.startsWith("error: ")).slice(-5);
    throw new FedmsgError(code, [message, ...told].join("\n  "), { cause: error });
  }
}

/** What is used of `@fedmsg/store`, which `@fedmsg/hub` brings. */
interface QueryPackage {
  queryCursors(path: string, sql: string, values: readonly SqlValue[]): Promise<Record<string, SqlValue>[]>;
}

/** Loads it. @throws FedmsgError FEDMSG_UNSUPPORTED where it is not installed */
export function importQuery(): Promise<QueryPackage> {
  return load<QueryPackage>("@fedmsg/store", "reading a consumer's database");
}

async function load<Module>(name: string, what: string): Promise<Module> {
  try {
    return (await import(name)) as Module;
  } catch (cause) {
    const found = `${what} needs the package ${name}, which cannot be loaded (${describeThrown(cause)})`;
    const detail = `${found}; where it is not installed: npm install --save-dev ${name}`;
    throw new FedmsgError("FEDMSG_UNSUPPORTED", detail, { cause });
  }
}

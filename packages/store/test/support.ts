/** Journals in folders that are removed when the test is over, and writers in processes of their own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { tempFolder } from "@fedmsg/testkit";
import { FedmsgError } from "fedmsg";
import type { Journal, NewEntry } from "fedmsg/plugin";
import { afterEach } from "vitest";
import type { Failure, JournalEvent } from "../src/index.ts";

const children = new Set<ChildProcess>();

afterEach(async () => {
  for (const child of children) await kill(child);
});

/** A path in a new folder, where nothing is yet. */
export function tempFile(name = "journal.db"): string {
  return join(tempFolder(), name);
}

/** An entry that says its position in 500 bytes. */
export function sample(position: number, topic = "org.test.store.sample"): NewEntry {
  const body = Buffer.alloc(500, ".");
  body.write(`{"i":${position},`);
  return { topic, msgId: `2026-${position}`, body };
}

/** Appends so many samples. */
export async function append(journal: Journal, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => journal.append(sample)));
}

/** How a letter failed once more. */
export function failure(error: string, attempts: number, failedAtMs = 0): Failure {
  return { error, attempts, failedAtMs };
}

/** Every position that the journal serves, page by page. */
export function served(journal: Pick<Journal, "page">): number[] {
  const positions: number[] = [];
  for (let after = 0; ; ) {
    const { entries, through } = journal.page({ after, limit: 1000, bytesMax: 1e9 });
    if (through === after) return positions;
    for (const { position } of entries) positions.push(position);
    after = through;
  }
}

/** Keeps events, and answers with their types. */
export class Heard {
  readonly events: JournalEvent[] = [];
  readonly onEvent = (event: JournalEvent): void => {
    this.events.push(event);
  };

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** The first event of a type. */
  of<T extends JournalEvent["type"]>(type: T): Extract<JournalEvent, { type: T }> | undefined {
    return this.events.find((event): event is Extract<JournalEvent, { type: T }> => event.type === type);
  }
}

/** The error FEDMSG_JOURNAL that something ends with. */
export async function refusal(promise: Promise<unknown>): Promise<FedmsgError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FedmsgError && error.code === "FEDMSG_JOURNAL") return error;
  throw new Error("a refusal was expected", { cause: error });
}

/** A process that runs one of the programs in `programs/` on what `npm run build` wrote; what it prints, line by line. */
export class Child {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`programs/${program}`, import.meta.url));
    this.process = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    children.add(this.process);
    const { stdout } = this.process;
    this.#lines = createInterface({ input: stdout as NonNullable<typeof stdout> })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const step = await this.#lines.next();
    if (step.done) throw new Error("the program ended before it said what was wanted");
    return step.value;
  }

  /** Everything else that it said before its end. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let step = await this.#lines.next(); !step.done; step = await this.#lines.next()) lines.push(step.value);
    return lines;
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    await kill(this.process);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

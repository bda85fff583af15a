/** A consumer with a status file and a history, for tests; it can be opened again and again. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempFolder, testConfig, withTimeout } from "@fedmsg/testkit";
import { afterEach } from "vitest";
import { type Backlog, type BacklogOptions, openBacklog } from "../src/backlog/backlog.ts";
import type { Noted } from "../src/backlog/progress.ts";
import { HistoryServer, rowOf } from "./history-server.ts";

const open = new Set<Backlog>();
export const nowSeconds = Math.floor(Date.now() / 1000);

afterEach(async () => {
  for (const backlog of open) await backlog.close();
  open.clear();
});

/** A consumer that can be opened again and again: its folder, and its history. */
export class Place implements AsyncDisposable {
  readonly folder = tempFolder();
  readonly warnings: string[] = [];
  readonly server: HistoryServer;
  readonly path: string;

  constructor(server: HistoryServer) {
    this.server = server;
    this.path = join(this.folder, "fedmsg-hub", "builds");
  }

  async open(config: object = {}, options: Partial<BacklogOptions> = {}): Promise<Backlog> {
    const backlog = await openBacklog({
      config: testConfig({ status_directory: this.folder, datagrepper_url: this.server.url, ...config }),
      consumer: { name: "builds" },
      ...{ processName: "fedmsg-hub", topics: ["org.test.prod.git."], signal: new AbortController().signal },
      onWarning: (detail) => this.warnings.push(detail),
      fetching: { settleMs: 0, pauses: { firstMs: 1, mostMs: 4 } },
      ...options,
    });
    open.add(backlog as Backlog);
    return backlog as Backlog;
  }

  /** As Python wrote it. */
  write(status: "pre" | "post", n: number, timestamp: number, body: (text: string) => unknown = JSON.parse): void {
    mkdirSync(dirname(this.path), { recursive: true });
    const { source_name: _, source_version: __, headers: ___, ...message } = rowOf(n, timestamp);
    const written = body(JSON.stringify(message));
    writeFileSync(this.path, JSON.stringify({ message: { body: written, topic: message.topic }, status }));
  }

  read(): { message: { topic: string; body: { i: number } }; status: string; since: number; in_hand: number } {
    return JSON.parse(readFileSync(this.path, "utf8"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backlog of open) await backlog.close();
    await this.server[Symbol.asyncDispose]();
  }
}

export async function placeWith(...numbers: readonly number[]): Promise<Place> {
  return new Place(await HistoryServer.start(numbers.map((n) => rowOf(n, nowSeconds - 1000 + n))));
}

/** A live message. */
export function live(n: number, timestamp: unknown = nowSeconds): Noted {
  const message = { i: n, msg: {}, msg_id: `2026-${n}`, timestamp, topic: "org.test.prod.git.push" };
  return { topic: message.topic, message: message as Noted["message"], body: Buffer.from(JSON.stringify(message)) };
}

/** Everything that was missed, each done as soon as it is there. */
export async function handleMissed(backlog: Backlog): Promise<unknown[]> {
  const numbers: unknown[] = [];
  const handling = (async () => {
    for await (const missed of backlog.missed()) {
      backlog.began(missed);
      numbers.push(missed.message.i);
      backlog.done(missed);
    }
  })();
  await withTimeout(handling, "what was missed");
  return numbers;
}

export async function close(backlog: Backlog): Promise<void> {
  open.delete(backlog);
  await backlog.close();
}

import { readdirSync, readlinkSync } from "node:fs";
import { afterEach, beforeEach } from "vitest";
import { eventually } from "./waiting.ts";

/** What a process holds that a test may forget to give back. */
interface Held {
  /** Network sockets, those of libzmq's threads among them. Counted where `/proc` shows them. */
  readonly sockets: number;
  /** Timers that keep the process alive. */
  readonly timers: number;
}

/**
 * Fails each test of the file, or `describe`, after which more sockets or timers are there than before it. Sockets are
 * closed behind the scenes, so they have a moment to go.
 */
export function expectNoLeaks(): void {
  let before: Held = { sockets: 0, timers: 0 };
  let now = before;
  beforeEach(() => {
    before = held();
  });
  afterEach(async () => {
    const isClean = () => {
      now = held();
      return now.sockets <= before.sockets && now.timers <= before.timers;
    };
    await eventually(isClean, "leak check").catch(() => {
      const more = (kind: keyof Held) => `${now[kind] - before[kind]} ${kind}`;
      throw new Error(`the test left behind: ${more("sockets")}, ${more("timers")}`);
    });
  });
}

function held(): Held {
  return {
    sockets: openSockets(),
    timers: process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length,
  };
}

function openSockets(): number {
  const folder = "/proc/self/fd";
  const isSocket = (descriptor: string) => {
    try {
      return readlinkSync(`${folder}/${descriptor}`).startsWith("socket:");
    } catch {
      return false; // Closed since it was listed.
    }
  };
  return process.platform === "linux" ? readdirSync(folder).filter(isSocket).length : 0;
}

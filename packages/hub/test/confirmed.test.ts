/** Relays and publishers as processes that are killed: nothing that `publish` promised is lost, and nothing comes twice. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  anyAddress,
  canMount,
  eventually,
  expectNoLeaks,
  openSmallDisk,
  patienceMs,
  range,
  tempFolder,
  withTimeout,
} from "@fedmsg/testkit";
import { afterEach, expect, test } from "vitest";
import { follow, numbersOf, openPublisher, openRelay, warnings } from "./confirm-support.ts";

expectNoLeaks();

const children = new Set<Program>();

afterEach(async () => {
  for (const child of children) await child.kill();
});

/** A process that runs one of the programs in `programs/` on what `npm run build` wrote; what it says, line by line. */
class Program {
  readonly said: string[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(program: string, ...args: readonly string[]) {
    const path = fileURLToPath(new URL(`programs/${program}`, import.meta.url));
    this.#process = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = once(this.#process, "exit");
    const { stdout } = this.#process;
    createInterface({ input: stdout as NonNullable<typeof stdout> }).on("line", (line) => void this.said.push(line));
    children.add(this);
  }

  async heard(lines: number): Promise<readonly string[]> {
    await eventually(() => this.said.length >= lines, `${lines} lines`, patienceMs * 2);
    return this.said;
  }

  async kill(): Promise<void> {
    children.delete(this);
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  get numbers(): number[] {
    return this.said.filter((line) => line !== "done").map(Number);
  }
}

/** A relay as a process; killed and started again, it is at the same addresses. */
async function startProgram(folder: string, addresses: readonly string[] = [anyAddress, anyAddress, anyAddress]) {
  const program = new Program("relay.mjs", folder, ...addresses);
  const [line = ""] = await program.heard(1);
  const [confirm = "", outbound = "", replay = ""] = line.split(" ");
  return { program, addresses: [confirm, outbound, replay] as const, confirm, outbound, replay };
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

test("a relay that is killed again and again, and started again, loses nothing and takes nothing twice", async () => {
  const folder = tempFolder();
  const total = 20_000;
  let relay = await startProgram(folder);
  await using subscriber = await follow(relay);
  const publisher = new Program("publisher.mjs", relay.confirm, "1", String(total));
  for (const part of [0.2, 0.4, 0.7]) {
    await publisher.heard(total * part);
    await relay.program.kill();
    relay = await startProgram(folder, relay.addresses);
  }
  await publisher.heard(total + 1);
  expect(publisher.said.at(-1)).toBe("done");
  expect(await numbersOf(relay)).toEqual(range(1, total));
  await eventually(() => subscriber.got.length >= total, "all of them at the subscriber", 25_000);
  expect(sorted(subscriber.numbers())).toEqual(range(1, total));
}, 90_000);

test("a publisher that is killed leaves in its outbox what it promised; its next start sends that, once", async () => {
  const folder = tempFolder();
  const outbox = join(folder, "outbox.db");
  const relay = await startProgram(folder);
  const killed = new Program("publisher.mjs", relay.confirm, "1", "100000", outbox);
  await killed.heard(3000);
  await relay.program.kill(); // From now on everything stays in the outbox.
  const beyond = killed.said.length + 2000;
  await killed.heard(beyond);
  await killed.kill();
  const promised = killed.numbers;
  const again = await startProgram(folder, relay.addresses);
  const next = new Program("publisher.mjs", again.confirm, "200001", "200100", outbox);
  await next.heard(101);
  const kept = await numbersOf(again);
  expect(new Set(kept).size).toBe(kept.length);
  expect(promised.filter((n) => !kept.includes(n))).toEqual([]);
  expect(kept.slice(-100)).toEqual(range(200_001, 200_100));
  expect(kept.slice(0, -100)).toEqual(range(1, kept.length - 100));
}, 90_000);

test.skipIf(!canMount)(
  "a relay whose disk is full confirms nothing that is not on it; when there is room, it goes on",
  async () => {
    using disk = openSmallDisk(3);
    await using served = await openRelay(disk.folder, { journal_sync: "full" });
    await using publisher = await openPublisher(served.confirm, { publish_timeout: 60 });
    const msg = { text: "x".repeat(1000) };
    let confirmed = 0;
    const publishing = range(1, 6000).map(async (n) => {
      await publisher.bus.publish({ topic: "t", modname: "m", msg: { n, ...msg } });
      confirmed++;
    });
    await eventually(() => warnings(served.events, /nothing is confirmed/).length > 0, "the full disk");
    const onDisk = await numbersOf(served.relay);
    expect(confirmed).toBeLessThanOrEqual(onDisk.length);
    expect(onDisk.length).toBeLessThan(6000);
    disk.grow();
    await withTimeout(Promise.all(publishing), "all of them", 30_000);
    expect(await numbersOf(served.relay)).toEqual(range(1, 6000));
  },
  60_000,
);

test.skipIf(!canMount)("an outbox whose disk is full refuses, and keeps what it took", async () => {
  using disk = openSmallDisk(3);
  const outbox = `sqlite:${disk.folder}/{name}.db`;
  // Its end waits no longer for a relay that is not there.
  await using publisher = await openPublisher("tcp://127.0.0.1:1", { outbox, publish_timeout: 0.1 });
  const msg = { text: "x".repeat(10_000) };
  const attempt = (n: number) =>
    publisher.bus.publish({ topic: "t", modname: "m", msg: { n, ...msg } }).then(
      () => "kept",
      (error) => error.code as string,
    );
  expect(await attempt(0)).toBe("kept"); // The others may be one group, and refused together.
  const outcomes = ["kept", ...(await Promise.all(range(1, 600).map(attempt)))];
  expect(new Set(outcomes)).toEqual(new Set(["kept", "FEDMSG_JOURNAL"]));
  disk.grow();
  await eventually(async () => (await attempt(601)) === "kept", "room");
});

/** A journal that is followed, and strangers who send heartbeats of it. */

import { createHash, randomUUID } from "node:crypto";
import { anyAddress, eventually, expectNoLeaks, range } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { createMemoryCursors } from "../replay/cursors.ts";
import type { Heartbeat } from "../replay/heartbeat.ts";
import type { Journal } from "../replay/journal.ts";
import { Ledger } from "../replay/ledger.ts";
import { createMemoryJournal } from "../replay/memory-journal.ts";
import { startReplayServer } from "../replay/server.ts";
import { FollowedJournal } from "./followed-journal.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

const topic = "org.a.t";
const silenceMs = 200;
const keyOf = (body: Uint8Array) => createHash("sha256").update(body).digest().toString("latin1", 0, 8);

/** Follows a journal over a socket; what is fetched is handled at once. */
async function follow(served: () => Journal) {
  const server = await startReplayServer({ journal: served, address: anyAddress });
  const over = new AbortController();
  const events: StatusEvent[] = [];
  const fetched: string[] = [];
  const store = createMemoryCursors();
  const ledger = new Ledger(store);
  const followed = new FollowedJournal("me", server.address, {
    ...{ store, ledger, silenceMs, signal: over.signal, from: "head", prefixes: [""], isAlone: false },
    status: { emit: (event) => void events.push(event) },
    matches: (other) => other === topic,
    vouch: () => {},
    take: async (body) => {
      const key = keyOf(body);
      const isNew = ledger.see(key);
      if (isNew) fetched.push(String(body));
      if (isNew) await store.handle(key);
      ledger.handled(key);
      return { key, isNew };
    },
  });
  await followed.ready;
  return {
    ...{ followed, events, fetched, store },
    async [Symbol.asyncDispose]() {
      over.abort();
      await followed.ended;
      await server.close();
    },
  };
}

function forged(journal: string, from: number, to: number): Heartbeat {
  return { journal, from, to, topics: new Map(), digest: Buffer.alloc(32) };
}

async function append(journal: Journal, from: number, to: number): Promise<void> {
  for (const n of range(from, to)) await journal.append(() => ({ topic, msgId: `${n}`, body: Buffer.from(`${n}`) }));
}

test("who has the journal asked what it is, again and again, keeps nobody from asking whether it sent what was heard", async () => {
  const journal = createMemoryJournal();
  await using bench = await follow(() => journal);
  const { uuid } = journal.info;
  await append(journal, 1, 3);
  bench.followed.beat(forged(uuid, 0, 1000)); // There was nothing for anybody.
  const asking = setInterval(() => bench.followed.suspect(), 5);
  try {
    await eventually(() => bench.fetched.length === 3, "what the forged heartbeat hid is fetched");
  } finally {
    clearInterval(asking);
  }
  expect(bench.fetched).toEqual(["1", "2", "3"]);
});

test("a heartbeat that speaks of more than the journal has does not keep the keys of what was handled for ever", async () => {
  const journal = createMemoryJournal();
  await using bench = await follow(() => journal);
  const far = Number.MAX_SAFE_INTEGER;
  bench.followed.beat(forged(journal.info.uuid, far, far));
  await append(journal, 1, 3);
  const { uuid } = journal.info;
  await eventually(() => {
    bench.followed.suspect(); // So that it is asked often.
    return bench.followed.completeAt === 3;
  }, "everything is complete");
  expect(bench.store.cursors.get("me")).toMatchObject({ journal: uuid, position: 3 });
});

test("a gap ends where the journal had told that it ends, and not where a heartbeat says", async () => {
  const before = createMemoryJournal();
  await append(before, 1, 5);
  let served: Journal = before;
  await using bench = await follow(() => served);
  const after = createMemoryJournal();
  await append(after, 1, 3);
  const earlier = [{ uuid: before.info.uuid, through: 3 }]; // It had no clean end.
  served = Object.create(after, { info: { get: () => ({ ...after.info, earlier }) } });
  served.page = (query) => after.page(query);
  const far = Number.MAX_SAFE_INTEGER;
  bench.followed.beat(forged(before.info.uuid, far, far));
  bench.followed.beat(forged(randomUUID(), 0, 0));
  await eventually(() => {
    bench.followed.suspect();
    bench.followed.beat(forged(before.info.uuid, far, far));
    return bench.events.some(({ type }) => type === "gap");
  }, "the gap is told");
  expect(bench.events.find(({ type }) => type === "gap")).toMatchObject({ from: 4, to: 5 });
});

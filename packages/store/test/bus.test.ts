/** A bus that keeps what it publishes, with real sockets and a real journal. */

import { existsSync, renameSync, rmSync } from "node:fs";
import {
  anyAddress,
  codeOf,
  expectNoLeaks,
  Inbox,
  pkiFolder,
  Sockets,
  signedConfig,
  take,
  takeUntil,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { type Bus, connect, type StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { createValidator, messageKey } from "fedmsg/crypto";
import { askReplay, createTransport, type Frames, fetchPages } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { openJournal, openJournalReader } from "../src/index.ts";
import { tempFile } from "./support.ts";

expectNoLeaks();

const heartbeat = "_heartbeat.";
const transport = await createTransport(testConfig());

async function freeAddress(): Promise<string> {
  await using sockets = new Sockets(transport);
  return await sockets.freeAddress();
}

/** The configuration of a publisher with a journal that can be asked. */
async function keptConfig(file: string, overrides: ConfigInput = {}) {
  return {
    endpoints: { me: [anyAddress] },
    persistent_store: `sqlite:${file}`,
    replay_endpoints: { me: await freeAddress() },
    topic_prefix: "org.a",
    ...overrides,
  };
}

function read([topic, body]: Frames) {
  const text = String(body);
  return { topic: String(topic), text, message: JSON.parse(text) };
}

test("what is published has its position inside, is in the journal, is listed, and can be asked for", async () => {
  const config = testConfig(await keptConfig(tempFile()));
  await using sockets = new Sockets(transport);
  const bus = await connect({ name: "me", config });
  const inbox = sockets.inbox(bus.endpoint as string);
  await withTimeout(bus.subscribed(), "the subscription");
  const receipts = await Promise.all(
    Array.from({ length: 3 }, (_, n) => bus.publish({ topic: "t", modname: "m", msg: { n } })),
  );
  const live = (await inbox.take(3)).map(read);
  expect(live.map(({ message }) => [message.seq_id, message.msg_id])).toEqual(
    receipts.map(({ msg_id }, n) => [n + 1, msg_id]),
  );
  const beat = read(await inbox.next());
  const address = config.replay_endpoints?.me as string;
  const pages = await take(fetchPages(address, { after: 0 }));
  expect(beat.message.msg).toEqual({
    journal: pages.header.journal,
    from: 0,
    to: 3,
    topics: {
      "org.a.dev.m.t": Buffer.concat(live.map(({ text }) => messageKey(text) as Uint8Array)).toString("base64"),
    },
  });
  expect(beat.topic).toBe(heartbeat + pages.header.journal);
  expect(pages.bodies.map(String)).toEqual(live.map(({ text }) => text));
  await bus.drain();
});

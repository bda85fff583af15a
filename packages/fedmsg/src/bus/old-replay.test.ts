/** A subscription and a publisher of the Python system, whose replay server knows no pages. */

import { anyAddress, collect, expectNoLeaks, Sockets, takeUntil, testConfig } from "@fedmsg/testkit";
import { Reply } from "@fedmsg/zmtp";
import { expect, test } from "vitest";
import { createTransport } from "../transport/create.ts";
import { connect } from "./bus.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

const topic = "org.a.dev.m.t";
const bodyOf = (seqId: number) => JSON.stringify({ topic, msg: {}, msg_id: `2026-${seqId}`, seq_id: seqId });

/** Answers as `fedmsg/replay/__init__.py` does, out of a store that has everything. */
async function startOldServer() {
  const server = new Reply({ lingerMs: 0 });
  const address = await server.bind(anyAddress);
  const serving = (async () => {
    for await (const [query] of server) {
      const { seq_id_range: range } = JSON.parse(String(query)) as { seq_id_range?: [number, number] };
      if (!range) await server.send("error: 'Unsupported field: \"key\"'");
      else await server.send(Array.from({ length: range[1] - range[0] + 1 }, (_, n) => bodyOf(range[0] + n)));
    }
  })();
  return {
    address,
    async [Symbol.asyncDispose]() {
      await server.close();
      await serving;
    },
  };
}

async function subscribe(endpoint: string, replay: string, topics: string[]) {
  const config = testConfig({ endpoints: { old: [endpoint] }, replay_endpoints: { old: replay }, mute: true });
  const bus = await connect({ config });
  const status = bus.status();
  const messages = bus.subscribe({ topics });
  const warning = await takeUntil(
    status,
    (event): event is Extract<StatusEvent, { type: "warning" }> => event.type === "warning",
  );
  return { bus, messages, warning };
}

test("holes between what comes are fetched", async () => {
  await using server = await startOldServer();
  await using sockets = new Sockets(await createTransport(testConfig()));
  const [publisher, endpoint] = await sockets.listening();
  const { bus, messages } = await subscribe(endpoint, server.address, []);
  await publisher.subscribed();
  for (const seqId of [7, 8, 12]) await publisher.send([Buffer.from(topic), Buffer.from(bodyOf(seqId))]);
  const received = (await collect(messages, 6)).map(({ message }) => message.seq_id as number);
  expect(received.toSorted((a, b) => a - b)).toEqual([7, 8, 9, 10, 11, 12]);
  await bus.close();
});

test("with a filter a hole means nothing, and is not asked for", async () => {
  await using server = await startOldServer();
  await using sockets = new Sockets(await createTransport(testConfig()));
  const [publisher, endpoint] = await sockets.listening();
  const { bus, messages, warning } = await subscribe(endpoint, server.address, ["org.a"]);
  expect(warning.detail).toContain("with a filter");
  await publisher.subscribed();
  for (const seqId of [7, 12]) await publisher.send([Buffer.from(topic), Buffer.from(bodyOf(seqId))]);
  expect((await collect(messages, 2)).map(({ message }) => message.seq_id)).toEqual([7, 12]);
  await bus.close();
});

import { anyAddress } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { createMemoryTransport } from "./index.ts";

test("sockets of different networks do not meet, and their ports are their own", async () => {
  const address = "tcp://127.0.0.1:3000";
  const [one, two] = [createMemoryTransport().createPublisher(), createMemoryTransport().createPublisher()];
  expect(await one.bind(address)).toBe(await two.bind(address));
});

test("a wildcard port passes over those in use, and starts again behind the last", async () => {
  const transport = createMemoryTransport();
  const keeper = transport.createPublisher();
  const first = await keeper.bind(anyAddress);
  const taken = `tcp://127.0.0.1:${Number(first.split(":").at(-1)) + 1}`;
  await keeper.bind(taken);
  const seen = new Set<string>();
  for (let n = 0; n < 17_000; n++) {
    const publisher = transport.createPublisher();
    seen.add(await publisher.bind(anyAddress));
    await publisher.close();
  }
  expect(seen.size).toBe(65535 - 49152 + 1 - 2);
  expect(seen.has(first) || seen.has(taken)).toBe(false);
  expect(seen.has("tcp://127.0.0.1:65535")).toBe(true);
});

test("a connection that was taken back stays so when somebody listens", async () => {
  const transport = createMemoryTransport();
  const subscriber = transport.createSubscriber();
  subscriber.subscribe("");
  subscriber.connect("tcp://localhost:3000");
  subscriber.disconnect("tcp://localhost:3000");
  subscriber.connect("ipc:///run/a.sock");
  const publisher = transport.createPublisher();
  await publisher.bind("tcp://*:3000");
  await publisher.send([Buffer.from("not heard")]);
  await publisher.bind("ipc:///run/a.sock");
  await publisher.send([Buffer.from("heard")]);
  expect(await subscriber.receive()).toEqual([[Buffer.from("heard")]]);
  await Promise.all([publisher.close(), subscriber.close()]);
});

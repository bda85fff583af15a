import { everyTransport, expectNoLeaks, Sockets, settled, testConfig, toFrames, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { connect } from "./bus.ts";

expectNoLeaks();

/** More than the sockets of both sides and the kernel hold between them. */
const messages = 400;
const bodyBytes = 100_000;

describe.each(everyTransport)("a subscription over %s that nobody reads", (_, makeTransport) => {
  test("takes a bounded number of bytes, holds its publisher up, and has lost nothing when it is read", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [publisher, address] = await sockets.listening({ stallMs: Number.POSITIVE_INFINITY, highWaterMark: 10 });
    const queueBytesMax = 1024 * 1024;
    const config = testConfig({
      endpoints: { app: [address] },
      high_water_mark: 10,
      queueBytesMax: queueBytesMax,
    });
    await using bus = await connect({ config, transport: sockets.transport });
    const subscription = bus.subscribe();
    await publisher.subscribed();

    let sent = 0;
    const filler = "x".repeat(bodyBytes);
    const all = Array.from({ length: messages }, async (_, n) => {
      await publisher.send(toFrames("n", `{"topic":"n","msg":${n},"filler":"${filler}"}`));
      sent++;
    });
    const heldUpAt = await settled(() => sent, 300);
    expect(heldUpAt, "the publisher feels it").toBeLessThan(messages);
    expect(bus.counts.received * bodyBytes, "what waits is bounded").toBeLessThan(queueBytesMax + 2 * bodyBytes);

    const numbers: unknown[] = [];
    for await (const { message } of subscription) if (numbers.push(message.msg) === messages) break;
    expect(numbers).toEqual(Array.from({ length: messages }, (_, n) => n));
    await withTimeout(Promise.all(all), "the publisher goes on");
  });

  test("takes 1,024 small messages at most", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [publisher, address] = await sockets.listening({ stallMs: Number.POSITIVE_INFINITY });
    const config = testConfig({ endpoints: { app: [address] } });
    await using bus = await connect({ config, transport: sockets.transport });
    const subscription = bus.subscribe();
    await publisher.subscribed();
    const all = Promise.all(
      Array.from({ length: 3000 }, (_, n) => publisher.send(toFrames("n", `{"topic":"n","msg":${n}}`))),
    );
    expect(await settled(() => bus.counts.received, 200)).toBe(1024);
    let next = 0;
    for await (const { message } of subscription) {
      expect(message.msg).toBe(next++);
      if (next === 3000) break;
    }
    await all;
  });
});

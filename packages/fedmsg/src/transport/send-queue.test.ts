/** What the compliance suite cannot bring about with real sockets: outlets that fail or change their mind at will. */

import { bufferBytes, codeOf, eventually, expectBuffersAtMost, expectNoLeaks, toFrames } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { type Attempt, type Outlet, SendQueue } from "./send-queue.ts";
import type { Frames, PublisherOptions } from "./transport.ts";

expectNoLeaks();

/** A socket of which the test says how it is. */
class FakeOutlet implements Outlet {
  state: Attempt | Error = "sent";
  readonly sent: string[] = [];
  readonly lossy: string[] = [];
  readonly dropped: number[] = [];
  attempts = 0;

  attempt(frames: Frames): Attempt {
    this.attempts++;
    if (this.state instanceof Error) throw this.state;
    if (this.state === "sent") this.sent.push(String(frames[0]));
    return this.state;
  }

  sendLossy(frames: Frames): void {
    this.lossy.push(String(frames[0]));
  }

  onDropped(count: number): void {
    this.dropped.push(count);
  }

  onWaiting(): void {}
}

function open(options: PublisherOptions = {}): [queue: SendQueue, outlet: FakeOutlet] {
  const outlet = new FakeOutlet();
  return [new SendQueue(outlet, options), outlet];
}

describe("a full peer", () => {
  test("holds up again only when 2,000 messages in a row were sent without a loss", async () => {
    const [queue, outlet] = open({ stallMs: 30 });
    const heldUpMs = async () => {
      outlet.state = "full";
      const began = performance.now();
      await queue.send(toFrames("full"));
      outlet.state = "sent";
      return performance.now() - began;
    };
    const sendMany = async (count: number) => {
      for (let n = 0; n < count; n++) await queue.send(toFrames("n"));
    };
    expect(await heldUpMs(), "the first time").toBeGreaterThanOrEqual(29);
    expect(await heldUpMs(), "while it is behind").toBeLessThan(29);
    await sendMany(1999);
    expect(await heldUpMs(), "not caught up yet").toBeLessThan(29);
    await sendMany(2000);
    expect(await heldUpMs(), "caught up").toBeGreaterThanOrEqual(29);
    expect(outlet.lossy).toHaveLength(4);
    expect(queue.dropped).toBe(4);
    await queue.drain();
    expect(outlet.dropped.reduce((sum, count) => sum + count)).toBe(4);
  });

  test("that loses messages is told of once a second at most", async () => {
    const [queue, outlet] = open({ stallMs: 1 });
    outlet.state = "full";
    for (let n = 0; n < 500; n++) await queue.send(toFrames("n"));
    expect(outlet.dropped.length).toBeLessThanOrEqual(2);
    await queue.close();
    expect(outlet.dropped.reduce((sum, count) => sum + count)).toBe(500);
  });
});

describe("an outlet that fails", () => {
  test("rejects the message it failed on with FEDMSG_TRANSPORT, and the next ones are sent", async () => {
    const [queue, outlet] = open();
    outlet.state = new Error("broken pipe");
    const failed = queue.send(toFrames("1"));
    expect(await codeOf(failed)).toBe("FEDMSG_TRANSPORT");
    await expect(failed).rejects.toThrow("broken pipe");
    outlet.state = "sent";
    await queue.send(toFrames("2"));
    expect(outlet.sent).toEqual(["2"]);
  });

  test("does not keep close() from rejecting what waits", async () => {
    const [queue, outlet] = open({ awaitSubscriber: true });
    outlet.state = "unsubscribed";
    const waiting = [codeOf(queue.send(toFrames("1"))), codeOf(queue.send(toFrames("2")))];
    await eventually(() => outlet.attempts > 0, "an attempt");
    outlet.state = new Error("broken pipe");
    await queue.close();
    expect(await Promise.all(waiting)).toEqual(["FEDMSG_TRANSPORT", "FEDMSG_TRANSPORT"]);
  });
});

test("what was sent is not kept, even while others always wait", async () => {
  const [queue] = open({ queueBytesMax: 16 * 1024 * 1024 });
  const before = bufferBytes();
  let last = Promise.resolve();
  for (let n = 0; n < 100; n++) {
    const previous = last;
    last = queue.send([Buffer.alloc(1024 * 1024, n)]); // One is always under way.
    await previous;
  }
  await expectBuffersAtMost(before + 30 * 1024 * 1024);
  await last;
});

test("a message that was given up is not sent to anybody, whatever was under way with it", async () => {
  const [queue, outlet] = open({ stallMs: 0 });
  const controller = new AbortController();
  outlet.attempt = () => {
    controller.abort(); // Just before the outlet says that it is full.
    return "full";
  };
  expect(await codeOf(queue.send(toFrames("1"), controller.signal))).toBe("FEDMSG_ABORTED");
  await queue.drain();
  expect(outlet.lossy.every((text) => text === "1")).toBe(true);
});

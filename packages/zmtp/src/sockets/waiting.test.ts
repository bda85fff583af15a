/** Who waits, and for whom: sends that wait, waits that are given up, loops that are left, timers that are too long. */

import { lstat, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, eventually, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { Dealer, Publisher, Request, Router, Subscriber, XPublisher } from "../index.ts";

expectNoLeaks();

describe("an awaited send with nobody there", () => {
  test.each([Publisher, XPublisher])("lets others have their turn: somebody can come (%o)", async (Type) => {
    await using publisher = new Type({ lingerMs: 0 });
    await using subscriber = new Subscriber();
    subscriber.subscribe("");
    subscriber.connect(await publisher.bind("tcp://127.0.0.1:*"));
    const deadline = performance.now() + 10_000;
    let sent = 0;
    for (; !publisher.covers("t") && performance.now() < deadline; sent++) await publisher.send("t");
    expect(publisher.covers("t"), `after ${sent} messages`).toBe(true);
  });

  test("of a ROUTER to a stranger, too", async () => {
    await using router = new Router({ lingerMs: 0 });
    let isTurn = false;
    setImmediate(() => {
      isTurn = true;
    });
    const deadline = performance.now() + 10_000;
    while (!isTurn && performance.now() < deadline) await router.send(["nobody", "x"]);
    expect(isTurn).toBe(true);
  });
});

describe("a loop over messages that is left", () => {
  /** A subscriber to which ten messages came at once. */
  async function prepare(): Promise<{ publisher: Publisher; subscriber: Subscriber }> {
    const [publisher, subscriber] = [new Publisher(), new Subscriber()];
    subscriber.subscribe("");
    subscriber.connect(await publisher.bind("tcp://127.0.0.1:*"));
    await publisher.subscribed();
    for (let n = 0; n < 10; n++) publisher.trySend(`${n}`);
    return { publisher, subscriber };
  }

  test.each(["break", "throw", "return"] as const)("by %s leaves the other messages where they are", async (how) => {
    const { publisher, subscriber } = await prepare();
    const came: string[] = [];
    const leave = async () => {
      for await (const [frame] of subscriber) {
        came.push(String(frame));
        if (how === "throw") throw new Error("enough");
        if (how === "return") return "enough";
        break;
      }
      return "enough";
    };
    const one = async () => {
      const left = leave().catch((error: Error) => error.message);
      expect(await withTimeout(left, "a message")).toBe("enough");
    };
    for (let n = 0; n < 4; n++) await one();
    came.push(String((await withTimeout(subscriber.receive(), "message 4"))[0]));
    while (came.length < 10) came.push(...(await subscriber.receiveBatch()).map(String));
    expect(came).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    publisher.trySend("10");
    await one();
    expect(came.at(-1)).toBe("10");
    await Promise.all([publisher.close(), subscriber.close()]);
  });
});

describe("a send that is given up while it waits", () => {
  test("is not sent later, and those around it are, in order", async () => {
    await using dealer = new Dealer();
    const giveUp = new AbortController();
    const before = dealer.send("before");
    const given = ["1", "2"].map((text) => codeOf(dealer.send(text, { signal: giveUp.signal })));
    const after = dealer.send("after");
    giveUp.abort();
    expect(await Promise.all(given)).toEqual(["ZMTP_ABORTED", "ZMTP_ABORTED"]);
    await using router = new Router();
    dealer.connect(await router.bind("tcp://127.0.0.1:*"));
    await withTimeout(Promise.all([before, after]), "the others");
    await dealer.send("end");
    const came: string[] = [];
    while (came.at(-1) !== "end") came.push(String((await withTimeout(router.receive(), "a message"))[1]));
    expect(came).toEqual(["before", "after", "end"]);
  });

  test("leaves a REQ free to ask again", async () => {
    await using request = new Request();
    const giveUp = new AbortController();
    const given = codeOf(request.send("given up", { signal: giveUp.signal }));
    giveUp.abort();
    expect(await given).toBe("ZMTP_ABORTED");
    await using router = new Router();
    request.connect(await router.bind("tcp://127.0.0.1:*"));
    await withTimeout(request.send("asked"), "the request");
    expect(String((await withTimeout(router.receive(), "the request")).at(-1))).toBe("asked");
  });

  test("makes room for what waits behind it", async () => {
    await using dealer = new Dealer({ sendBytesMax: 1000, lingerMs: 0 });
    const giveUp = new AbortController();
    const given = codeOf(dealer.send(Buffer.alloc(800), { signal: giveUp.signal }));
    expect(await codeOf(dealer.send(Buffer.alloc(800)))).toBe("ZMTP_FULL");
    giveUp.abort();
    expect(await given).toBe("ZMTP_ABORTED");
    const last = codeOf(dealer.send(Buffer.alloc(800)));
    await dealer.close();
    expect(await last).toBe("ZMTP_CLOSED");
  });
});

test("times beyond 2^31 ms are as long as a timer can be, and not at once", async () => {
  const ms = 2 ** 31;
  const long = { stallMs: ms, lingerMs: ms, handshakeMs: ms, heartbeatMs: ms, heartbeatTimeoutMs: ms };
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on("warning", onWarning);
  const publisher = new Publisher({ ...long, sendMessagesMax: 16 });
  const subscriber = new Subscriber({ ...long, reconnectMs: ms, reconnectMaxMs: ms, receiveMessagesMax: 1 });
  subscriber.subscribe("");
  subscriber.connect(await publisher.bind("tcp://127.0.0.1:*"));
  await publisher.subscribed();
  const body = Buffer.alloc(2 ** 20, 1);
  let sent = 0;
  while (publisher.trySend([`${sent}`, body])) sent++; // Now it is waited for: `stallMs`.
  const last = publisher.send([`${sent++}`, body]);
  const closed = last.then(() => publisher.close()); // And now: `lingerMs`.
  for (let n = 0; n < sent; n++) {
    expect(String((await withTimeout(subscriber.receive(), `message ${n} of ${sent}`))[0])).toBe(`${n}`);
  }
  await withTimeout(closed, "the end");
  await eventually(() => subscriber.peers === 0, "the loss"); // And now: `reconnectMs`.
  await subscriber.close();
  process.off("warning", onWarning);
  expect(publisher.dropped).toBe(0);
  expect(warnings).toEqual([]);
});

describe("bind() to an ipc path", () => {
  async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "zmtp-"));
    await work(join(folder, "path")).finally(() => rm(folder, { recursive: true }));
  }

  test("does not delete somebody's file, nor a link to one", async () => {
    await inFolder(async (path) => {
      await using socket = new Router();
      await writeFile(path, "precious");
      expect(await codeOf(socket.bind(`ipc://${path}`))).toBe("ZMTP_ADDRESS_IN_USE");
      await symlink(path, `${path}-link`);
      expect(await codeOf(socket.bind(`ipc://${path}-link`))).toBe("ZMTP_ADDRESS_IN_USE");
      expect(await readFile(`${path}-link`, "utf8")).toBe("precious");
    });
  });

  test("takes nothing from a socket that lives", async () => {
    await inFolder(async (path) => {
      const server = createServer((stream) => stream.destroy());
      await new Promise<void>((resolve) => server.listen(path, resolve));
      await using socket = new Router();
      expect(await codeOf(socket.bind(`ipc://${path}`))).toBe("ZMTP_ADDRESS_IN_USE");
      expect((await lstat(path)).isSocket()).toBe(true);
      await new Promise((resolve) => server.close(resolve));
    });
  });
});

/** How connections end that we end: by `disconnect()`, by `close()`, by one after the other. */

import { once } from "node:events";
import { createServer, type Server, type Socket as Stream } from "node:net";
import { codeOf, eventually, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { encodeGreeting, encodeMessage, encodeReady } from "../codec/index.ts";
import { Dealer, Router } from "../index.ts";

expectNoLeaks();

/** Listens for one connection, shakes hands as a ROUTER, and ends its side when it is told to. */
async function startRouter(): Promise<{ server: Server; address: string; stream: Promise<Stream> }> {
  const server = createServer({ allowHalfOpen: true });
  const stream = once(server, "connection").then(([stream]: Stream[]) => {
    stream?.write(Buffer.concat([encodeGreeting(), encodeReady("ROUTER")]));
    return stream?.resume() as Stream;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, address: `tcp://127.0.0.1:${(server.address() as { port: number }).port}`, stream };
}

test("what is on its way back meets no closed door, also where disconnect() is followed by close()", async () => {
  const { server, address, stream: connecting } = await startRouter();
  const dealer = new Dealer();
  dealer.connect(address);
  const stream = await connecting;
  await eventually(() => dealer.peers === 1, "the handshake");
  const failed: Error[] = [];
  stream.on("error", (error) => failed.push(error));
  const ended = once(stream, "end");
  dealer.disconnect(address);
  const closed = dealer.close();
  await withTimeout(ended, "its end");
  const late = encodeMessage([Buffer.from("late")]);
  for (let n = 0; n < 3; n++) await new Promise((resolve) => stream.write(late, resolve));
  stream.end();
  await withTimeout(Promise.all([closed, once(stream, "close")]), "the end");
  expect(failed).toEqual([]);
  await new Promise((resolve) => server.close(resolve));
});

test("disconnect() twice, and close(), send what is queued once", async () => {
  const router = new Router();
  const address = await router.bind("tcp://127.0.0.1:*");
  const dealer = new Dealer();
  dealer.connect(address);
  const body = Buffer.alloc(4 * 2 ** 20, 1);
  for (let n = 0; n < 3; n++) await dealer.send([String(n), body]);
  dealer.disconnect(address);
  dealer.disconnect(address);
  const closed = dealer.close();
  for (let n = 0; n < 3; n++) {
    const [, name, came] = await withTimeout(router.receive(), "a message");
    expect([String(name), came?.length]).toEqual([String(n), body.length]);
  }
  await withTimeout(closed, "the end");
  await router.close();
});

test("whoever leaves gets nothing more: what is sent then waits for somebody else", async () => {
  const [first, second] = [new Router(), new Router()];
  const dealer = new Dealer();
  const address = await first.bind("tcp://127.0.0.1:*");
  dealer.connect(address);
  await dealer.send("one");
  dealer.disconnect(address);
  const sent = dealer.send("two");
  dealer.connect(await second.bind("tcp://127.0.0.1:*"));
  await withTimeout(sent, "the second message to be sent");
  expect(String((await withTimeout(first.receive(), "the first message"))[1])).toBe("one");
  expect(String((await withTimeout(second.receive(), "the second message"))[1])).toBe("two");
  await Promise.all([first, second, dealer].map((socket) => socket.close()));
});

test("close() while sends wait: each is told, and nothing of them is sent", async () => {
  const dealer = new Dealer();
  const address = "tcp://127.0.0.1:*";
  const waiting = [dealer.send("a"), dealer.send("b")].map((sent) => codeOf(sent));
  const router = new Router();
  dealer.connect(await router.bind(address));
  await Promise.all([dealer.close(), ...waiting]);
  expect(await Promise.all(waiting)).toEqual(["ZMTP_CLOSED", "ZMTP_CLOSED"]);
  await eventually(() => router.peers === 0, "that nobody is left");
  const nothing = router.receiveBatch();
  await router.close();
  expect(await nothing).toEqual([]);
});

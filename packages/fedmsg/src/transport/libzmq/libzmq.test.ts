import { Sockets, toFrames, transportCompliance } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { createLibzmqTransport } from "./index.ts";

transportCompliance("libzmq", () => createLibzmqTransport(), {
  resolvesHosts: true,
  boundsPeersByBytes: false,
  buffersBetween: true,
  countsEveryLoss: false,
});

test("losing messages prints no warning of the binding's", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on("warning", note);
  await using sockets = new Sockets(createLibzmqTransport());
  const [publisher, address] = await sockets.listening({ highWaterMark: 10, stallMs: 10, lingerMs: 0 });
  sockets.inbox(address, { highWaterMark: 10 });
  await publisher.subscribed();
  const filler = Buffer.alloc(100_000);
  for (let n = 0; n < 400 && publisher.dropped === 0; n++) await publisher.send([...toFrames("n"), filler]);
  expect(publisher.dropped).toBeGreaterThan(0);
  await new Promise(setImmediate);
  process.off("warning", note);
  expect(warnings).toEqual([]);
});

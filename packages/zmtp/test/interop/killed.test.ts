import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { PeerSocket } from "./adapters.ts";
import { meet, texts, ways } from "./pairs.ts";
import { PeerProcess } from "./peer-process.ts";
import { Room } from "./room.ts";

/** Resolves when so many messages of a process have come. */
async function flood(b: PeerSocket, count: number): Promise<void> {
  for (let n = 0; n < count; ) if (texts(await b.receive())[0] === "flood") n++;
}

/** Sends without end, numbered from 0 on. */
function pump(a: PeerSocket): { readonly sent: () => number; close(): Promise<void> } {
  let isOver = false;
  let n = 0;
  const run = async () => {
    while (!isOver) {
      await a.send(["numbered", `${n++}`]);
      if (n % 32 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const running = run();
  const close = async () => {
    isOver = true;
    await running;
  };
  return { sent: () => n, close };
}

describe.each(ways)("%s survives the end of a %s process", (survivor, victim) => {
  expectNoLeaks();

  test("a SUB goes on with its other publishers, and with a new one at the same place", async () => {
    await using room = new Room();
    const address = await room.freeAddress();
    const [other, b] = [room.socket(victim, "PUB"), room.socket(survivor, "SUB")];
    await b.subscribe("");
    b.connect(await other.bind(room.address()));
    b.connect(address);
    const first = new PeerProcess(room, victim, "publish", address);
    await meet(other, b);
    await flood(b, 1000);
    await first.close();
    for (let n = 0; n < 100; n++) await other.send(["other", `${n}`]);
    const came: string[] = [];
    while (came.length < 100) {
      const [topic, n] = texts(await b.receive()) as [string, string];
      if (topic === "other") came.push(n);
    }
    expect(came).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`));
    new PeerProcess(room, victim, "publish", address);
    await flood(b, 1000);
  });

  test("a PUB goes on, its other subscriber misses nothing, and a new one gets through", async () => {
    await using room = new Room();
    const [a, witness] = [room.socket(survivor, "PUB"), room.socket(victim, "SUB")];
    const address = await a.bind(room.address());
    await witness.subscribe("");
    witness.connect(address);
    await meet(a, witness);
    const first = new PeerProcess(room, victim, "subscribe", address);
    await eventually(() => a.peers === 2, "the process to connect");
    const sending = room.keep(pump(a));
    await first.works();
    await first.close();
    const second = new PeerProcess(room, victim, "subscribe", address);
    await second.works();
    await sending.close();
    for (let n = 0; n < sending.sent(); n++) {
      const [, came] = texts(await witness.receive());
      if (came !== `${n}`) expect(came).toBe(`${n}`);
    }
  });

  test("a ROUTER goes on with its other peers, and with a new one of the same name", async () => {
    await using room = new Room();
    const [b, witness] = [room.socket(survivor, "ROUTER"), room.socket(victim, "DEALER")];
    const address = await b.bind(room.address());
    const echo = async () => {
      for (;;) await b.send(await b.receive());
    };
    echo().catch(() => {}); // Closed.
    const ask = async (body: string) => {
      await witness.send([body]);
      expect(texts(await witness.receive())).toEqual([body]);
    };
    witness.connect(address);
    await ask("before");
    const first = new PeerProcess(room, victim, "ask", address);
    await first.works();
    await first.close();
    for (let n = 0; n < 100; n++) await ask(`${n}`);
    await eventually(() => b.peers === 1, "the loss to be noticed");
    await new PeerProcess(room, victim, "ask", address).works();
    await ask("after");
  });
});

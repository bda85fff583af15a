import { codeOf, eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { Impl, PeerSocket } from "./adapters.ts";
import { link, pairOf, texts, ways } from "./pairs.ts";
import { Room } from "./room.ts";

const unroutable: Record<Impl, string> = { ours: "ZMTP_UNROUTABLE", libzmq: "EHOSTUNREACH" };

/** Resolves when a mandatory ROUTER knows that a peer is gone. */
async function lost(router: PeerSocket, identity: string): Promise<void> {
  const isLost = () =>
    router.send([identity, "still there?"]).then(
      () => false,
      (error: { code: string }) => error.code === unroutable[router.impl],
    );
  await eventually(isLost, "the loss to be told");
}

describe.each(ways)("%s to %s", (...way) => {
  const [implA, implB] = way;
  expectNoLeaks();

  test("a DEALER sends to one peer after the other", async () => {
    await using room = new Room();
    const a = room.socket(implA, "DEALER");
    const peers = [room.socket(implB, "DEALER"), room.socket(implB, "ROUTER"), room.socket(implB, "REP")];
    for (const b of peers) a.connect(await b.bind(room.address()));
    await eventually(() => a.peers === 3, "all to be there");
    for (let n = 0; n < 9; n++) await a.send(["", `${n}`]);
    const [dealer, router] = peers as [(typeof peers)[0], (typeof peers)[0], (typeof peers)[0]];
    const came: number[][] = [[], []];
    for (let n = 0; n < 3; n++) came[0]?.push(Number((await dealer.receive()).at(-1)));
    for (let n = 0; n < 3; n++) came[1]?.push(Number((await router.receive()).at(-1)));
    for (const list of came) expect(list.map((n) => n - (list[0] as number))).toEqual([0, 3, 6]);
  });

  test("a DEALER receives from all its peers", async () => {
    await using room = new Room();
    const b = room.socket(implB, "DEALER");
    const address = await b.bind(room.address());
    for (let n = 0; n < 4; n++) {
      const a = room.socket(implA, "DEALER");
      a.connect(address);
      await a.send([`${n}`]);
    }
    const came: string[] = [];
    while (came.length < 4) came.push(...texts(await b.receive()));
    expect(came.sort()).toEqual(["0", "1", "2", "3"]);
  });

  test("a ROUTER tells peers apart by the identity that they gave, or by five bytes beginning with 0", async () => {
    await using room = new Room();
    const b = room.socket(implB, "ROUTER");
    const address = await b.bind(room.address());
    const identities = new Set<string>();
    for (const identity of [undefined, undefined, "given", "z".repeat(255)]) {
      const a = room.socket(implA, "DEALER", identity === undefined ? {} : { identity });
      a.connect(address);
      await a.send(["hello"]);
      const [name, ...body] = (await b.receive()) as [Buffer, ...Buffer[]];
      expect(texts(body)).toEqual(["hello"]);
      if (identity === undefined) expect([name.length, name[0]]).toEqual([5, 0]);
      else expect(String(name)).toBe(identity);
      identities.add(name.toString("hex"));
      await b.send([name, "hello", identity ?? ""]);
      expect(texts(await a.receive())).toEqual(["hello", identity ?? ""]);
    }
    expect(identities.size).toBe(4);
  });

  test("a ROUTER drops what is for nobody, and goes on", async () => {
    await using room = new Room();
    const [a, b] = await link(room, pairOf("DEALER", "ROUTER"), way);
    await a.send(["hello"]);
    const [name] = (await b.receive()) as [Buffer];
    await b.send(["nobody", "lost"]);
    await b.send([Buffer.of(0, 9, 9, 9, 9), "lost"]);
    await b.send([name, "found"]);
    expect(texts(await a.receive())).toEqual(["found"]);
  });

  test("a mandatory ROUTER is told that a peer is not there, or no longer", async () => {
    await using room = new Room();
    const b = room.socket(implB, "ROUTER", { mandatory: true });
    const a = room.socket(implA, "DEALER", { identity: "a" });
    expect(await codeOf(b.send(["a", "too early"]))).toBe(unroutable[implB]);
    a.connect(await b.bind(room.address()));
    await a.send(["hello"]);
    await b.receive();
    await b.send(["a", "in time"]);
    expect(texts(await a.receive())).toEqual(["in time"]);
    await a.close();
    await lost(b, "a");
  });

  test("ROUTERs that know each other's identity talk, whoever begins", async () => {
    await using room = new Room();
    const sockets = ["a", "b"].map((identity, n) =>
      room.socket(way[n] as Impl, "ROUTER", { identity, mandatory: true }),
    );
    const [a, b] = sockets as [(typeof sockets)[0], (typeof sockets)[0]];
    b.connect(await a.bind(room.address()));
    const isSent = () =>
      b.send(["a", "", "from b"]).then(
        () => true,
        () => false,
      );
    await eventually(isSent, "a to be there");
    expect(texts(await a.receive())).toEqual(["b", "", "from b"]);
    await a.send(["b", "from a"]);
    expect(texts(await b.receive())).toEqual(["a", "from a"]);
  });

  test("a peer that comes back with its identity is found again", async () => {
    await using room = new Room();
    // libzmq tells of the loss before the name is free.
    const b = room.socket(implB, "ROUTER", { mandatory: true, oracle: { handover: true } });
    const address = await b.bind(room.address());
    for (let round = 0; round < 3; round++) {
      const a = room.socket(implA, "DEALER", { identity: "same" });
      a.connect(address);
      await a.send([`hello ${round}`]);
      expect(texts(await b.receive())).toEqual(["same", `hello ${round}`]);
      await b.send(["same", `${round}`]);
      expect(texts(await a.receive())).toEqual([`${round}`]);
      await a.close();
      await lost(b, "same");
    }
  });

  test("a second peer of the same identity is refused, and the first stays", async () => {
    await using room = new Room();
    const b = room.socket(implB, "ROUTER");
    const address = await b.bind(room.address());
    const [first, second] = [0, 1].map(() => room.socket(implA, "DEALER", { identity: "same" }));
    first?.connect(address);
    await first?.send(["1"]);
    expect(texts(await b.receive())).toEqual(["same", "1"]);
    second?.connect(address);
    await second?.send(["2"]);
    await eventually(() => second?.happened.includes("connected") ?? false, "the second to try");
    await b.send(["same", "reply"]);
    expect(texts((await first?.receive()) ?? [])).toEqual(["reply"]);
    await first?.send(["3"]);
    expect(texts(await b.receive())).toEqual(["same", "3"]);
  });
});

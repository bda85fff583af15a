import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { PeerSocket } from "./adapters.ts";
import { each, exchange, isSubscriber, link, make, meet, pairs, texts } from "./pairs.ts";
import { carriers, Room } from "./room.ts";

const binders = ["a", "b"] as const;

describe.each(each(pairs))("%s", (_, pair, way) => {
  expectNoLeaks();

  describe.each(carriers)("over %s", (carrier) => {
    test.each(binders)("either side may bind: %s", async (binder) => {
      await using room = new Room();
      const [a, b] = await link(room, pair, way, { carrier, binder });
      await exchange(pair, a, b, ["hello", "world"]);
    });

    test.each(binders)("one may connect before the other is bound: %s binds late", async (binder) => {
      await using room = new Room();
      const [a, b] = await make(room, pair, way);
      const [bound, other] = binder === "a" ? [a, b] : [b, a];
      const address = await room.freeAddress(carrier);
      other.connect(address);
      await bound.bind(address);
      await meet(a, b);
      await exchange(pair, a, b, ["late"]);
    });

    test("a socket that is bound again at the same address is found by the one that connected", async () => {
      await using room = new Room();
      const [first, b, address] = await link(room, pair, way, { carrier });
      await exchange(pair, first, b, ["1"]);
      await first.close();
      await eventually(() => b.peers === 0, "the loss to be noticed");
      const second = room.socket(way[0], pair.a, pair.aOptions);
      await second.bind(address);
      await meet(second, b);
      await exchange(pair, second, b, ["2"]);
    });

    test("a socket that comes back to its address is found by whoever sends to it", async () => {
      await using room = new Room();
      const [a, first, address] = await link(room, pair, way, { carrier, binder: "b" });
      await exchange(pair, a, first, ["1"]);
      await first.close();
      await eventually(() => a.peers === 0, "the loss to be noticed");
      const second = room.socket(way[1], pair.b, pair.bOptions);
      if (isSubscriber(second)) await second.subscribe("");
      await second.bind(address);
      await meet(a, second);
      await exchange(pair, a, second, ["2"]);
    });
  });

  test("a wildcard port is told, and another one each time", async () => {
    await using room = new Room();
    const [a, b] = await make(room, pair, way);
    const addresses: string[] = [];
    for (const socket of [a, b, a, b]) addresses.push(await socket.bind(room.address()));
    for (const address of addresses) expect(address).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d{3,4}$/);
    expect(new Set(addresses).size).toBe(4);
  });

  test("an address that is unbound takes nobody any more, and can be bound by somebody else", async () => {
    await using room = new Room();
    const [a, b] = await make(room, pair, way);
    const [one, two] = [await a.bind(room.address()), await a.bind(room.address())];
    await a.unbind(one);
    const [other, late] = await make(room, pair, [way[1], way[0]]);
    await other.bind(one);
    late.connect(one);
    b.connect(two);
    await meet(other, late);
    await meet(a, b);
    await exchange(pair, other, late, ["to the new one"]);
    await exchange(pair, a, b, ["at the other address"]);
  });

  test("whoever disconnects is gone, and may connect again", async () => {
    await using room = new Room();
    const [a, b, address] = await link(room, pair, way);
    await exchange(pair, a, b, ["before"]);
    b.disconnect(address);
    await eventually(() => b.peers >= 0 && a.peers === 0, "the disconnected one to be gone");
    b.connect(address);
    await meet(a, b);
    await exchange(pair, a, b, ["after"]);
  });
});

describe.each(each(pairs.filter(({ a, b }) => a !== "ROUTER" && b !== "REP" && b !== "ROUTER")))(
  "%s",
  (_, pair, way) => {
    expectNoLeaks();

    test("one socket may bind often and connect often, over both carriers at once", async () => {
      await using room = new Room();
      const centre = room.socket(way[1], pair.b, pair.bOptions);
      if (isSubscriber(centre)) await centre.subscribe("");
      const others: PeerSocket[] = [];
      for (const [n, carrier] of [...carriers, ...carriers].entries()) {
        const other = room.socket(way[0], pair.a, pair.aOptions);
        if (n < 2) other.connect(await centre.bind(room.address(carrier)));
        else centre.connect(await other.bind(room.address(carrier)));
        await meet(other, centre);
        others.push(other);
      }
      for (const [n, other] of others.entries()) await other.send([`from ${n}`]);
      const came: string[] = [];
      while (came.length < 4) came.push(...texts(await centre.receive()));
      expect(came.sort()).toEqual(["from 0", "from 1", "from 2", "from 3"]);
    });
  },
);

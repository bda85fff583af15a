import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { curveKeyPair } from "zeromq";
import { encodeGreeting } from "../../src/codec/index.ts";
import { RawPeer } from "../support/raw-peer.ts";
import type { PeerOptions, PeerSocket, SocketType } from "./adapters.ts";
import { exchange, isSubscriber, meet, type Pair, pairs } from "./pairs.ts";
import { Room } from "./room.ts";

const [server, client] = [curveKeyPair(), curveKeyPair()];

/** Security that ours does not have: libzmq's options to ask for it, and to demand it. */
const mechanisms = {
  PLAIN: {
    client: { plainUsername: "user", plainPassword: "secret" },
    server: { plainServer: true },
  },
  CURVE: {
    client: {
      curveServerKey: server.publicKey,
      curvePublicKey: client.publicKey,
      curveSecretKey: client.secretKey,
    },
    server: { curveServer: true, curvePublicKey: server.publicKey, curveSecretKey: server.secretKey },
  },
} as const;

const types: readonly SocketType[] = ["PUB", "SUB", "XPUB", "XSUB", "REQ", "REP", "DEALER", "ROUTER"];
const fits = (a: SocketType, b: SocketType) => pairs.some((pair) => isOf(pair, a, b) || isOf(pair, b, a));
const isOf = (pair: Pair, a: SocketType, b: SocketType) => pair.a === a && pair.b === b;
/** Every two types that do not go together. */
const misfits = types.flatMap((a) => types.filter((b) => !fits(a, b)).map((b) => [a, b] as const));

/** What ours and a good peer of libzmq's say to each other shows that ours goes on. */
async function goesOn(room: Room, ours: PeerSocket, address: string): Promise<void> {
  const pair = pairs.find(({ a, b }) => a === ours.type || b === ours.type) as Pair;
  const isA = pair.a === ours.type;
  const good = room.socket("libzmq", isA ? pair.b : pair.a);
  if (isSubscriber(good)) await good.subscribe("");
  good.connect(address);
  const [a, b] = isA ? [ours, good] : [good, ours];
  await meet(a, b);
  await exchange(pair, a, b, ["good"]);
}

const has = (socket: PeerSocket, event: string, count = 1) =>
  eventually(() => socket.happened.filter((one) => one === event).length >= count, `${count} × ${event}`);

/** A socket with a mechanism, connected to ours; whatever it sends must not arrive. */
async function connectBad(room: Room, type: "DEALER" | "SUB", oracle: PeerOptions["oracle"] = {}) {
  const ours = room.socket("ours", type === "SUB" ? "PUB" : "ROUTER");
  const address = await ours.bind(room.address());
  const bad = room.socket("libzmq", type, { oracle });
  if (type === "SUB") await bad.subscribe("");
  bad.connect(address);
  if (type === "DEALER") void bad.send(["never"]).catch(() => {}); // Ends when it is closed.
  return [ours, bad, address] as const;
}

describe.each(Object.entries(mechanisms))("%s", (name, mechanism) => {
  expectNoLeaks();

  test.each(["DEALER", "SUB"] as const)(
    "a libzmq %s that asks for it is not served, and good peers are",
    async (type) => {
      await using room = new Room();
      const [ours, bad, address] = await connectBad(room, type, mechanism.client);
      await has(bad, "refused");
      await goesOn(room, ours, address);
      expect(ours.happened.filter((event) => event === "connected").length).toBe(1);
    },
  );

  // libzmq ends the connection when it has read our mechanism, before it tells its own: why, we cannot know. When our
  // greeting is there before libzmq looks for the first time, it leaves without a byte, as a port scanner does: nothing is
  // told then, and another one comes.
  test.each(["DEALER", "SUB"] as const)("ours tells that a libzmq %s has left the handshake", async (type) => {
    await using room = new Room();
    const [ours, first, address] = await connectBad(room, type, mechanism.client);
    await has(first, "refused");
    await eventually(async () => {
      if (ours.happened.includes("refused")) return true;
      const another = room.socket("libzmq", type, { oracle: mechanism.client });
      another.connect(address);
      await has(another, "refused");
      return false;
    }, "ours tells of one of them");
  });

  test.each(["PUB", "ROUTER"] as const)(
    "a libzmq %s that demands it is tried again, and told each time",
    async (type) => {
      await using room = new Room();
      const bad = room.socket("libzmq", type, { oracle: mechanism.server });
      const ours = room.socket("ours", type === "PUB" ? "SUB" : "DEALER");
      if (type === "PUB") await ours.subscribe("");
      ours.connect(await bad.bind(room.address()));
      await has(ours, "retry", 2);
      await has(bad, "refused", 2);
      expect(ours.happened).not.toContain("connected");
      await goesOn(room, ours, await ours.bind(room.address()));
    },
  );

  test("a peer that tells that it asks for it is cut", async () => {
    await using room = new Room();
    const ours = room.socket("ours", "PUB");
    const address = await ours.bind(room.address());
    await using bad = await RawPeer.to(address);
    bad.write(encodeGreeting({ mechanism: name }));
    await bad.wasCut();
    expect(ours.happened).toEqual(["listening", "cut: mechanism"]);
    await goesOn(room, ours, address);
  });
});

describe.each(misfits)("our %s and a libzmq %s", (type, other) => {
  expectNoLeaks();

  test("the one that connects to ours is cut, and what it sends is not received", async () => {
    await using room = new Room();
    const ours = room.socket("ours", type);
    if (isSubscriber(ours)) await ours.subscribe("");
    const address = await ours.bind(room.address());
    const bad = room.socket("libzmq", other);
    bad.connect(address);
    const sends = ["PUB", "XPUB", "REQ", "DEALER"].includes(other);
    if (sends) void bad.send(["never"]).catch(() => {}); // Ends when it is closed.
    await has(ours, "cut: socket-type");
    expect(ours.happened).not.toContain("connected");
    await goesOn(room, ours, address);
  });

  test("the one that ours connects to is cut", async () => {
    await using room = new Room();
    const ours = room.socket("ours", type);
    const bad = room.socket("libzmq", other);
    ours.connect(await bad.bind(room.address()));
    await has(ours, "cut: socket-type");
    expect([ours.peers, ours.happened.includes("connected")]).toEqual([0, false]);
  });
});

test("libzmq ends the connection of a type that does not fit as well", async () => {
  await using room = new Room();
  const [a, b] = [room.socket("libzmq", "PUB"), room.socket("libzmq", "REQ")];
  b.connect(await a.bind(room.address()));
  await has(a, "disconnected");
  expect(a.happened).not.toContain("connected");
});

import { codeOf, eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { Impl, PeerSocket } from "./adapters.ts";
import { link, pairOf, texts, ways } from "./pairs.ts";
import { Room } from "./room.ts";

const stateCode: Record<Impl, string> = { ours: "ZMTP_STATE", libzmq: "EFSM" };

/** The oracle waits where it would be an error to go on, unless it must answer at once. */
const atOnce = { oracle: { sendTimeout: 0, receiveTimeout: 0 } };

/** What works once something has come. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const results: T[] = [];
  const isDone = () =>
    work().then(
      (result) => results.push(result) > 0,
      (error: { code?: string }) => {
        if (error.code === "EAGAIN") return false;
        throw error;
      },
    );
  await eventually(isDone, "the other side");
  return results[0] as T;
}

/** Answers every request with its name and the request, until the room is closed. */
function serve(b: PeerSocket, name: string): void {
  const loop = async () => {
    for (;;) await b.send([name, ...(await b.receive())]);
  };
  loop().catch(() => {}); // Closed.
}

async function ask(a: PeerSocket, ...body: string[]): Promise<string[]> {
  await a.send(body);
  return texts(await a.receive());
}

/** So many REPs that answer with their number, and their addresses. */
async function servers(room: Room, impl: Impl, count: number): Promise<string[]> {
  const addresses: string[] = [];
  for (let n = 0; n < count; n++) {
    const b = room.socket(impl, "REP");
    addresses.push(await b.bind(room.address()));
    serve(b, `${n}`);
  }
  return addresses;
}

describe.each(ways)("%s to %s", (...way) => {
  const [implA, implB] = way;
  expectNoLeaks();

  test("a REQ that has sent must receive, and a REP that has received must send", async () => {
    await using room = new Room();
    const [a, b] = [room.socket(implA, "REQ", atOnce), room.socket(implB, "REP", atOnce)];
    a.connect(await b.bind(room.address()));
    expect(await codeOf(a.receive())).toBe(stateCode[implA]);
    expect(await codeOf(b.send(["unasked"]))).toBe(stateCode[implB]);
    await patiently(() => a.send(["request"]));
    expect(await codeOf(a.send(["another"]))).toBe(stateCode[implA]);
    expect(texts(await patiently(() => b.receive()))).toEqual(["request"]);
    expect(await codeOf(b.receive())).toBe(stateCode[implB]);
    await b.send(["reply"]);
    expect(await codeOf(b.send(["another"]))).toBe(stateCode[implB]);
    expect(texts(await patiently(() => a.receive()))).toEqual(["reply"]);
    expect(await codeOf(a.receive())).toBe(stateCode[implA]);
  });

  test("a request that is sent before anybody listens is answered when somebody does", async () => {
    await using room = new Room();
    const address = await room.freeAddress();
    const a = room.socket(implA, "REQ");
    a.connect(address);
    const answer = ask(a, "early");
    const b = room.socket(implB, "REP");
    await b.bind(address);
    serve(b, "late");
    expect(await answer).toEqual(["late", "early"]);
  });

  test("two REQs at one REP both get on, and each gets its own replies", async () => {
    await using room = new Room();
    const [address] = (await servers(room, implB, 1)) as [string];
    const clients = [room.socket(implA, "REQ"), room.socket(implA, "REQ")];
    for (const a of clients) a.connect(address);
    const work = async (a: PeerSocket, who: number) => {
      for (let n = 0; n < 200; n++) expect(await ask(a, `${who}`, `${n}`)).toEqual(["0", `${who}`, `${n}`]);
    };
    await Promise.all(clients.map(work));
  });

  test("a REP takes from those that ask in turns, however much one of them sends", async () => {
    await using room = new Room();
    const b = room.socket(implB, "REP");
    const address = await b.bind(room.address());
    const [busy, modest] = [room.socket(implA, "DEALER"), room.socket(implA, "REQ")];
    busy.connect(address);
    for (let n = 0; n < 100; n++) await busy.send(["", `busy ${n}`]);
    expect(texts(await b.receive())).toEqual(["busy 0"]);
    modest.connect(address);
    await modest.send(["modest"]);
    await eventually(() => b.peers === 2, "both to be there");
    await b.send(["done"]);
    const served: string[] = [];
    while (served.at(-1) !== "modest") {
      served.push(...texts(await b.receive()));
      await b.send(["done"]);
    }
    expect(texts(await modest.receive())).toEqual(["done"]);
    expect(served.length).toBeLessThanOrEqual(100);
  });

  test("a REQ asks one REP after the other", async () => {
    await using room = new Room();
    const a = room.socket(implA, "REQ");
    for (const address of await servers(room, implB, 2)) a.connect(address);
    await eventually(() => a.peers === 2, "both servers to be there");
    const names: (string | undefined)[] = [];
    for (let n = 0; n < 10; n++) names.push((await ask(a, "who"))[0]);
    const [first, second] = names;
    expect([first, second].sort()).toEqual(["0", "1"]);
    expect(names).toEqual(Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? first : second)));
  });

  test("a ROUTER gets a REQ's identity, an empty frame and the body, and its reply finds the way back", async () => {
    await using room = new Room();
    const b = room.socket(implB, "ROUTER");
    const address = await b.bind(room.address());
    const [one, two] = [room.socket(implA, "REQ", { identity: "one" }), room.socket(implA, "REQ")];
    const came = new Map<string, Buffer[]>();
    for (const a of [one, two]) {
      a.connect(address);
      await a.send([a === one ? "from one" : "from two", ""]);
      const frames = await b.receive();
      came.set(String(frames[2]), frames);
    }
    expect(texts(came.get("from one") ?? [])).toEqual(["one", "", "from one", ""]);
    const [made, ...rest] = came.get("from two") as [Buffer, ...Buffer[]];
    expect([made.length, made[0], ...texts(rest)]).toEqual([5, 0, "", "from two", ""]);
    await b.send([made, "", "to two"]);
    await b.send(["one", "", "to one"]);
    expect([texts(await one.receive()), texts(await two.receive())]).toEqual([["to one"], ["to two"]]);
  });

  test("a REP keeps the whole way back of a DEALER's request, and drops a request without an empty frame", async () => {
    await using room = new Room();
    const [a, b] = await link(room, pairOf("DEALER", "REP"), way);
    await a.send(["no delimiter"]);
    await a.send(["hop 1", "hop 2", "", "request", "", "more"]);
    expect(texts(await b.receive())).toEqual(["request", "", "more"]);
    await b.send(["reply", ""]);
    expect(texts(await a.receive())).toEqual(["hop 1", "hop 2", "", "reply", ""]);
  });

  test("a broker of ROUTER and DEALER carries requests and replies of many clients", async () => {
    await using room = new Room();
    const [front, back] = [room.socket(implB, "ROUTER"), room.socket(implA, "DEALER")];
    for (const address of await servers(room, implB, 2)) back.connect(address);
    const address = await front.bind(room.address());
    const pipe = async (from: PeerSocket, to: PeerSocket) => {
      for (;;) await to.send(await from.receive());
    };
    for (const run of [pipe(front, back), pipe(back, front)]) run.catch(() => {}); // Closed.
    const work = async (_: unknown, who: number) => {
      const a = room.socket(implA, "REQ");
      a.connect(address);
      for (let n = 0; n < 20; n++) expect((await ask(a, `${who}.${n}`))[1]).toBe(`${who}.${n}`);
    };
    await Promise.all(Array.from({ length: 5 }, work));
  });
});

describe.each(["ours", "libzmq"] as const)("our REQ at %s's ROUTER", (impl) => {
  expectNoLeaks();

  test("a reply without the empty frame is passed over (libzmq's REQ ends the connection)", async () => {
    await using room = new Room();
    const [a, b] = await link(room, pairOf("REQ", "ROUTER"), ["ours", impl]);
    await a.send(["1"]);
    const [identity] = (await b.receive()) as [Buffer];
    await b.send([identity, "no delimiter"]);
    await b.send([identity, "no delimiter", ""]);
    await b.send([identity, "", "reply"]);
    expect(texts(await a.receive())).toEqual(["reply"]);
  });
});

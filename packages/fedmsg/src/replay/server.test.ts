import { connect } from "node:net";
import { join } from "node:path";
import { codeOf, eventually, expectNoLeaks, range, tempFolder, withTimeout } from "@fedmsg/testkit";
import { Dealer, Request } from "@fedmsg/zmtp";
import { describe, expect, test } from "vitest";
import { filledJournal, TestJournal, timeMsOf } from "../../test/test-journal.ts";
import { askReplay } from "./client.ts";
import { type ReplayServerEvent, type ReplayServerOptions, startReplayServer } from "./server.ts";

expectNoLeaks();

const any = "tcp://127.0.0.1:*";
const patient = { queriesPerSecondMax: 1e6, queryBurstMax: 1e6 };

/** Starts a server and notes its events. */
async function start(options: Partial<ReplayServerOptions> = {}) {
  const events: ReplayServerEvent[] = [];
  const server = await startReplayServer({
    journal: await filledJournal(10),
    address: any,
    onEvent: (event) => events.push(event),
    ...options,
    limits: { ...patient, ...options.limits },
  });
  return { server, events, address: server.address, [Symbol.asyncDispose]: () => server.close() };
}

/** Asks as the Python client does: a REQ, one frame, whatever it is. */
async function ask(address: string, query: string | Uint8Array): Promise<string[]> {
  await using request = new Request({ lingerMs: 0, limits: { framesMax: 20_000 } });
  request.connect(address);
  return (await withTimeout(request.ask(query), "the answer")).map(String);
}

const ids = (bodies: readonly string[]) => bodies.map((body) => JSON.parse(body).seq_id);

describe("the Python system's queries find what they found there", () => {
  test.each([
    ['{"seq_id":3}', [3]],
    ['{"seq_ids":[9,2,5,2,99]}', [2, 5, 9]],
    ['{"seq_id_range":[2,6]}', range(2, 6)],
    ['{"seq_id_range":[8,1000000]}', range(8, 10)],
    ['{"seq_id_range":[-5,2]}', [1, 2]],
    ['{"msg_id":"id-4"}', [4]],
    ['{"msg_ids":["id-7","id-1","none"]}', [1, 7]],
    ['{"time":[1700000001,1700000001]}', range(5, 8)],
    ['{"time":[1699999999.5,1700000000.2]}', range(1, 4)],
    ["{}", range(1, 10)],
    ['{"seq_id":1,"msg_id":"id-9","seq_id_range":[4,5],"time":[1700000002,1800000000]}', [1, 4, 5, 9, 10]],
  ])("%s", async (query, expected) => {
    await using served = await start();
    expect(ids(await ask(served.address, query))).toEqual(expected);
  });

  test("what is sent is the exact bytes that were kept", async () => {
    const journal = new TestJournal();
    const body = Buffer.from('{"topic": "a",  "x": 1.0, "x": "\xff"}', "latin1");
    await journal.add("a", body);
    await using served = await start({ journal });
    const answer = await askReplay(served.address, { seq_id: 1 });
    expect(answer).toEqual({ kind: "frames", frames: [body] });
  });
});

describe("what cannot be answered is said in one frame", () => {
  const wrong = (field: string) => `error: 'Something went wrong when processing the field "${field}"'`;
  test.each([
    ['{"seq_id":11}', "error: 'There was no match for the given query'"],
    ['{"seq_ids":[]}', "error: 'There was no match for the given query'"],
    ['{"seq_id_range":[6,2]}', "error: 'There was no match for the given query'"],
    ['{"msg_id":""}', "error: 'There was no match for the given query'"],
    ['{"time":[1800000000,1700000000]}', "error: 'There was no match for the given query'"],
    ['{"foo":1}', "error: 'Unsupported field: \"key\"'"],
    ['{"time":[1]}', "error: 'Ill-format \"time\" field'"],
    ['{"seq_id_range":7}', "error: 'Ill-format \"sed_id_range\" field'"],
    ['{"seq_id_range":["a","b"]}', wrong("seq_id_range")],
    ['{"msg_ids":7}', wrong("msg_ids")],
    ["", "error: 'A query is a JSON object'"],
    ["nonsense", "error: 'A query is a JSON object'"],
    ["[".repeat(50_000), "error: 'A query is a JSON object'"],
    ["x".repeat(1024 * 1024), "error: 'The query has 1048576 bytes, 65536 are allowed'"],
  ])("%#", async (query, text) => {
    await using served = await start();
    expect(await ask(served.address, query)).toEqual([text]);
    expect(ids(await ask(served.address, '{"seq_id":1}'))).toEqual([1]);
  });

  test("an answer of too many messages says how to page", async () => {
    await using served = await start({ limits: { entriesMax: 4 } });
    expect(ids(await ask(served.address, '{"seq_id_range":[3,6]}'))).toEqual(range(3, 6));
    expect(await ask(served.address, '{"seq_id_range":[3,7]}')).toEqual([
      `error: 'The answer has 5 messages, 4 are allowed; ask for pages: {"after": 2, "limit": 1000}'`,
    ]);
  });

  test("an answer of too many bytes says how to page", async () => {
    await using served = await start({ limits: { bytesMax: 100 } });
    expect(await ask(served.address, "{}")).toEqual([
      `error: 'The answer has more than 100 bytes; ask for pages: {"after": 0, "limit": 1000}'`,
    ]);
  });

  test("a journal that cannot be read is told, and the next query is answered", async () => {
    const journal = await filledJournal(3);
    await using served = await start({ journal });
    const page = journal.page.bind(journal);
    journal.page = () => {
      throw new Error("disk");
    };
    expect(await ask(served.address, "{}")).toEqual(["error: 'The journal cannot be read now; ask again later'"]);
    expect(served.events).toContainEqual({ type: "failed", host: "127.0.0.1", error: new Error("disk") });
    journal.page = page;
    expect(ids(await ask(served.address, "{}"))).toEqual([1, 2, 3]);
  });
});

describe("pages", () => {
  const uuid = new TestJournal().uuid;

  test("a page begins with where it lies", async () => {
    await using served = await start();
    const [header, ...bodies] = await ask(served.address, '{"after":2,"limit":3}');
    expect(header).toBe(`{"first":1,"head":10,"journal":"${uuid}","through":5}`);
    expect(ids(bodies)).toEqual([3, 4, 5]);
  });

  test("of some topics: what lies between counts as looked at", async () => {
    await using served = await start();
    const [header, ...bodies] = await ask(served.address, '{"after":3,"topics":["org.test.b."],"limit":2}');
    expect(JSON.parse(header as string)).toMatchObject({ through: 9, head: 10 });
    expect(ids(bodies)).toEqual([6, 9]);
    const [last, ...none] = await ask(served.address, '{"after":9,"topics":["org.test.b."],"limit":2}');
    expect(JSON.parse(last as string)).toMatchObject({ through: 10, head: 10 });
    expect(none).toEqual([]);
  });

  test("at the head, and beyond it, there is only the header", async () => {
    await using served = await start();
    for (const after of [10, 11, 2 ** 53 - 1]) {
      const [header, ...bodies] = await ask(served.address, JSON.stringify({ after }));
      expect(JSON.parse(header as string)).toMatchObject({ through: 10, head: 10 });
      expect(bodies).toEqual([]);
    }
  });

  test("what was pruned shows in the header", async () => {
    const journal = await filledJournal(10);
    journal.prune({ olderThanMs: timeMsOf(7) });
    await using served = await start({ journal });
    const [header, ...bodies] = await ask(served.address, '{"after":2}');
    expect(JSON.parse(header as string)).toMatchObject({ first: 7, head: 10, through: 10 });
    expect(ids(bodies)).toEqual([7, 8, 9, 10]);
    expect(await ask(served.address, '{"seq_id_range":[1,6]}')).toEqual([
      "error: 'There was no match for the given query'",
    ]);
  });

  test("an empty journal has a page too", async () => {
    await using served = await start({ journal: new TestJournal() });
    expect(await ask(served.address, '{"after":0}')).toEqual([`{"first":1,"head":0,"journal":"${uuid}","through":0}`]);
    expect(await ask(served.address, "{}")).toEqual(["error: 'There was no match for the given query'"]);
  });

  test("pages are bounded in bytes, but one message always fits", async () => {
    const journal = new TestJournal();
    for (let n = 1; n <= 6; n++)
      await journal.add("t", JSON.stringify({ seq_id: n, x: "x".repeat(n === 4 ? 900_000 : 300_000) }));
    await using served = await start({ journal, limits: { pageBytesMax: 700_000 } });
    const pages: unknown[] = [];
    for (let after = 0; after < 6; ) {
      const [header, ...bodies] = await ask(served.address, JSON.stringify({ after }));
      after = JSON.parse(header as string).through;
      pages.push(ids(bodies));
    }
    expect(pages).toEqual([[1, 2], [3], [4], [5, 6]]);
  });

  test("info is the header with the journal's earlier names", async () => {
    await using served = await start();
    const [header, ...rest] = await ask(served.address, '{"info":true}');
    expect(JSON.parse(header as string)).toEqual({
      journal: uuid,
      first: 1,
      head: 10,
      through: 10,
      earlier: [{ uuid: "11111111-2222-4333-8444-555555555555", through: 3 }],
    });
    expect(rest).toEqual([]);
  });
});

describe("strangers", () => {
  test("frames without an envelope are dropped, and the peer goes on", async () => {
    await using served = await start();
    await using dealer = new Dealer({ lingerMs: 0 });
    dealer.connect(served.address);
    for (const frames of [["{}"], [""], ["", ""], ["a", "b"], ["", "{}", "{}"], ["a", ""]]) await dealer.send(frames);
    await dealer.send(["", '{"seq_id":1}']);
    expect(await dealer.receive().then((frames) => frames.map(String))).toEqual([
      "",
      "error: 'A query is a JSON object'",
    ]);
    expect(await dealer.receive().then(([, body]) => ids([String(body)]))).toEqual([1]);
    const dropped = served.events.reduce((sum, event) => sum + (event.type === "malformed" ? event.count : 0), 0);
    expect(dropped).toBe(5);
  });

  test("the way back is kept, however long", async () => {
    await using served = await start();
    await using dealer = new Dealer({ lingerMs: 0 });
    dealer.connect(served.address);
    await dealer.send(["one", "two", "", '{"seq_id":2}']);
    const [one, two, empty, body] = await dealer.receive();
    expect([one, two, empty].map(String)).toEqual(["one", "two", ""]);
    expect(ids([String(body)])).toEqual([2]);
  });

  test("answers to one peer come in the order of its questions", async () => {
    await using served = await start({ journal: await filledJournal(5000) });
    await using dealer = new Dealer({ lingerMs: 0, limits: { framesMax: 20_000 } });
    dealer.connect(served.address);
    const queries = [...Array(200).keys()].map((n) => (n % 2 ? { seq_id: n } : { seq_id_range: [n + 1, n + 2000] }));
    for (const query of queries) await dealer.send(["", JSON.stringify(query)]);
    for (const [n] of queries.entries()) {
      const [, body] = await withTimeout(dealer.receive(), `answer ${n}`);
      expect(ids([String(body)])).toEqual([n % 2 ? n : n + 1]);
    }
  });

  test("who asks too often is told so, and others are answered later", async () => {
    await using served = await start({ limits: { queriesPerSecondMax: 50, queryBurstMax: 5 } });
    await using dealer = new Dealer({ lingerMs: 0 });
    dealer.connect(served.address);
    for (let n = 0; n < 20; n++) await dealer.send(["", '{"seq_id":1}']);
    const answers: string[] = [];
    for (let n = 0; n < 20; n++) answers.push(String((await dealer.receive())[1]));
    expect(answers.slice(0, 5).every((text) => text.startsWith("{"))).toBe(true);
    expect(answers).toContain("error: 'Too many queries: 50 a second are allowed; ask again later'");
    await eventually(async () => (await ask(served.address, '{"seq_id":1}'))[0]?.startsWith("{") === true, "patience");
  });

  test("a flood of a hundred thousand queries is answered one by one, and holds up nobody", async () => {
    await using served = await start({ limits: { queriesPerSecondMax: 50, queryBurstMax: 100 } });
    await using flood = new Dealer({ lingerMs: 0 });
    flood.connect(served.address);
    for (let n = 0; n < 100_000; n++) flood.trySend(["", "{}"]) || (await flood.send(["", "{}"]));
    await flood.receive();
    expect((await ask(served.address, '{"info":true}'))[0]).toMatch(/^\{|^error: 'Too many queries/);
  });

  test("a client that does not read its answer holds up nobody, and is cut", async () => {
    const journal = new TestJournal();
    for (let n = 1; n <= 20; n++) await journal.add("t", JSON.stringify({ seq_id: n, x: "x".repeat(500_000) }));
    await using served = await start({ journal, limits: { stallMs: 1500 } });
    const deaf = await rawRequest(served.address, "{}");
    await eventually(() => served.events.some(({ type }) => type === "answered"), "the answer of the deaf one");
    expect(ids(await ask(served.address, '{"seq_id":20}'))).toEqual([20]);
    expect(served.events.some(({ type }) => type === "stalled")).toBe(false); // Nobody waited for the deaf one's end.
    await eventually(() => served.events.some(({ type }) => type === "stalled"), "the end of the deaf one");
    deaf.destroy();
  });

  test("answers that nobody takes are bounded: who took nothing for longest is cut first", async () => {
    const journal = new TestJournal();
    for (let n = 1; n <= 20; n++) await journal.add("t", JSON.stringify({ seq_id: n, x: "x".repeat(500_000) }));
    await using served = await start({ journal, limits: { unsentBytesMax: 12_000_000 } });
    const one = await rawRequest(served.address, "{}");
    await eventually(() => served.events.filter(({ type }) => type === "answered").length === 1, "the first");
    const two = await rawRequest(served.address, "{}");
    await eventually(() => served.events.filter(({ type }) => type === "answered").length === 2, "the second");
    expect(served.events.filter(({ type }) => type === "stalled")).toHaveLength(1);
    const closed = new Promise((resolve) => one.once("close", resolve));
    one.resume();
    await withTimeout(closed, "the end of the first");
    expect(ids(await ask(served.address, "{}"))).toEqual(range(1, 20));
    two.destroy();
  });

  test("more connections than allowed are not accepted", async () => {
    await using served = await start({ limits: { peersMax: 1 } });
    await using first = new Request({ lingerMs: 0 });
    first.connect(served.address);
    await first.ask("{}");
    expect(await codeOf(askReplay(served.address, {}, { timeoutMs: 200 }))).toBe("FEDMSG_TIMEOUT");
    expect(served.events.some(({ type }) => type === "cut")).toBe(true);
  });

  test("a listener that throws ends nothing", async () => {
    await using served = await start({
      onEvent: () => {
        throw new Error("listener");
      },
    });
    expect(ids(await ask(served.address, '{"seq_id":1}'))).toEqual([1]);
  });
});

describe("its end", () => {
  test("closing while answers are put together ends them, and nobody reads the journal afterwards", async () => {
    const journal = await filledJournal(100_000);
    const { server } = await start({ journal, limits: { entriesMax: 1e6 } });
    const asked = Promise.allSettled([1, 2, 3].map(() => askReplay(server.address, {}, { timeoutMs: 500 })));
    await eventually(() => journal.pages > 3, "the answers have begun");
    await Promise.all([server.close(), server.close()]);
    const { pages } = journal;
    for (const outcome of await asked) {
      expect(outcome).toMatchObject({
        status: "rejected",
        reason: { code: expect.stringMatching(/TRANSPORT|TIMEOUT/) },
      });
    }
    expect(journal.pages).toBe(pages);
  });

  test("a signal closes it", async () => {
    const controller = new AbortController();
    const { server } = await start({ signal: controller.signal });
    controller.abort();
    await server.close();
    expect(await codeOf(start({ signal: controller.signal }))).toBe("FEDMSG_ABORTED");
  });

  test("an address that is taken, wrong, or of another transport is an error, and leaves nothing behind", async () => {
    await using served = await start();
    expect(await codeOf(start({ address: served.address }))).toBe("FEDMSG_ADDRESS_IN_USE");
    expect(await codeOf(start({ address: "tcp://" }))).toBe("FEDMSG_ADDRESS_INVALID");
    expect(await codeOf(start({ transport: "libzmq" }))).toBe("FEDMSG_UNSUPPORTED");
  });
});

test("it serves over ipc", async () => {
  await using served = await start({ address: `ipc://${join(tempFolder(), "replay")}` });
  expect(ids(await ask(served.address, '{"seq_id_range":[1,3]}'))).toEqual([1, 2, 3]);
});

test("a journal that is replaced is served from then on", async () => {
  let journal = await filledJournal(3);
  await using served = await start({ journal: () => journal });
  expect(ids(await ask(served.address, "{}"))).toEqual([1, 2, 3]);
  journal = await filledJournal(4);
  expect(ids(await ask(served.address, "{}"))).toEqual([1, 2, 3, 4]);
});

/** A REQ that asks and reads nothing more: greeting, READY, and the request, by hand (ZMTP 3.0). */
async function rawRequest(address: string, query: string) {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port) });
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.on("error", () => {});
  const greeting = Buffer.alloc(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  greeting.write("NULL", 12);
  const ready = Buffer.from("\x05READY\x0bSocket-Type\x00\x00\x00\x03REQ", "latin1");
  socket.write(Buffer.concat([greeting, Buffer.from([4, ready.length]), ready]));
  socket.write(Buffer.concat([Buffer.from([1, 0, 0, query.length]), Buffer.from(query)]));
  socket.pause();
  return socket;
}

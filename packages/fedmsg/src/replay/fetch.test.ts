import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { codeOf, eventually, expectNoLeaks, range, tempFolder, withTimeout } from "@fedmsg/testkit";
import { Reply } from "@fedmsg/zmtp";
import { describe, expect, test, vi } from "vitest";
import { filledJournal, TestJournal } from "../../test/test-journal.ts";
import { askReplay } from "./client.ts";
import { type FetchedPage, fetchPages, fetchRange, type PagesOptions } from "./fetch.ts";
import { type ReplayLimits, type ReplayServer, startReplayServer } from "./server.ts";

expectNoLeaks();

const any = "tcp://127.0.0.1:*";
const uuid = new TestJournal().uuid;
const other = "99999999-2222-4333-8444-555555555555";

function serve(journal: TestJournal, limits: Partial<ReplayLimits> = {}, address = any): Promise<ReplayServer> {
  return startReplayServer({
    journal,
    address,
    limits: { queriesPerSecondMax: 1e6, queryBurstMax: 1e6, ...limits },
  });
}

/** Somebody who answers as the test says; no answer where it says nothing. */
class Scripted implements AsyncDisposable {
  readonly asked: unknown[] = [];
  readonly address: string;
  readonly #reply: Reply;

  private constructor(reply: Reply, address: string) {
    this.#reply = reply;
    this.address = address;
  }

  static async start(answer: (query: Record<string, number>, n: number) => unknown[]): Promise<Scripted> {
    const reply = new Reply({ lingerMs: 0 });
    const scripted = new Scripted(reply, await reply.bind(any));
    void (async () => {
      for await (const [query] of reply) {
        const value = JSON.parse(String(query));
        const frames = answer(value, scripted.asked.push(value) - 1);
        await reply.send(
          frames.map((frame) =>
            frame instanceof Uint8Array || typeof frame === "string" ? frame : JSON.stringify(frame),
          ),
        );
      }
    })().catch(() => {});
    return scripted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reply.close();
  }
}

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const page of pages) list.push(page);
  return list;
}

const ids = (pages: readonly { readonly bodies: readonly Buffer[] }[]) =>
  pages.flatMap(({ bodies }) => bodies.map((body) => JSON.parse(String(body)).seq_id));
const fast = { retryMs: 1, timeoutMs: 1000 };

describe("pages from a server of ours", () => {
  test("a hundred thousand messages come, each once, in order, a page at a time", async () => {
    await using server = await serve(await filledJournal(100_000));
    let next = 1;
    for await (const { header, bodies } of fetchPages(server.address, { after: 0 })) {
      expect(bodies.length).toBeLessThanOrEqual(1000);
      for (const body of bodies)
        if (JSON.parse(String(body)).seq_id !== next++) throw new Error(`${next - 1} is missing`);
      expect(header).toEqual({ journal: uuid, first: 1, head: 100_000, through: next - 1 });
    }
    expect(next).toBe(100_001);
  });

  test("over ipc, of some topics", async () => {
    await using server = await serve(await filledJournal(30), {}, `ipc://${join(tempFolder(), "replay")}`);
    const pages = await all(fetchPages(server.address, { after: 4, topics: ["org.test.b."], limit: 4 }));
    expect(ids(pages)).toEqual([6, 9, 12, 15, 18, 21, 24, 27, 30]);
    expect(pages.map(({ header }) => header.through)).toEqual([15, 27, 30]);
  });

  test("up to a position, and not beyond", async () => {
    await using server = await serve(await filledJournal(30));
    expect(ids(await all(fetchPages(server.address, { after: 3, through: 12, limit: 4 })))).toEqual(range(4, 12));
    expect(await all(fetchPages(server.address, { after: 12, through: 12 }))).toEqual([]);
    const beyond = await all(fetchPages(server.address, { after: 28, through: 500 }));
    expect(ids(beyond)).toEqual([29, 30]);
  });

  test("what is appended meanwhile is left to the next time", async () => {
    const journal = await filledJournal(10);
    await using server = await serve(journal);
    const seen: number[] = [];
    for await (const page of fetchPages(server.address, { after: 0, limit: 5 })) {
      seen.push(page.header.through);
      for (let n = 0; n < 5; n++) await journal.add("t", "{}");
    }
    expect(seen).toEqual([5, 10]);
  });

  test("a position that the journal never had: one page says where its head is", async () => {
    await using server = await serve(await filledJournal(3));
    const pages = await all(fetchPages(server.address, { after: 7 }));
    expect(pages).toEqual([{ header: { journal: uuid, first: 1, head: 3, through: 3 }, bodies: [] }]);
  });

  test("who is asked for patience waits and asks again", async () => {
    await using server = await serve(await filledJournal(12), { queriesPerSecondMax: 100, queryBurstMax: 2 });
    expect(ids(await all(fetchPages(server.address, { after: 0, limit: 2, retryMs: 10 })))).toEqual(range(1, 12));
  });

  test("messages that are too large together are asked for one by one", async () => {
    const journal = new TestJournal();
    for (let n = 1; n <= 10; n++) await journal.add("t", JSON.stringify({ seq_id: n, x: "x".repeat(1000) }));
    await using server = await serve(journal);
    expect(ids(await all(fetchPages(server.address, { after: 0, bytesMax: 1500 })))).toEqual(range(1, 10));
    expect(await codeOf(all(fetchPages(server.address, { after: 0, bytesMax: 500 })))).toBe("FEDMSG_TRANSPORT");
  });

  test("a server that is started later, or again, is found", async () => {
    const journal = await filledJournal(20);
    const first = await serve(journal);
    const pages = fetchPages(first.address, { after: 0, limit: 10, retryMs: 1 });
    const seen = [(await pages.next()).value as FetchedPage];
    await first.close();
    const rest = all(pages);
    await using again = await serve(journal, {}, first.address);
    seen.push(...(await withTimeout(rest, "the rest")));
    expect(ids(seen)).toEqual(range(1, 20));
    expect(again.address).toBe(first.address);
  });
});

describe("failures", () => {
  test("nobody is there", async () => {
    const server = await serve(new TestJournal());
    await server.close();
    expect(await codeOf(askReplay(server.address, {}, { timeoutMs: 100 }))).toBe("FEDMSG_TIMEOUT");
    const pages = fetchPages(server.address, { after: 0, timeoutMs: 50, retryMs: 1, triesMax: 3 });
    expect(await codeOf(pages.next())).toBe("FEDMSG_TIMEOUT");
  });

  test("a server that takes connections and says nothing", async () => {
    const taken: Socket[] = [];
    const mute = createServer((socket) => taken.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    expect(await codeOf(askReplay(`tcp://127.0.0.1:${port}`, {}, { timeoutMs: 100 }))).toBe("FEDMSG_TIMEOUT");
    for (const socket of taken) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });

  test("an address that is none", async () => {
    expect(await codeOf(askReplay("http://x", {}))).toBe("FEDMSG_ADDRESS_INVALID");
    expect(await codeOf(fetchPages("nonsense", { after: 0 }).next())).toBe("FEDMSG_ADDRESS_INVALID");
  });

  test("a signal ends a question, a pause, and what has not begun", async () => {
    const server = await serve(new TestJournal());
    await server.close();
    // The question is the first to listen to the signal, the pause behind it the second.
    for (const [listeners, options] of [
      [1, { timeoutMs: 60_000 }],
      [2, { timeoutMs: 1, retryMs: 60_000 }],
    ] as const) {
      const controller = new AbortController();
      const listening = vi.spyOn(controller.signal, "addEventListener");
      const code = codeOf(fetchPages(server.address, { after: 0, ...options, signal: controller.signal }).next());
      await eventually(() => listening.mock.calls.length === listeners, `listener ${listeners}`);
      controller.abort();
      expect(await code).toBe("FEDMSG_ABORTED");
      expect(await codeOf(askReplay(server.address, {}, { signal: controller.signal }))).toBe("FEDMSG_ABORTED");
    }
  });

  test("a loop that is left gives its connection back", async () => {
    await using server = await serve(await filledJournal(30));
    for await (const { header } of fetchPages(server.address, { after: 0, limit: 3 })) {
      if (header.through >= 6) break;
    }
  });
});

describe("answers that cannot be are refused", () => {
  const header = { journal: uuid, first: 1, head: 9, through: 5 };
  const options: PagesOptions = { after: 3, ...fast, triesMax: 1 };
  test.each<[string, unknown[]]>([
    ["no JSON", ["x"]],
    ["no object", [[1]]],
    ["null", [null]],
    ["an empty frame", [""]],
    ["bytes that are not UTF-8", [Buffer.from([0xff])]],
    ["a journal without a name", [{ ...header, journal: "" }]],
    ["a name that is no UUID", [{ ...header, journal: "../../etc" }]],
    ["a head that is no number", [{ ...header, head: "9" }]],
    ["a head that is no position", [{ ...header, head: -1 }]],
    ["a head beyond all numbers", [{ ...header, head: 2 ** 60 }]],
    ["a first position beyond the head", [{ ...header, first: 11 }]],
    ["no first position", [{ journal: uuid, head: 9, through: 5 }]],
    ["through beyond the head", [{ ...header, through: 10 }]],
    ["through before after", [{ ...header, through: 2 }]],
    ["through that stands still", [{ ...header, through: 3 }]],
    ["more messages than positions", [header, "{}", "{}", "{}"]],
    ["a header of a megabyte", [{ ...header, x: "x".repeat(1_000_000) }]],
    ["earlier names that are none", [{ ...header, earlier: [{ uuid: 1, through: 2 }] }]],
    ["a match that is none", ["error: 'There was no match for the given query'"]],
  ])("%s", async (_, frames) => {
    await using server = await Scripted.start(() => frames);
    expect(await codeOf(all(fetchPages(server.address, options)))).toBe("FEDMSG_TRANSPORT");
  });

  test("more messages than were asked for", async () => {
    await using server = await Scripted.start(() => [{ ...header, through: 9 }, "{}", "{}", "{}"]);
    expect(await codeOf(all(fetchPages(server.address, { ...options, limit: 2 })))).toBe("FEDMSG_TRANSPORT");
  });

  test("another journal than before, or than the one that is meant", async () => {
    await using server = await Scripted.start((_, n) => [{ ...header, journal: n === 0 ? uuid : other }]);
    expect(await codeOf(all(fetchPages(server.address, options)))).toBe("FEDMSG_TRANSPORT");
    expect(server.asked).toHaveLength(2);
    expect(await codeOf(all(fetchPages(server.address, { ...options, journal: uuid })))).toBe("FEDMSG_TRANSPORT");
  });

  test("pages without a message for ever", async () => {
    const head = 2 ** 52;
    await using server = await Scripted.start(({ after }) => [{ ...header, head, through: (after as number) + 1 }]);
    expect(await codeOf(all(fetchPages(server.address, options)))).toBe("FEDMSG_TRANSPORT");
    expect(server.asked).toHaveLength(1000);
  });

  test("more frames, or more bytes, than there may be are not even read", async () => {
    await using server = await Scripted.start(({ limit }) =>
      limit ? Array(20_000).fill("") : [Buffer.alloc(1_000_000)],
    );
    expect(await codeOf(askReplay(server.address, { after: 0, limit: 1 }))).toBe("FEDMSG_TRANSPORT");
    expect(await codeOf(askReplay(server.address, {}, { bytesMax: 1000 }))).toBe("FEDMSG_TRANSPORT");
  });

  test("a header's other fields are passed over", async () => {
    const more = JSON.parse('{"__proto__":{"polluted":true},"later":1}');
    await using server = await Scripted.start(() => [{ ...header, ...more, through: 9 }, '{"seq_id":4}']);
    const [page] = await all(fetchPages(server.address, options));
    expect(page?.header).toEqual({ ...header, through: 9 });
  });
});

describe("a Python server", () => {
  const python = (query: Record<string, unknown>) => {
    const [field] = Object.keys(query);
    if (field === "seq_ids") {
      const found = (query.seq_ids as number[]).filter((id) => id <= 7 && id !== 4).map((seq_id) => ({ seq_id }));
      return found.length > 0 ? found : ["error: 'There was no match for the given query'"];
    }
    if (field === "seq_id_range") return [`error: 'Something went wrong when processing the field "seq_id_range"'`];
    return ["error: 'Unsupported field: \"key\"'"];
  };

  test("knows no pages, and that is said at once", async () => {
    await using server = await Scripted.start(python);
    expect(await codeOf(fetchPages(server.address, { after: 0 }).next())).toBe("FEDMSG_UNSUPPORTED");
    expect(server.asked).toHaveLength(1);
  });

  test("whose ranges are broken is asked by name", async () => {
    await using server = await Scripted.start(python);
    const ranges = await all(fetchRange(server.address, 2, 12, { limit: 4, ...fast }));
    expect(ids(ranges)).toEqual([2, 3, 5, 6, 7]);
    expect(ranges.map(({ from, to }) => [from, to])).toEqual([
      [2, 5],
      [6, 9],
      [10, 12],
    ]);
  });

  test("a server of ours gives ranges too, and where an answer is too large, less at a time", async () => {
    await using server = await serve(await filledJournal(30), { entriesMax: 5 });
    expect(ids(await all(fetchRange(server.address, 3, 40, fast)))).toEqual(range(3, 30));
  });

  test("more messages than were asked for are refused", async () => {
    await using server = await Scripted.start(() => ["{}", "{}", "{}"]);
    expect(await codeOf(all(fetchRange(server.address, 1, 2, fast)))).toBe("FEDMSG_TRANSPORT");
  });

  test("another refusal is an error with its words", async () => {
    await using server = await Scripted.start(() => ["error: 'Nobody is at home'"]);
    const error = await fetchRange(server.address, 1, 2, fast)
      .next()
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: "FEDMSG_TRANSPORT", message: expect.stringContaining("Nobody is at home") });
  });
});

test("questions wait for a server that is slow, within the time allowed", async () => {
  const journal = await filledJournal(5);
  await using server = await serve(journal, { answersMax: 1 });
  const answers = await Promise.all(range(1, 20).map(() => askReplay(server.address, { seq_id: 2 })));
  expect(answers.every(({ kind }) => kind === "frames")).toBe(true);
  await eventually(() => journal.pages >= 20, "all questions");
});

/** Messages from a history service, whatever that does. */

import { gzipSync } from "node:zlib";
import { expectNoLeaks, range, signedConfig, withTimeout } from "@fedmsg/testkit";
import { createSigner } from "fedmsg/crypto";
import { Trust } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { HistoryServer, rowOf } from "../../test/history-server.ts";
import { type FetchBacklogOptions, fetchBacklog, type MissedMessage, place } from "./fetch-backlog.ts";

expectNoLeaks();

const start = 1_795_000_000;
const end = start + 10_000;

interface Fetched {
  readonly messages: readonly MissedMessage[];
  readonly warnings: readonly string[];
}

/** Everything that a service has, with pauses of a moment. */
async function fetchAll(server: HistoryServer, options: Partial<FetchBacklogOptions> = {}): Promise<Fetched> {
  const warnings: string[] = [];
  const messages: MissedMessage[] = [];
  const all = fetchBacklog({
    url: server.url,
    ...{ start, end, topics: [], pauses: { firstMs: 1, mostMs: 4 } },
    signal: new AbortController().signal,
    onWarning: (detail) => warnings.push(detail),
    ...options,
  });
  const reading = (async () => {
    for await (const message of all) messages.push(message);
  })();
  await withTimeout(reading, "the end of the backlog");
  return { messages, warnings };
}

function numbers({ messages }: Fetched): unknown[] {
  return messages.map(({ message }) => message.i);
}

describe("a service that works", () => {
  test("gives everything in order, page by page, cleaned of what it added", async () => {
    await using server = await HistoryServer.start(range(1, 250).map((n) => rowOf(n, start + n)));
    const fetched = await fetchAll(server);
    expect(numbers(fetched)).toEqual(range(1, 250));
    expect(fetched.warnings).toEqual([]);
    const common = { rows_per_page: "100", order: "asc", start: String(start), end: String(end) };
    expect(server.asked).toEqual(["1", "2", "3"].map((page) => ({ ...common, page })));
    const { name, endpoint, topic, message, body, trust } = fetched.messages[0] as MissedMessage;
    expect([name, endpoint]).toEqual(["datagrepper", server.url]);
    expect([topic, trust]).toEqual(["org.test.prod.git.push", "unchecked"]);
    expect(Buffer.from(body).toString()).toBe(
      `{"i":1,"msg":{"n":1},"msg_id":"2026-1","timestamp":${start + 1},"topic":"org.test.prod.git.push"}`,
    );
    expect(message).toEqual(JSON.parse(Buffer.from(body).toString()));
  });

  test("has nothing", async () => {
    await using server = await HistoryServer.start();
    expect(await fetchAll(server)).toEqual({ messages: [], warnings: [] });
  });

  test("has other topics as well: they are compared as a live message's, to the last character", async () => {
    const topics = [
      "org.test.prod.git.push",
      "org.test.prod.git.pusher",
      "org.test.prod.git.pull",
      "org.test.prod.wiki",
    ];
    await using server = await HistoryServer.start(topics.map((topic, n) => rowOf(n, start + n, topic)));
    expect(numbers(await fetchAll(server, { topics: ["org.test.prod.git.push"] }))).toEqual([0, 1]);
    expect(numbers(await fetchAll(server, { topics: ["org.test.*.git.#", "org.test.prod.wiki"] }))).toEqual([
      0, 1, 2, 3,
    ]);
    expect(numbers(await fetchAll(server, { topics: ["org.test.*.*.push"] }))).toEqual([0]);
  });

  test("whose full last page is the last refuses the one behind it, or has none", async () => {
    await using server = await HistoryServer.start(range(1, 10).map((n) => rowOf(n, start + n)));
    expect(numbers(await fetchAll(server, { rowsPerPage: 5 }))).toEqual(range(1, 10));
    server.misdeeds.push(answer, answer, (_, response) => response.writeHead(400).end());
    const fetched = await fetchAll(server, { rowsPerPage: 5 });
    expect([numbers(fetched), fetched.warnings]).toEqual([range(1, 10), []]);
  });

  test("gives signed messages, of any age, that validate; others are refused", async () => {
    const config = signedConfig();
    const signer = await createSigner(config);
    const ending = new AbortController();
    const trust = await Trust.open(config, { emit: () => {} }, ending.signal);
    const judge = await trust.createJudge();
    const plain = { i: 1, msg: { ratio: 0.1 }, msg_id: "2026-1", topic: "org.test.prod.git.push", timestamp: start };
    const signed = signer.sign(plain);
    const added = { source_name: "datanommer", source_version: "1", headers: {} };
    await using server = await HistoryServer.start([
      { ...signed, ...added, timestamp: start },
      { ...signed, ...added, timestamp: start, i: 2 },
      { ...plain, ...added, timestamp: start, i: 3 },
    ]);
    const fetched = await fetchAll(server, { validate: (message) => judge.judge(message, "whenever") });
    expect(numbers(fetched)).toEqual([1]);
    expect(fetched.messages[0]).toMatchObject({ trust: "signed", signer: expect.stringContaining("shell") });
    expect(fetched.warnings).toEqual([expect.stringMatching(/: 2 messages are refused; the first: .*signature/)]);
    ending.abort();
  });
});

const answer = (_: unknown, response: { end(text: string): unknown }, text: () => string) => void response.end(text());

describe("a service that fails", () => {
  test("is asked again until it works, and each failure is told", async () => {
    await using server = await HistoryServer.start(range(1, 5).map((n) => rowOf(n, start + n)));
    server.misdeeds.push(
      (_, response) => response.writeHead(500).end("{}"),
      (_, response) => response.writeHead(429, { "retry-after": "0.01" }).end(),
      (_, response) => response.writeHead(404).end(),
      (request) => request.socket.destroy(),
      (_, response) => response.end("<html>down for maintenance</html>"),
      (_, response) => response.end('{"error": "no"}'),
      (_, response) => response.end('{"raw_messages": 7}'),
      (_, response) => response.end("[1, 2]"),
      (_, response) => response.end('{"raw_messages": ['),
      (_, response) => response.end(Buffer.from([0xff, 0xfe])),
      (_, response) => response.end(`{"raw_messages": ${"[".repeat(100_000)}`),
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    );
    const { warnings, ...fetched } = await fetchAll(server);
    expect(numbers({ warnings, ...fetched })).toEqual(range(1, 5));
    expect(warnings).toHaveLength(12);
    for (const [n, expected] of [/status 500/, /status 429/, /status 404/, /cannot be fetched: /].entries()) {
      expect(warnings[n]).toMatch(expected);
      expect(warnings[n]).toMatch(/asked again in \d+\.\d s$/);
    }
    expect(warnings[4]).toMatch(/is not JSON .*the URL must be that of \/raw/);
    expect(warnings[5]).toMatch(/has no raw_messages/);
    expect(warnings[11]).toMatch(/redirects are not followed; it leads to http:\/\/127\.0\.0\.1:1/);
  });

  test("with a body that does not end, or that unpacks to one, is cut", async () => {
    await using server = await HistoryServer.start([rowOf(1, start)]);
    const endless = (_: unknown, response: { write(text: string, then: () => void): unknown; destroyed: boolean }) => {
      const more = () => {
        if (!response.destroyed) response.write(`${" ".repeat(65_536)}`, more);
      };
      more();
    };
    for (let n = 0; n < 3; n++) server.misdeeds.push(endless);
    const fetched = await fetchAll(server, { answer: { bytesMax: 1_000_000 } });
    expect(fetched.warnings).toEqual([expect.stringMatching(/message 1 from .* is passed over: .*over 1000000 bytes/)]);
    expect(numbers(fetched)).toEqual([]);
    server.misdeeds.push((_, response) => {
      response.setHeader("content-encoding", "gzip").end(gzipSync(" ".repeat(10_000_000)));
    });
    const again = await fetchAll(server, { answer: { bytesMax: 1_000_000 } });
    expect([numbers(again), server.asked.at(-1)?.rows_per_page]).toEqual([[1], "10"]);
  });

  test("that is silent is given up, and asked again", async () => {
    await using server = await HistoryServer.start([rowOf(1, start)]);
    server.misdeeds.push(() => {});
    server.misdeeds.push((_, response) => void response.write('{"raw_'));
    const fetched = await fetchAll(server, { answer: { timeoutMs: 50 } });
    expect(numbers(fetched)).toEqual([1]);
    expect(fetched.warnings).toEqual([
      expect.stringMatching(/no answer within 50 ms/),
      expect.stringMatching(/no answer within 50 ms/),
    ]);
  });

  test("pages too large are asked for in smaller ones, and nothing is given twice or passed over", async () => {
    await using server = await HistoryServer.start(
      range(0, 34).map((n) => ({ ...rowOf(n, start + n), text: "x".repeat(n % 10 === 3 ? 5000 : 100) })),
    );
    const fetched = await fetchAll(server, { rowsPerPage: 10, answer: { bytesMax: 4000 } });
    expect(numbers(fetched)).toEqual(range(0, 34).filter((n) => n % 10 !== 3));
    expect(fetched.warnings).toHaveLength(4);
  });

  test("rows that are no messages are refused, counted, and hide no other", async () => {
    await using server = await HistoryServer.start();
    const rows = [
      "7",
      "null",
      "[]",
      "{}",
      '{"topic": 7}',
      `{"topic": "${"t".repeat(5000)}"}`,
      '{"topic": "a", "i": 1e400}',
    ];
    const good = JSON.stringify(rowOf(9, start));
    server.misdeeds.push((_, response) =>
      response.end(`{"raw_messages": [${[...rows, good].join(", ")}], "pages": 1}`),
    );
    const fetched = await fetchAll(server);
    expect(numbers(fetched).at(-1)).toBe(9);
    expect(fetched.warnings).toEqual([
      expect.stringMatching(/[5-7] messages are refused; the first: not a JSON object/),
    ]);
  });
});

describe("ending", () => {
  test("the signal ends what waits for an answer, and for a pause, without an error", async () => {
    await using server = await HistoryServer.start([rowOf(1, start)]);
    for (const misdeed of ["silence", "failure"]) {
      const ending = new AbortController();
      server.misdeeds.push((_, response) => {
        if (misdeed === "failure") response.writeHead(503).end();
        else ending.abort();
      });
      const pauses = { firstMs: 1e6, mostMs: 1e6 };
      const onWarning = () => ending.abort();
      expect(numbers(await fetchAll(server, { signal: ending.signal, pauses, onWarning }))).toEqual([]);
    }
    expect(numbers(await fetchAll(server, { signal: AbortSignal.abort() }))).toEqual([]);
    expect(server.asked).toHaveLength(2);
  });

  test("whoever stops reading asks for nothing more", async () => {
    await using server = await HistoryServer.start(range(1, 10).map((n) => rowOf(n, start + n)));
    const options = { url: server.url, start, end, topics: [], rowsPerPage: 2, onWarning: () => {} };
    for await (const _ of fetchBacklog({ ...options, signal: new AbortController().signal })) break;
    expect(server.asked).toHaveLength(1);
  });
});

test("user and password of the URL are sent, and never told", async () => {
  await using server = await HistoryServer.start();
  server.misdeeds.push((_, response) => response.writeHead(500).end());
  const url = server.url.replace("://", "://me:s%20cret@");
  const { warnings } = await fetchAll(server, { url: `${url}?x=1` });
  expect(server.headers.authorization).toBe(`Basic ${Buffer.from("me:s cret").toString("base64")}`);
  expect(server.asked[0]).toMatchObject({ x: "1", page: "1" });
  expect(warnings[0]).not.toMatch(/cret|me:/);
  expect(place(url)).toBe(server.url);
});

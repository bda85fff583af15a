/** Replay between ours and Python's: REQ and REP of pyzmq, used as fedmsg 1.1.7 uses them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fetchPages, fetchRange, type Journal, type JournalEntry, startReplayServer } from "fedmsg/plugin";
import { beforeAll, expect, test } from "vitest";
import { ensureProgram } from "../src/programs.ts";
import { range } from "../src/range.ts";
import { codeOf, withTimeout } from "../src/waiting.ts";

const python = "/usr/bin/python3"; // Debian's, for which Debian packages pyzmq.
const any = "tcp://127.0.0.1:*";

beforeAll(() => {
  ensureProgram({ debianPackage: "python3-zmq", check: [python, "-c", "import zmq"] });
}, 300_000);

/** Asks what stands on each line of stdin, with a new REQ each time; prints a line of JSON: the frames, as texts. */
const clientScript = `
import json, sys, zmq
context = zmq.Context()
for line in sys.stdin:
    socket = context.socket(zmq.REQ)
    socket.connect(sys.argv[1])
    query = json.loads(line)
    socket.send(query.encode("utf-8") if isinstance(query, str)
                else json.dumps(query, sort_keys=True, separators=(",", ":")).encode("utf-8"))
    frames = socket.recv_multipart()
    socket.close()
    print(json.dumps([frame.decode("utf-8") for frame in frames]), flush=True)
`;

/**
 * A REP that answers as the old SQL store does, or, with "mended", as it was meant to. It holds the messages 1 to 20, without
 * 7. What raises anything but ValueError ends it.
 */
const serverScript = `
import json, sys, zmq
mended = sys.argv[1] == "mended"
messages = {n: {"seq_id": n, "msg_id": "id-%d" % n, "topic": "t", "x": 1.0} for n in range(1, 21) if n != 7}

def predicate(key, value):
    if key == "seq_ids": return lambda m: m["seq_id"] in value
    if key == "seq_id": return lambda m: m["seq_id"] == value
    if key == "msg_ids": return lambda m: m["msg_id"] in value
    if key == "seq_id_range":
        first, last = value
        if not mended: raise ValueError('Something went wrong when processing the field "seq_id_range"')
        return lambda m: first <= m["seq_id"] <= last
    raise ValueError('Unsupported field: "key"')

def get(query):
    tests = [predicate(key, value) for key, value in query.items()]
    found = [m for m in messages.values() if not tests or any(test(m) for test in tests)]
    if not found: raise ValueError("There was no match for the given query")
    return found

socket = zmq.Context().socket(zmq.REP)
socket.bind("tcp://127.0.0.1:*")
print(socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
while True:
    query = json.loads(socket.recv().decode("utf-8"))
    try:
        socket.send_multipart([json.dumps(m, sort_keys=True, separators=(",", ":")).encode("utf-8") for m in get(query)])
    except ValueError as error:
        socket.send("error: '{0}'".format(error).encode("utf-8"))
`;

/** A Python program that talks in lines; ended by its process id when the test is over. */
class Program implements AsyncDisposable {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(script: string, ...args: readonly string[]) {
    this.#child = spawn(python, ["-u", "-c", script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await withTimeout(this.#lines.next(), "a line of the Python program");
    if (done) throw new Error("the Python program ended");
    return value;
  }

  async ask(query: unknown): Promise<string[]> {
    this.#child.stdin.write(`${JSON.stringify(query)}\n`);
    return JSON.parse(await this.line());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}

/** A journal of so many messages, with what a server asks it. */
function filled(count: number): Journal {
  const entries: JournalEntry[] = range(1, count).map((position) => ({
    position,
    timeMs: 1_700_000_000_000 + position,
    topic: "org.test.a",
    msgId: `id-${position}`,
    body: Buffer.from(`{"i":${position},"msg":{"x":1.0,"y":"\\u00e9"},"seq_id":${position},"topic":"org.test.a"}`),
  }));
  const uuid = "0b7f5a3c-9d0e-4b51-8a3f-2f6f7c1d9e42";
  const journal: Partial<Journal> = {
    info: { uuid, first: 1, head: count, earlier: [], bytes: 0 },
    page: ({ after, limit }) => ({
      entries: entries.slice(after, after + limit),
      through: Math.min(count, after + limit),
    }),
    find: ({ msgIds = [] }) => entries.filter(({ msgId }) => msgIds.includes(msgId)),
    positionAt: (timeMs) => entries.findLast((entry) => entry.timeMs <= timeMs)?.position ?? 0,
  };
  return journal as Journal;
}

const ids = (bodies: readonly (string | Buffer)[]) => bodies.map((body) => JSON.parse(String(body)).seq_id);

test("a Python client asks ours as it asked Python's, and gets what it expects", async () => {
  const journal = filled(3000);
  await using server = await startReplayServer({ journal, address: any });
  await using client = new Program(clientScript, server.address);
  expect(ids(await client.ask({ seq_id_range: [2, 6] }))).toEqual([2, 3, 4, 5, 6]);
  expect(await client.ask({ seq_id: 5 })).toEqual([
    '{"i":5,"msg":{"x":1.0,"y":"\\u00e9"},"seq_id":5,"topic":"org.test.a"}',
  ]);
  expect(ids(await client.ask({ seq_ids: [9, 3] }))).toEqual([3, 9]);
  expect(ids(await client.ask({ msg_id: "id-8" }))).toEqual([8]);
  expect(ids(await client.ask({ msg_ids: ["id-8", "id-1", "nothing"], seq_id: 2 }))).toEqual([1, 2, 8]);
  expect(ids(await client.ask({ time: [1_700_000_001, 1_700_000_001] }))).toEqual(range(1000, 1999));
  expect(ids(await client.ask({}))).toEqual(range(1, 3000));
});

test("a Python client gets the errors that it knows, to the byte", async () => {
  await using server = await startReplayServer({ journal: filled(3), address: any });
  await using client = new Program(clientScript, server.address);
  const answers: [unknown, string][] = [
    [{ seq_id: 99 }, "error: 'There was no match for the given query'"],
    [{ key: 1 }, "error: 'Unsupported field: \"key\"'"],
    [{ time: 5 }, "error: 'Ill-format \"time\" field'"],
    [{ seq_id_range: 5 }, "error: 'Ill-format \"sed_id_range\" field'"],
    [{ seq_id_range: ["a", "b"] }, "error: 'Something went wrong when processing the field \"seq_id_range\"'"],
    [{ seq_ids: 5 }, "error: 'Something went wrong when processing the field \"seq_ids\"'"],
    ["not json", "error: 'A query is a JSON object'"],
  ];
  for (const [query, text] of answers) expect(await client.ask(query)).toEqual([text]);
});

test("ours learns at once that a Python server knows no pages, and the server goes on", async () => {
  await using server = new Program(serverScript, "as it is");
  const address = await server.line();
  expect(await codeOf(fetchPages(address, { after: 0, topics: ["t"] }).next())).toBe("FEDMSG_UNSUPPORTED");
  expect(await codeOf(fetchPages(address, { after: 0 }).next())).toBe("FEDMSG_UNSUPPORTED");
});

test.each(["as it is", "mended"])("ours fetches a range from a Python server, %s", async (how) => {
  await using server = new Program(serverScript, how);
  const address = await server.line();
  const pieces = [];
  for await (const piece of fetchRange(address, 5, 30, { limit: 6 })) pieces.push(piece);
  expect(ids(pieces.flatMap(({ bodies }) => bodies))).toEqual([5, 6, ...range(8, 20)]);
  expect(pieces.map(({ to }) => to)).toEqual([10, 16, 22, 28, 30]);
});

/** Confirming a Python publisher's messages: a DEALER of pyzmq that speaks docs/wire.md, "Confirming". */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { startRelay } from "@fedmsg/hub";
import { beforeAll, expect, test } from "vitest";
import { ensureProgram } from "../src/programs.ts";
import { anyAddress, testConfig } from "../src/test-config.ts";
import { withTimeout } from "../src/waiting.ts";

const python = "/usr/bin/python3"; // Debian's, for which Debian packages pyzmq.

beforeAll(() => {
  ensureProgram({ debianPackage: "python3-zmq", check: [python, "-c", "import zmq"] });
}, 300_000);

/** Publishes a thousand messages at once, one that is none, and the first once more; prints the answers as a line of JSON. */
const script = `
import json, sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
bodies = [json.dumps({"msg": {"n": n}, "msg_id": str(n), "topic": "t"}).encode() for n in range(1000)]
answers = []
for n, body in enumerate(bodies + [b"none", bodies[0]], 1):
    socket.send_multipart([b"1", b"PUB", str(n).encode(), b"t", body])
    if n == 1000:
        answers = [socket.recv_multipart() for _ in bodies]
answers += [socket.recv_multipart(), socket.recv_multipart()]
print(json.dumps([[frame.decode() for frame in answer] for answer in answers]), flush=True)
socket.close(0)
`;

test("a DEALER of pyzmq is answered, message by message", async () => {
  const config = testConfig({ endpoints: { relay_outbound: [anyAddress] }, relay_confirm: [anyAddress] });
  await using relay = await startRelay({ config });
  const child = spawn(python, ["-u", "-c", script, relay.confirm?.[0] as string], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    const [line] = await withTimeout(once(createInterface({ input: child.stdout }), "line"), "the answers", 20_000);
    const ok = (n: number) => ["1", "OK", String(n), "0"];
    const thousand = Array.from({ length: 1000 }, (_, n) => ok(n + 1));
    const answers = (JSON.parse(line) as string[][]).sort((a, b) => Number(a[2]) - Number(b[2])); // They may overtake each other.
    expect(answers).toEqual([...thousand, ["1", "ERR", "1001", "invalid"], ok(1002)]);
    expect(relay.counts.forwarded).toBe(1000);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
});

/** The C program on libzmq (libzmq.c): compiled once, run in two processes. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const source = fileURLToPath(new URL("./libzmq.c", import.meta.url));
/** @type {Promise<string> | undefined} */
let compiled;

/**
 * What is missing to measure it, as Debian's packages.
 *
 * @returns {string | undefined}
 */
export function missingForNative() {
  if (!existsSync("/usr/include/zmq.h")) return "libzmq3-dev";
  return existsSync("/usr/bin/cc") ? undefined : "gcc";
}

/** @returns {Promise<string>} the program */
function compile() {
  compiled ??= (async () => {
    const program = join(await mkdtemp(join(tmpdir(), "fedmsg-bench-")), "libzmq");
    await run("cc", ["-O2", "-o", program, source, "-lzmq"]);
    return program;
  })();
  return compiled;
}

/**
 * @param {{ messages: number, bodyBytes: number }} size
 * @param {"" | "latency-"} kind
 */
async function measure({ messages, bodyBytes }, kind) {
  const program = await compile();
  const publisher = spawn(program, [`${kind}pub`, String(messages), String(bodyBytes)]);
  const ended = once(publisher, "exit");
  const [address] = await once(createInterface({ input: publisher.stdout }), "line");
  const { stdout } = await run(program, [`${kind}sub`, address, String(messages)]);
  await ended;
  return JSON.parse(stdout);
}

/**
 * @param {{ messages: number, bodyBytes: number }} size
 * @returns {Promise<{ perSecond: number, lost: number }>}
 */
export function measureNative(size) {
  return measure(size, "");
}

/**
 * 1,000 messages a second.
 *
 * @param {{ messages: number, bodyBytes: number }} size
 * @returns {Promise<{ received: number, p50Ms: number, p99Ms: number }>}
 */
export function measureNativeLatency(size) {
  return measure(size, "latency-");
}

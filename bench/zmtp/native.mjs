/** The C program on libzmq (libzmq.c): compiled once, run in processes of its own. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/**
 * @typedef {{ messages: number, bodyBytes: number }} Size
 * @typedef {{ child: import("node:child_process").ChildProcess, ended: Promise<unknown>,
 *   lines: AsyncIterator<string> }} Program
 */

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
  return existsSync("/usr/bin/gcc") ? undefined : "gcc";
}

/** @returns {Promise<string>} the program, in a folder of its own */
function compile() {
  compiled ??= (async () => {
    const program = join(await mkdtemp(join(tmpdir(), "fedmsg-bench-")), "libzmq");
    await run("gcc", ["-O2", "-o", program, source, "-lzmq"]);
    return program;
  })();
  return compiled;
}

/** Removes the program. */
export async function removeNative() {
  if (compiled) await rm(join(await compiled, ".."), { recursive: true, force: true });
  compiled = undefined;
}

/**
 * @param {...(string | number)} words
 * @returns {Promise<Program>}
 */
async function start(...words) {
  const child = spawn(await compile(), words.map(String), { stdio: ["pipe", "pipe", "inherit"] });
  return { child, ended: once(child, "exit"), lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/**
 * What a program says next.
 *
 * @param {Program} program
 */
async function hear({ lines }) {
  const { value, done } = await lines.next();
  if (done) throw new Error("libzmq.c ended before it had said what it should");
  return JSON.parse(value);
}

/**
 * Publisher → subscriber.
 *
 * @param {Size} size
 * @returns {Promise<{ perSecond: number, lost: number }>}
 */
export function measureNative({ messages, bodyBytes }) {
  return measurePair(["pub", messages, bodyBytes], "sub", messages);
}

/**
 * 1,000 messages a second.
 *
 * @param {Size} size
 * @returns {Promise<{ received: number, lost: number, p50Ms: number, p99Ms: number }>}
 */
export function measureNativeLatency({ messages, bodyBytes }) {
  return measurePair(["latency-pub", messages, bodyBytes], "latency-sub", messages);
}

/**
 * @param {(string | number)[]} words
 * @param {string} role
 * @param {number} messages
 */
async function measurePair(words, role, messages) {
  const publisher = await start(...words);
  const { addresses } = await hear(publisher);
  const result = await hear(await start(role, addresses[0], messages));
  await publisher.ended;
  return result;
}

/**
 * Publisher → forwarder → subscriber.
 *
 * @param {Size} size
 * @returns {Promise<{ perSecond: number, lost: number }>}
 */
export async function measureNativeRelay({ messages, bodyBytes }) {
  const forwarder = await start("forwarder");
  const [inbound, outbound] = (await hear(forwarder)).addresses;
  const publisher = await start("pub", messages, bodyBytes, inbound);
  const result = await hear(await start("sub", outbound, messages));
  await publisher.ended;
  forwarder.child.kill();
  await forwarder.ended;
  return result;
}

/**
 * A publisher to many, as `startPublisher` of many.mjs makes them.
 *
 * @param {Size & { subscribers: number, topics: number }} size
 * @returns {Promise<import("./many.mjs").ManyPublisher>}
 */
export async function startNativeMany({ subscribers, topics, messages, bodyBytes }) {
  const program = await start("many", subscribers, topics, messages, bodyBytes);
  const { addresses } = await hear(program);
  return {
    address: addresses[0],
    ready: hear(program),
    go: () => void program.child.stdin?.write("go\n"),
    finish: async () => {
      program.child.stdin?.write("done\n");
      const report = await hear(program);
      await program.ended;
      return report;
    },
  };
}

/** How long commands take, from their start to their end, beside a Node that does nothing. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRelay } from "@fedmsg/hub";
import { completeConfig } from "fedmsg/config";

/** @param {string} name */
const launcher = (name) => fileURLToPath(new URL(`../packages/cli/bin/${name}.js`, import.meta.url));

/**
 * Runs each command in turn, `runs` times over.
 *
 * @param {number} runs
 * @returns {Promise<Record<"node" | "help" | "tailHelp" | "logger", number[]>>} seconds
 */
export async function measureCommands(runs) {
  const folder = await mkdtemp(join(tmpdir(), "fedmsg-bench-"));
  const relay = await startRelay({
    config: completeConfig({
      relay_inbound: ["tcp://127.0.0.1:*"],
      endpoints: { relay_outbound: ["tcp://127.0.0.1:*"] },
    }),
  });
  try {
    const config = join(folder, "bench.json");
    await writeFile(config, JSON.stringify({ relay_inbound: relay.inbound }));
    const env = { ...process.env, FEDMSG_CONFIG: config };
    /** @type {Record<"node" | "help" | "tailHelp" | "logger", number[]>} */
    const seconds = { node: [], help: [], tailHelp: [], logger: [] };
    for (let n = 0; n < runs; n++) {
      seconds.node.push(await time(["-e", "0"], env));
      seconds.help.push(await time([launcher("fedmsg"), "--help"], env));
      seconds.tailHelp.push(await time([launcher("fedmsg-tail"), "--help"], env));
      seconds.logger.push(await time([launcher("fedmsg-logger")], env, "Hello world\n"));
    }
    if (relay.counts.forwarded !== runs) throw new Error(`the relay heard ${relay.counts.forwarded} of ${runs} lines`);
    return seconds;
  } finally {
    await relay.close();
    await rm(folder, { recursive: true });
  }
}

/**
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [input]
 */
async function time(args, env, input = "") {
  const started = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(input);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  return (performance.now() - started) / 1000;
}

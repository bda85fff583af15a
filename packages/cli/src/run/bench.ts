import type { CommandContext } from "fedmsg/command";
import { measureLatency, measurePublish, measureRelay } from "../bench/workloads.ts";

/** Runs each measurement and prints what came out of it. */
export async function run({ options, signal }: CommandContext): Promise<number> {
  signal.addEventListener("abort", () => process.exit(130)); // Nothing to finish; its processes end with it.
  const { messages = 100_000, bodyBytes = 500 } = options as { messages?: number; bodyBytes?: number };
  const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
  print({ bench: "publish", messages, bodyBytes, ...(await measurePublish({ messages, bodyBytes })) });
  print({ bench: "relay", messages, bodyBytes, ...(await measureRelay({ messages, bodyBytes })) });
  const steady = Math.min(messages, 5000);
  const latency = await measureLatency({ messages: steady, bodyBytes });
  print({ bench: "latency", messages: steady, bodyBytes, perSecond: 1000, ...round(latency) });
  return 0;
}

function round(result: object): object {
  const rounded = Object.entries(result).map(([name, value]) => [name, Math.round(value * 1000) / 1000]);
  return Object.fromEntries(rounded);
}

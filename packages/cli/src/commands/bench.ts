import { measureLatency, measurePublish, measureRelay } from "../bench/workloads.ts";
import { atLeast, type CommandContext, type CommandDefinition } from "../command.ts";

/** `fedmsg bench`: what this machine can carry. */
const bench: CommandDefinition = {
  name: "bench",
  description:
    "Measures the library on this machine, with processes of its own on free ports of 127.0.0.1; a running bus is not touched. Prints a line of JSON for each measurement.",
  options: [
    { flags: "--messages <n>", description: "messages for each measurement", parse: atLeast(1000, "whole") },
    { flags: "--body-bytes <n>", description: "bytes of each body, about; default 500", parse: atLeast(250, "whole") },
  ],
  examples: [["fedmsg bench --messages 200000", "throughput without and with a relay, and latency at 1,000 a second"]],
  run,
};

export default bench;

async function run({ options, signal }: CommandContext): Promise<number> {
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

import { atLeast, type CommandDefinition } from "fedmsg/command";

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
  run: async (context) => (await import("../run/bench.ts")).run(context),
};

export default bench;

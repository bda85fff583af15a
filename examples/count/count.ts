import { connect } from "fedmsg";
import { atLeast, defineCommand } from "fedmsg/command";
import { completeConfig } from "fedmsg/config";

/** `fedmsg count`: which services talk, and how much. */
export default defineCommand({
  name: "count",
  description: "Counts the messages of some seconds by category, the word of the topic that names the service.",
  options: [
    { flags: "--seconds <n>", description: "how long to listen", default: 10, parse: atLeast(0.1) },
    { flags: "--by <what>", description: "what to count by", default: "category", choices: ["category", "topic"] },
  ],
  examples: [
    ["fedmsg count --seconds 60", "a line for each category heard within a minute, the busiest first"],
    ["fedmsg count --by topic", "a line for each topic"],
  ],
  // Common flags, configuration, log and signals are there already; results go to stdout, and all else to the log.
  async run({ options, config, log, signal }) {
    const { seconds, by } = options as { seconds: number; by: "category" | "topic" };
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), seconds * 1000);
    const either = AbortSignal.any([signal, enough.signal]); // Ctrl-C shows what there is so far.
    const bus = await connect({ config: completeConfig({ mute: true }, config) });
    const counts = new Map<string, number>();
    log.info(`listening for ${seconds} s`);
    for await (const { topic } of bus.subscribe({ signal: either })) {
      const key = by === "topic" ? topic : categoryOf(topic, config.topic_prefix);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    clearTimeout(timer);
    await bus.close();
    const busiest = [...counts].sort(([, a], [, b]) => b - a);
    for (const [key, count] of busiest) console.log(`${String(count).padStart(7)}  ${key}`);
    return counts.size > 0 ? 0 : 1; // Nothing heard: a script may want to know.
  },
});

/** The service in `org.fedoraproject.prod.git.receive`: behind the prefix and the environment. */
function categoryOf(topic: string, prefix: string): string {
  const words = topic.startsWith(`${prefix}.`) ? topic.slice(prefix.length + 1).split(".") : [];
  return words[1] ?? "(other)";
}

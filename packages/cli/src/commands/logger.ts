import { createInterface } from "node:readline";
import { text as readAll } from "node:stream/consumers";
import { type Bus, connect, FedmsgError } from "fedmsg";
import { completeConfig } from "fedmsg/config";
import { loads, lossless } from "fedmsg/encoding";
import type { CommandContext, CommandDefinition } from "../command.ts";
import type { Log } from "../log.ts";

/** `fedmsg-logger`: see `fedmsg/commands/logger.py`. */
const logger: CommandDefinition = {
  name: "logger",
  description:
    "Publishes through the relay: each line of stdin as a message of its own, or one message with --message. It waits until the relay is there.",
  options: [
    { flags: "--message <text>", description: "publish this instead of what comes on stdin" },
    {
      flags: "--json-input",
      description: "the message, or all of stdin, is one JSON document and becomes the body as it is",
    },
    { flags: "--topic <topic>", description: "the end of the topic", default: "log" },
    { flags: "--modname <name>", description: "the word before it: which service speaks", default: "logger" },
    {
      flags: "--cert-prefix <prefix>",
      description: "which certificate to sign with: certnames[<prefix>.<host>]",
      default: "shell",
      key: "cert_prefix",
    },
  ],
  examples: [
    ['echo "Hello world" | fedmsg-logger', "one message for each line"],
    ["fedmsg-logger --message 'This is a message.' --timeout 5", "one message; fails if no relay is there within 5 s"],
    ["echo '{\"a\": 1}' | fedmsg-logger --json-input --modname git --topic repo.update", "a body of one's own"],
  ],
  run,
};

export default logger;

/** Lines under way at the same time: enough to keep the socket busy, little to hold in memory. */
const windowMessages = 500;

async function run({ options, config: given, log, signal }: CommandContext): Promise<number> {
  const { timeout } = options as { timeout?: number };
  // Without the flag it waits as long as it takes; `timeout` of the configuration is about other things.
  const config = completeConfig({ active: true, publish_timeout: timeout ?? 0 }, given);
  const bus = await connect({ config, signal });
  void tellWaiting(bus, log);
  const failed = await publishAll(bus, options, log);
  await bus.drain();
  return failed === 0 ? 0 : 1;
}

async function tellWaiting(bus: Bus, log: Log): Promise<void> {
  for await (const event of bus.status()) {
    if (event.type !== "waiting") continue;
    log.info(`waiting for the relay at ${event.endpoint} (relay_inbound); Ctrl-C gives up`);
    return;
  }
}

/** @returns how many messages were not sent */
async function publishAll(bus: Bus, options: CommandContext["options"], log: Log): Promise<number> {
  const { message, jsonInput, topic, modname } = options as {
    message?: string;
    jsonInput?: boolean;
    topic: string;
    modname: string;
  };
  const underWay = new Set<Promise<void>>();
  let failed = 0;
  const publish = async (msg: unknown): Promise<void> => {
    try {
      await bus.publish({ topic, modname, msg });
    } catch (error) {
      failed++;
      log.error(`the message was not sent: ${FedmsgError.from(error).message}`);
    }
  };
  for await (const msg of readMessages(message, jsonInput ?? false)) {
    const published = publish(msg).finally(() => underWay.delete(published));
    underWay.add(published);
    if (underWay.size >= windowMessages) await Promise.race(underWay);
    if (failed > 0) break; // What could not be sent once would only be reported a thousand times.
  }
  await Promise.all(underWay);
  return failed;
}

async function* readMessages(message: string | undefined, jsonInput: boolean): AsyncGenerator<unknown> {
  if (jsonInput) yield loads(message ?? (await readAll(process.stdin)), lossless);
  else if (message !== undefined) yield { log: message };
  else for await (const line of createInterface({ input: process.stdin })) yield { log: line.trim() };
}

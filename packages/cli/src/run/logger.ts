import type { CommandContext } from "fedmsg/command";
import { type InputOptions, readMessages } from "../input.ts";
import { publishThroughRelay } from "../publish.ts";

interface LoggerOptions extends InputOptions {
  readonly topic: string;
  readonly modname: string;
  readonly confirm?: boolean;
}

/** Publishes through the relay what the flags or stdin give. */
export async function run(context: CommandContext): Promise<number> {
  const { topic, modname, confirm = false, ...input } = context.options as unknown as LoggerOptions;
  if (input.message === undefined && process.stdin.isTTY) {
    context.log.info("each line is sent as a message; Ctrl-D ends");
  }
  return publishThroughRelay(context, { topic, modname, confirm, messages: (signal) => readMessages(input, signal) });
}

import { FedmsgError } from "fedmsg";
import type { CommandContext } from "fedmsg/command";
import { limitText, readText, splitLines } from "../input.ts";
import { publishThroughRelay } from "../publish.ts";

/** Publishes what stdin holds as one announcement. */
export async function run(context: CommandContext): Promise<number> {
  const { link = null } = context.options as { link?: string };
  if (process.stdin.isTTY) context.log.info("all lines are sent as one announcement; Ctrl-D ends");
  return publishThroughRelay(context, {
    modname: "announce",
    topic: "announcement",
    messages: (signal) => readAnnouncement(link, context.config.bodyBytesMax, signal),
  });
}

/** One message, or none where `signal` fires first: half an announcement is worse than none. */
async function* readAnnouncement(link: string | null, bytesMax: number, signal: AbortSignal): AsyncGenerator<unknown> {
  const lines: string[] = [];
  const stdin = limitText(readText(process.stdin, signal), bytesMax);
  for await (const line of splitLines(stdin)) lines.push(line.trim());
  if (signal.aborted) throw new FedmsgError("FEDMSG_ABORTED", "interrupted before the end of stdin");
  const message = lines.join("\n");
  if (message.trim() === "") throw new FedmsgError("FEDMSG_UNSUPPORTED", "stdin holds nothing to announce");
  yield { message, link };
}

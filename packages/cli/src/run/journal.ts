/** What `fedmsg journal` does with a journal's file. */

import { type JournalReader, openJournalReader, pruneJournal } from "@fedmsg/store";
import { FedmsgError } from "fedmsg";
import { type CommandContext, countOf, escapeLine } from "fedmsg/command";
import type { JournalEntry } from "fedmsg/plugin";
import { toAscii } from "../ascii.ts";
import { Output } from "../output.ts";
import { UsageError } from "../usage-error.ts";

interface GrepOptions {
  readonly topic?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
}

interface PruneOptions {
  readonly olderThan?: number;
  readonly maxBytes?: number;
}

/** What one page of a search holds at most. */
const pageOptions = { limit: 1000, bytesMax: 8 * 1024 * 1024 };

/** Prints what a journal says of itself. */
export async function info(context: CommandContext): Promise<number> {
  const [file = ""] = context.arguments;
  return withReader(file, async (reader) => {
    const { uuid, first, head, earlier, bytes, fileBytes, sync, isOpen } = reader.info;
    if (context.options.json) {
      print(JSON.stringify({ file, uuid, first, head, earlier, bytes, file_bytes: fileBytes, sync, open: isOpen }));
      return 0;
    }
    const [oldest, newest] = [first, head].map((position) => timeOf(reader, position));
    print(`uuid      ${uuid}`);
    print(`first     ${first}${oldest}`);
    print(`head      ${head}${newest}`);
    print(`messages  ${head - first + 1}`);
    print(`bytes     ${bytes} of topics and bodies, ${fileBytes} of the file`);
    print(`sync      ${sync}`);
    print(`open      ${isOpen ? "yes: a writer has it, or ended without closing it" : "no"}`);
    for (const each of earlier) print(`earlier   ${each.uuid} through ${each.through}`);
    return 0;
  });
}

/** Names everything in a journal that is not as it should be. */
export async function verify({ arguments: [file = ""], options, signal }: CommandContext): Promise<number> {
  return withReader(file, async (reader) => {
    const { good, faults, faultCount } = await reader.verify({ signal });
    if (options.json) {
      print(JSON.stringify({ file, good, faults, fault_count: faultCount }));
    } else {
      for (const { kind, detail } of faults) print(`${kind}: ${detail}`);
      if (faultCount > faults.length) print(`and ${faultCount - faults.length} more`);
      const written = countOf(good, "message is", "messages are");
      print(`${written} what was written, ${faultCount === 0 ? "no faults" : countOf(faultCount, "fault")}`);
    }
    return faultCount === 0 ? 0 : 1;
  });
}

/** Prints those messages in which a pattern is found. */
export async function grep({ arguments: words, options, signal }: CommandContext): Promise<number> {
  const [pattern = "", file = ""] = words;
  const { topic, since, until = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = options as GrepOptions;
  const isFound = await compile(pattern);
  return withReader(file, async (reader) => {
    const output = new Output();
    const { head } = reader.info;
    let found = 0;
    let after = since === undefined ? 0 : reader.positionAt(since - 1);
    while (after < head && found < limit && !signal.aborted) {
      const { entries, through } = reader.page({
        after,
        ...(topic !== undefined && { topics: [topic] }),
        ...pageOptions,
      });
      for (const entry of entries) {
        if (entry.timeMs < (since ?? 0) || entry.timeMs > until) continue;
        const body = Buffer.from(entry.body).toString();
        if (!isFound(entry.topic) && !isFound(body)) continue;
        await output.line(describe(entry, body));
        if (++found === limit) break;
      }
      after = through;
    }
    await output.flush();
    return found > 0 ? 0 : 1;
  });
}

/** Takes the oldest messages away. */
export async function prune({ arguments: [file = ""], options, log }: CommandContext): Promise<number> {
  const { olderThan, maxBytes } = options as PruneOptions;
  if (olderThan === undefined && maxBytes === undefined) {
    throw new UsageError("say what is to go: --older-than, --max-bytes, or both");
  }
  const { removed } = await pruneJournal(file, {
    olderThanMs: olderThan,
    bytesMax: maxBytes,
    onEvent: ({ detail }) => log.warn(detail),
  });
  print(
    options.json ? JSON.stringify({ file, removed }) : `${countOf(removed, "message was", "messages were")} removed`,
  );
  return 0;
}

async function withReader(file: string, work: (reader: JournalReader) => Promise<number>): Promise<number> {
  const reader = await openJournalReader(file);
  try {
    return await work(reader);
  } finally {
    reader.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${escapeLine(line)}\n`);
}

function timeOf(reader: JournalReader, position: number): string {
  const [entry] = reader.find({ positions: [position] }, 1);
  return entry ? `  ${new Date(entry.timeMs).toISOString()}` : "";
}

/** @returns whether an expression is found in a text, in linear time whatever the text */
async function compile(expression: string): Promise<(text: string) => boolean> {
  if (!/[\\^$.|?*+()[\]{}]/.test(expression)) return (text) => text.includes(expression);
  const { RE2JS } = await import("re2js");
  try {
    const compiled = RE2JS.compile(expression);
    return (text) => compiled.matcher(text).find();
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    const hint = "look-around and back-references cannot be used";
    throw new FedmsgError("FEDMSG_UNSUPPORTED", `${JSON.stringify(expression)}: ${found}; ${hint}`, { cause });
  }
}

/** One line of JSON: the body as it stands, so that numbers stay as they were spelt; as a text where it is no JSON. */
function describe({ position, timeMs, topic, msgId }: JournalEntry, body: string): string {
  const time = new Date(timeMs).toISOString();
  const head = JSON.stringify({ position, time, topic, msg_id: msgId }).slice(0, -1);
  return toAscii(`${head},"body":${isJson(body) ? body.replace(/[\r\n]+/g, " ") : JSON.stringify(body)}}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

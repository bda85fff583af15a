/** What `fedmsg dead-letters` does with the files of consumers, whether or not a hub has them open. */

import { existsSync } from "node:fs";
import { type DeadLetter, type DeadLetterBox, openDeadLetters, type Which } from "@fedmsg/store";
import { FedmsgError } from "fedmsg";
import { type CommandContext, countOf, escapeControls, escapeLine } from "fedmsg/command";
import { loads, lossless, prettyDumps } from "fedmsg/encoding";
import { cursorsPath, listCursorFiles, nearest } from "fedmsg/plugin";
import { toAscii } from "../ascii.ts";
import { Output } from "../output.ts";
import { UsageError } from "../usage-error.ts";

/** Letters that are read at a time. */
const pageLetters = 100;
const errorCharsMax = 500;

/** Lists the dead letters of all consumers, or of one. */
export async function list({ options, config, log, signal }: CommandContext): Promise<number> {
  const { consumer, json } = options as { consumer?: string; json?: boolean };
  const files =
    consumer === undefined ? await listCursorFiles(config) : [{ name: consumer, path: await find(config, consumer) }];
  const nameColumns = Math.max(8, ...files.map(({ name }) => name.length));
  const output = new Output();
  let isFirst = true;
  let code = 0;
  for (const { name, path } of files) {
    try {
      for await (const letter of lettersOf(path, signal)) {
        if (isFirst && !json) await output.line(headline(nameColumns));
        isFirst = false;
        await output.line(json ? asJson(name, letter) : asLine(name, letter, nameColumns));
      }
    } catch (error) {
      log.error(FedmsgError.from(error, "FEDMSG_JOURNAL").message); // The others can be listed nevertheless.
      code = 1;
    }
  }
  if (isFirst && code === 0 && !json) await output.line("no dead letters");
  await output.flush();
  return code;
}

/** Prints one letter. */
export async function show({ arguments: words, options, config, log }: CommandContext): Promise<number> {
  const [consumer = "", word = ""] = words;
  const id = parseId(word);
  const letter = await withBox(await find(config, consumer), (box) => box.get(id));
  if (!letter) {
    log.error(noLetter(consumer, id));
    return 1;
  }
  const output = process.stdout;
  if (options.raw) output.write(letter.body);
  else output.write(`${escapeControls(describe(consumer, letter))}\n`);
  return 0;
}

/** Asks for letters to be tried again. */
export async function retry(context: CommandContext): Promise<number> {
  return change(context, (box, which) => box.askRetry(which), "will be tried again");
}

/** Deletes letters. */
export async function drop(context: CommandContext): Promise<number> {
  const { all, yes } = context.options;
  if (all && !yes) {
    throw new UsageError("this deletes all dead letters of the consumer for good; say --all --yes to do so");
  }
  return change(context, (box, which) => box.drop(which), "deleted");
}

async function change(
  { arguments: [consumer = "", ...words], options, config, log }: CommandContext,
  work: (box: DeadLetterBox, which: Which) => Promise<number>,
  done: string,
): Promise<number> {
  const ids = [...new Set(words.map(parseId))];
  if (Boolean(options.all) === words.length > 0) throw new UsageError("say which: the ids of letters, or --all");
  return withBox(await find(config, consumer), async (box) => {
    const known = ids.filter((id) => {
      const isKnown = (box.list({ after: id - 1, limit: 1 })[0]?.id ?? 0) === id;
      if (!isKnown) log.error(noLetter(consumer, id));
      return isKnown;
    });
    const changed = await work(box, options.all ? "all" : known);
    process.stdout.write(`${countOf(changed, "letter")} ${done}\n`);
    return options.all || changed === ids.length ? 0 : 1;
  });
}

/** The file of a consumer. @throws FedmsgError FEDMSG_JOURNAL where there is none; the message names those that there are */
async function find(config: CommandContext["config"], consumer: string): Promise<string> {
  const path = cursorsPath(config, consumer);
  if (existsSync(path)) return path;
  const names = (await listCursorFiles(config)).map(({ name }) => name);
  const meant = nearest(consumer, names);
  const hint = meant === undefined ? describeNames(names) : `did you mean ${meant}?`;
  throw new FedmsgError(
    "FEDMSG_JOURNAL",
    `${path}: there is no such file, so ${consumer} has no dead letters; ${hint}`,
  );
}

function describeNames(names: readonly string[]): string {
  if (names.length === 0) return "no consumer has kept anything where `cursor_store` says";
  return `there are ${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}`;
}

async function withBox<T>(path: string, work: (box: DeadLetterBox) => T | Promise<T>): Promise<T> {
  const box = await openDeadLetters(path);
  try {
    return await work(box);
  } finally {
    await box.close();
  }
}

async function* lettersOf(path: string, signal: AbortSignal): AsyncGenerator<DeadLetter> {
  const box = await openDeadLetters(path);
  try {
    for (let after = 0; !signal.aborted; ) {
      const letters = box.list({ after, limit: pageLetters });
      if (letters.length === 0) return;
      yield* letters;
      after = letters.at(-1)?.id ?? after;
    }
  } finally {
    await box.close();
  }
}

function parseId(word: string): number {
  if (/^[1-9]\d{0,14}$/.test(word)) return Number(word);
  const wanted = "a number was expected, as `fedmsg dead-letters list` shows it";
  throw new UsageError(`${JSON.stringify(word)} is no letter's id: ${wanted}`);
}

function noLetter(consumer: string, id: number): string {
  return `${consumer} has no dead letter ${id}; \`fedmsg dead-letters list --consumer ${consumer}\` shows which it has`;
}

function headline(nameColumns: number): string {
  return columns(["id", "consumer", "when", "tries", "topic", "error"], nameColumns);
}

function asLine(consumer: string, letter: DeadLetter, nameColumns: number): string {
  const { id, failedAtMs, attempts, topic, error, isAsked } = letter;
  const [first = ""] = error.trim().split(/[\r\n]/, 1);
  const why = `${isAsked ? "[to be tried again] " : ""}${first.slice(0, errorCharsMax)}`;
  return escapeLine(columns([String(id), consumer, timeOf(failedAtMs), String(attempts), topic, why], nameColumns));
}

function columns(cells: readonly [string, string, string, string, string, string], nameColumns: number): string {
  const [id, consumer, when, tries, topic, error] = cells;
  const before = [id.padStart(6), consumer.padEnd(nameColumns), when.padEnd(20), tries.padStart(5), topic.padEnd(40)];
  return `${before.join("  ")}  ${error}`.trimEnd();
}

function asJson(consumer: string, letter: DeadLetter): string {
  const { id, failedAtMs, attempts, topic, msgId, isAsked, error } = letter;
  const time = timeOf(failedAtMs);
  return toAscii(JSON.stringify({ id, consumer, time, attempts, topic, msg_id: msgId, asked: isAsked, error }));
}

function describe(consumer: string, letter: DeadLetter): string {
  const { id, topic, msgId, name, endpoint, trust, signer, attempts, failedAtMs, isAsked, error, body } = letter;
  const lines = {
    consumer,
    id,
    topic,
    msg_id: msgId,
    from: `${name} ${endpoint}`,
    trust: signer === undefined ? trust : `${trust} by ${signer}`,
    attempts,
    failed: timeOf(failedAtMs),
    asked: isAsked ? "yes: it will be tried again" : "no",
  };
  const head = Object.entries(lines).map(([key, value]) => `${key.padEnd(10)}${escapeLine(String(value))}`);
  return [...head, "error", indent(error), "message", indent(readable(body))].join("\n");
}

function readable(body: Uint8Array): string {
  try {
    return prettyDumps(loads(body, lossless));
  } catch {
    return Buffer.from(body).toString();
  }
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, "  ");
}

/** To the second, as a date outside of what JavaScript knows is nobody's. */
function timeOf(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : `${time.toISOString().slice(0, 19)}Z`;
}

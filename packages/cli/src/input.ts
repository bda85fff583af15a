/** What `fedmsg-logger` publishes, from its flags or from stdin. */

import { addAbortSignal, type Readable } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import { loads, lossless } from "fedmsg/encoding";

/** The flags that say where messages come from. */
export interface InputOptions {
  readonly message?: string;
  readonly jsonInput?: boolean;
}

/**
 * Reads the bodies of messages: one for each line of stdin, empty ones too, or a single one. Ends with `signal`.
 *
 * @throws FedmsgError FEDMSG_DECODE for JSON input that is not JSON
 */
export async function* readMessages(
  { message, jsonInput }: InputOptions,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  if (message !== undefined) {
    yield jsonInput ? loads(message, lossless) : { log: message };
    return;
  }
  const stdin = readText(process.stdin, signal);
  if (!jsonInput) for await (const line of splitLines(stdin)) yield { log: line.trim() };
  else {
    const text = await readAll(stdin);
    if (!signal.aborted) yield loads(text, lossless);
  }
}

async function* readText(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* addAbortSignal(signal, input.setEncoding("utf8"));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Lines end where Python's text files have them end: at LF, CR LF or CR, and not at Unicode's separators. */
export async function* splitLines(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of texts) {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/); // A CR at the end may be half of what ends the line.
    rest = lines.pop() as string;
    yield* lines;
  }
  if (rest !== "") yield rest.replace(/\r$/, "");
}

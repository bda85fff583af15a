/** What `fedmsg-logger` and its like publish, from flags or from stdin. */

import { addAbortSignal, type Readable } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import { FedmsgError } from "fedmsg";
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

/** Reads text as it comes. Ends with `signal`. */
export async function* readText(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* addAbortSignal(signal, input.setEncoding("utf8"));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * Passes text on until it is too long to be a message.
 *
 * @throws FedmsgError FEDMSG_TOO_LARGE beyond `bytesMax`
 */
export async function* limitText(texts: AsyncIterable<string>, bytesMax: number): AsyncGenerator<string> {
  let bytes = 0;
  for await (const text of texts) {
    bytes += Buffer.byteLength(text);
    if (bytes > bytesMax) throw new FedmsgError("FEDMSG_TOO_LARGE", `stdin is over ${bytesMax} bytes (bodyBytesMax)`);
    yield text;
  }
}

/** Lines end where Python's text files have them end: at LF, CR LF or CR, and not at Unicode's separators. */
export async function* splitLines(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let open: string[] = []; // Of a line whose end is not there yet: joined once, however long it grows.
  for await (const text of texts) {
    if (!/[\r\n]/.test(text) && !open.at(-1)?.endsWith("\r")) {
      open.push(text);
      continue;
    }
    const lines = (open.join("") + text).split(/\r\n|\n|\r(?!$)/); // A CR at the end may be half of what ends the line.
    open = [lines.pop() as string];
    yield* lines;
  }
  const rest = open.join("");
  if (rest !== "") yield rest.replace(/\r$/, "");
}

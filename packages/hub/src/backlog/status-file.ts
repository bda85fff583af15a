/**
 * The file in which a consumer notes how far it is, as the Python consumers did (`fedmsg/consumers/__init__.py`):
 *
 * ```
 * <status_directory>/<process>/<consumer>
 * {"message": {"topic": …, "body": {…, "msg_id": …, "timestamp": …}}, "status": "post",    as Python wrote and reads it
 *  "since": 1795000000, "in_hand": 2, "handled": "<base64>"}                                ours; Python passes over them
 * ```
 *
 * `post`: everything up to this message is done; `pre`: everything before it. `since` is where history must be read from, in
 * seconds: more than one message may be in hand, and they need not be done in their order. `handled` has the keys, 8 bytes each,
 * of what was done since then, so that it is not done twice.
 *
 * A file is written aside, synced and renamed, so it is never torn. At most one write is under way; what changes meanwhile is
 * in the next one.
 */

import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { dumps, Float, loads, lossless } from "fedmsg/encoding";
import { toLine } from "fedmsg/plugin";

/** What is read at most; Python wrote whole messages. */
const fileBytesMax = 64 * 1024 * 1024;
/** Of longer messages only what it takes to go on is written. */
const bodyBytesMax = 64 * 1024;
/** Between two writes: what is done in a busy second need not be written a thousand times. */
const pauseMs = 50;
/** After a write that failed. */
const failedMs = 1000;
const nameLengthMax = 150;

/** What the file says. */
export interface Status {
  readonly message: { readonly topic: string /** As JSON. */; readonly body: string };
  readonly status: "pre" | "post";
  /** In seconds since the epoch. */
  readonly since: number;
  /** Messages that were being worked on; `undefined` where Python wrote it, which does not say. */
  readonly inHand: number | undefined;
  /** Keys, 8 bytes each, as latin1 texts. */
  readonly handled: readonly string[];
}

/** What was read, with what is needed of the message. */
export interface LoadedStatus extends Status {
  readonly msgId: string | undefined;
}

/** See the top of the file. */
export class StatusFile {
  readonly path: string;
  readonly #describe: () => Status | undefined;
  readonly #onWarning: (detail: string) => void;
  readonly #closing = new AbortController();
  #isChanged = false;
  #isFailing = false;
  #writing: Promise<void> | undefined;

  /**
   * @param path see {@link statusPath}
   * @param describe what is to be written; asked when it is about to be, nothing for nothing
   * @param onWarning hears what cannot be read or written. Must not throw
   */
  constructor(path: string, describe: () => Status | undefined, onWarning: (detail: string) => void) {
    this.path = path;
    this.#describe = describe;
    this.#onWarning = onWarning;
  }

  /** What the file says; nothing where there is none. One that makes no sense is told, and kept aside as `.corrupt`. */
  async load(): Promise<LoadedStatus | undefined> {
    try {
      await mkdir(dirname(this.path), { recursive: true });
      const { size } = await stat(this.path);
      if (size > fileBytesMax) throw new Error(`it has ${size} bytes, and ${fileBytesMax} are allowed`);
      return parseStatus(await readFile(this.path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      const found = toLine((error as Error).message, 200);
      const aside = `${this.path}.corrupt`;
      const isKept = await rename(this.path, aside).then(
        () => true,
        () => false,
      );
      const what = isKept ? `it is kept as ${aside}` : "it cannot be kept aside either";
      this.#onWarning(`${this.path}: ${found}; ${what}, and what was missed before now is not fetched`);
      return undefined;
    }
  }

  /** What is to be written is another than before. Costs nothing; it is written soon. */
  changed(): void {
    this.#isChanged = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#isChanged && !this.#closing.signal.aborted) this.changed();
    });
  }

  /** Writes what is not written yet. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    if (this.#isChanged) await this.#writeOnce();
  }

  async #write(): Promise<void> {
    const { signal } = this.#closing;
    await Promise.resolve(); // What comes in one go is one write.
    while (this.#isChanged && !signal.aborted) {
      await this.#writeOnce();
      await delay(this.#isFailing ? failedMs : pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #writeOnce(): Promise<void> {
    this.#isChanged = false;
    const aside = join(dirname(this.path), `.${basename(this.path)}.new`);
    try {
      const status = this.#describe();
      if (!status) return;
      await rm(aside, { force: true }); // Whatever somebody put there: it is not written to.
      const file = await open(aside, "wx", 0o600);
      try {
        await file.writeFile(formatStatus(status));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(aside, this.path);
      this.#isFailing = false;
    } catch (error) {
      this.#isChanged = true;
      if (!this.#isFailing) {
        const found = toLine((error as Error).message, 200);
        this.#onWarning(`${this.path}: how far the consumer is cannot be written: ${found}; it is tried again`);
      }
      this.#isFailing = true;
    }
  }
}

/** Where a consumer's status is. No name leads out of the folder, and no two names to one file. */
export function statusPath(directory: string, processName: string, consumer: string): string {
  return join(directory, fileName(processName), fileName(consumer));
}

function fileName(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/^\./, "%2E") || "%";
  if (encoded.length <= nameLengthMax) return encoded;
  return `${encoded.slice(0, nameLengthMax)}-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
}

function formatStatus({ message, status, since, inHand, handled }: Status): string {
  const body = Buffer.byteLength(message.body) > bodyBytesMax ? shorten(message.body) : message.body;
  const working = inHand === undefined ? "" : `, "in_hand": ${inHand}`;
  const keys = Buffer.from(handled.join(""), "latin1").toString("base64");
  const head = `{"message": {"topic": ${JSON.stringify(message.topic)}, "body": ${body}}, "status": "${status}"`;
  return `${head}, "since": ${since}${working}, "handled": "${keys}"}\n`;
}

/** What is needed of a message to go on behind it. */
function shorten(body: string): string {
  const value = loads(body, lossless) as Map<string, unknown>;
  return dumps(new Map(["i", "msg_id", "timestamp", "topic"].map((key) => [key, value.get(key) ?? null])));
}

/** @throws Error that says what was found, and what was expected */
function parseStatus(bytes: Uint8Array): LoadedStatus {
  const file = asMap(loads(bytes, lossless), "the file");
  const envelope = asMap(file.get("message"), "message");
  const written = envelope.get("body");
  const body = asMap(typeof written === "string" ? loads(written, lossless) : written, "message.body");
  const status = file.get("status");
  if (status !== "pre" && status !== "post") throw new Error('status is neither "pre" nor "post"');
  const since = numberOf(file.get("since")) ?? numberOf(body.get("timestamp"));
  if (since === undefined) throw new Error("message.body.timestamp is no number of seconds");
  const topic = textOf(envelope.get("topic")) ?? textOf(body.get("topic")) ?? "";
  return {
    message: { topic, body: dumps(body) },
    msgId: textOf(body.get("msg_id")),
    status,
    since,
    inHand: numberOf(file.get("in_hand")),
    handled: splitKeys(textOf(file.get("handled")) ?? ""),
  };
}

function asMap(value: unknown, what: string): Map<string, unknown> {
  if (value instanceof Map) return value;
  throw new Error(`${what} is not a JSON object`);
}

function numberOf(value: unknown): number | undefined {
  const number = value instanceof Float ? value.value : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function splitKeys(base64: string): string[] {
  const keys = Buffer.from(base64, "base64").toString("latin1");
  return keys.match(/.{8}/gs) ?? [];
}

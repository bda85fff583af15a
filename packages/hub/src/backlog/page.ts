/** One question to a history service, and its answer, which is somebody else's: bounded in bytes and time, and checked. */

import { loads, lossless } from "fedmsg/encoding";
import { toLine } from "fedmsg/plugin";

/** What an answer may have, unpacked. */
export const pageBytesMax = 64 * 1024 * 1024;
/** How long it may take, from the question to its last byte. */
const pageMs = 120_000;
/** Longer pauses that a server asks for are not kept. */
const retryAfterMsMax = 300_000;

/** What is asked for. */
export interface PageQuestion {
  /** Without its parameters. May hold user and password. */
  readonly url: URL;
  readonly start: number;
  readonly end: number;
  /** 1 for the first. */
  readonly page: number;
  readonly rows: number;
  readonly signal: AbortSignal;
  /** Default 64 MiB. */
  readonly bytesMax?: number | undefined;
  /** Default 120,000. */
  readonly timeoutMs?: number | undefined;
}

/** What came. */
export interface HistoryPage {
  /** Objects as `Map`s, numbers as they were spelt; whatever else the service sent. */
  readonly messages: readonly unknown[];
  /** How many pages there are, as far as the service says so. */
  readonly pages: number | undefined;
}

/** Why there is no page. */
export class HistoryError extends Error {
  /** `too-large`: fewer rows may do. `refused`: the service does not want this question, a status of 4xx. */
  readonly kind: "too-large" | "refused" | "failed";
  /** How long the service wants to be left alone. */
  readonly retryAfterMs: number;

  constructor(kind: HistoryError["kind"], message: string, retryAfterMs = 0) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Asks for a page. @throws HistoryError, whatever happens */
export async function fetchPage(question: PageQuestion): Promise<HistoryPage> {
  const { signal, timeoutMs = pageMs } = question;
  const ending = new AbortController();
  const end = () => ending.abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return parsePage(await ask(question, ending.signal));
  } catch (error) {
    if (error instanceof HistoryError) throw error;
    throw new HistoryError("failed", isLate ? `no answer within ${timeoutMs} ms` : describe(error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    end(); // Nothing of an answer that was refused is read on.
  }
}

async function ask(question: PageQuestion, signal: AbortSignal): Promise<Uint8Array> {
  const { start, end, page, rows, bytesMax = pageBytesMax } = question;
  const url = new URL(question.url);
  const headers: Record<string, string> = { accept: "application/json", connection: "close" };
  if (url.username || url.password) {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
    url.username = "";
    url.password = "";
  }
  for (const [key, value] of Object.entries({ rows_per_page: rows, order: "asc", start, end, page })) {
    url.searchParams.set(key, String(value));
  }
  const response = await fetch(url, { headers, signal, redirect: "manual" });
  assertAnswered(response);
  if (Number(response.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
  return await readBody(response, bytesMax);
}

function assertAnswered({ status, headers }: Response): void {
  if (status === 200) return;
  const seconds = Number(headers.get("retry-after") ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? Math.min(retryAfterMsMax, Math.max(0, seconds * 1000)) : 0;
  if (status >= 300 && status < 400) {
    const target = toLine(headers.get("location") ?? "nowhere", 200);
    throw new HistoryError(
      "failed",
      `status ${status}: redirects are not followed; it leads to ${target}`,
      retryAfterMs,
    );
  }
  const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  throw new HistoryError(isRefused ? "refused" : "failed", `status ${status}`, retryAfterMs);
}

/** Counts what is unpacked, as a small answer can stand for a large one. */
async function readBody(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): HistoryError {
  return new HistoryError("too-large", `the answer is over ${bytesMax} bytes`);
}

function parsePage(bytes: Uint8Array): HistoryPage {
  let answer: unknown;
  try {
    answer = loads(bytes, lossless);
  } catch (error) {
    throw new HistoryError("failed", `the answer is not JSON (${describe(error)}); the URL must be that of /raw`);
  }
  const messages = answer instanceof Map ? answer.get("raw_messages") : undefined;
  if (!Array.isArray(messages))
    throw new HistoryError("failed", "the answer has no raw_messages; the URL must be that of /raw");
  const pages = (answer as Map<string, unknown>).get("pages");
  return { messages, pages: typeof pages === "number" && Number.isSafeInteger(pages) ? pages : undefined };
}

/** What `fetch` has to say is in the cause. */
function describe(error: unknown): string {
  const { message, cause } = error as Error;
  const { code, message: deeper } = (cause ?? {}) as NodeJS.ErrnoException;
  return toLine([message, deeper || code].filter(Boolean).join(": "), 200);
}

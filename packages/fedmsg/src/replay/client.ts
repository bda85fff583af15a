/**
 * Asks replay servers, ours and the Python system's (`fedmsg/replay/__init__.py`, `get_replay`).
 *
 * Each try has a REQ of its own, which is used again only after an answer: so nothing that comes late is taken for the answer
 * to something else. An answer is somebody else's: its size is bounded before it is read, its header is checked, and what would
 * lead in a circle ends with an error.
 */

import { type MonitorEvent, Request, ZmtpError } from "@fedmsg/zmtp";
import { FedmsgError } from "../errors.ts";
import { toFedmsgError } from "../transport/zmtp/sockets.ts";
import { encodeQuery, parseRefusal, type ReplayQuery } from "./query.ts";

/** Options of a question. */
export interface AskOptions {
  /** Ends it, with FEDMSG_ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** How long connecting, asking and the whole answer may take, in ms. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Bytes of an answer. Default 32 MiB. */
  readonly bytesMax?: number | undefined;
  /** Frames of an answer. Default 10,001: what a server of ours gives at most. */
  readonly framesMax?: number | undefined;
}

/** Defaults of {@link AskOptions}. */
export const askDefaults = { timeoutMs: 5000, bytesMax: 32 * 1024 * 1024, framesMax: 10_001 } as const;

/** What came back: frames, or the text of a refusal. */
export type ReplayAnswer =
  | { readonly kind: "frames"; readonly frames: readonly Buffer[] }
  | { readonly kind: "refusal"; readonly text: string };

/**
 * Asks once.
 *
 * @returns the frames of the answer; or what the server said why there are none, which for a query without a match it does too
 * @throws FedmsgError FEDMSG_TIMEOUT, FEDMSG_TRANSPORT (the connection was lost, the answer was too large), FEDMSG_UNSUPPORTED
 *   (the query is too large), FEDMSG_ABORTED, FEDMSG_ADDRESS_INVALID
 */
export async function askReplay(endpoint: string, query: ReplayQuery, options: AskOptions = {}): Promise<ReplayAnswer> {
  const line = new ReplayLine(endpoint, options);
  try {
    return await line.ask(query, options.signal);
  } finally {
    await line.close();
  }
}

/** Why an answer was not read. */
const sizeReasons: ReadonlySet<string> = new Set(["frame-too-large", "message-too-large", "too-many-frames"]);

/** A connection to a server, for one question after the other. After an error it is of no more use. */
export class ReplayLine {
  readonly #endpoint: string;
  readonly #timeoutMs: number;
  readonly #request: Request;
  #cut = "";
  #trouble = "";

  /** @throws FedmsgError FEDMSG_ADDRESS_INVALID */
  constructor(endpoint: string, options: AskOptions) {
    const { timeoutMs = askDefaults.timeoutMs, bytesMax = askDefaults.bytesMax } = options;
    const framesMax = (options.framesMax ?? askDefaults.framesMax) + 1; // REP's empty one.
    this.#endpoint = endpoint;
    this.#timeoutMs = timeoutMs;
    this.#request = new Request({
      limits: { frameBytesMax: bytesMax, messageBytesMax: bytesMax, framesMax },
      lingerMs: 0,
      reconnectMaxMs: 1000,
      handshakeMs: timeoutMs,
      onEvent: (event) => this.#hear(event),
    });
    try {
      this.#request.connect(endpoint);
    } catch (error) {
      void this.#request.close();
      throw toFedmsgError(error);
    }
  }

  /** Whether we ended it, because the answer was over a limit. */
  get isCut(): boolean {
    return this.#cut !== "";
  }

  /** See {@link askReplay}. */
  async ask(query: ReplayQuery, signal: AbortSignal | undefined): Promise<ReplayAnswer> {
    const bytes = encodeQuery(query);
    if (signal?.aborted) throw aborted(signal);
    const end = new AbortController();
    const onAbort = () => end.abort();
    const timer = setTimeout(onAbort, this.#timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const frames = await this.#request.ask(bytes, { signal: end.signal });
      const text = frames.length === 1 ? parseRefusal(frames[0] as Buffer) : undefined;
      return text === undefined ? { kind: "frames", frames } : { kind: "refusal", text };
    } catch (error) {
      throw signal?.aborted ? aborted(signal) : this.#toError(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  close(): Promise<void> {
    return this.#request.close();
  }

  #hear(event: MonitorEvent): void {
    if (event.type === "cut" && sizeReasons.has(event.reason)) this.#cut = event.detail;
    else if ("detail" in event) this.#trouble = ` (${event.detail})`;
  }

  #toError(error: unknown): FedmsgError {
    const at = `the replay server at ${this.#endpoint}`;
    if (this.#cut)
      return new FedmsgError("FEDMSG_TRANSPORT", `${at} gave more than is allowed: ${this.#cut}`, { cause: error });
    const code = error instanceof ZmtpError ? error.code : undefined;
    if (code === "ZMTP_ABORTED") {
      return new FedmsgError("FEDMSG_TIMEOUT", `${at} gave no answer within ${this.#timeoutMs} ms${this.#trouble}`);
    }
    if (code !== "ZMTP_PEER_LOST") return toFedmsgError(error);
    return new FedmsgError("FEDMSG_TRANSPORT", `${at} went away before it answered`, { cause: error });
  }
}

/** The error of a wait that the caller's signal ended. */
export function aborted(signal: AbortSignal): FedmsgError {
  return new FedmsgError("FEDMSG_ABORTED", "the caller's signal fired", { cause: signal.reason });
}

/**
 * Gives what a journal holds to whoever asks (`fedmsg/replay/__init__.py`, `ReplayContext`).
 *
 * ```
 * from a REQ         name │ (way back …) │ "" │ query
 * to it              name │ (way back …) │ "" │ body │ body │ …              what the Python system's queries find
 *                                             │ header │ body │ body │ …     a page
 *                                             │ error: '…'                   anything else
 * ```
 *
 * A ROUTER that speaks REP's side of the envelope, because a REP answers one peer after the other. Whatever comes, the server
 * goes on: what is no query is answered with a text or dropped, and what fails is an event.
 *
 * Strangers ask, so everything is bounded: a query before it is read, an answer before it is put together, the queries of a
 * host in a second, answers in the making, answers that wait to be taken. One query of a peer is worked on at a time, and
 * nothing more is read from it meanwhile.
 */

import type { MonitorEvent } from "@fedmsg/zmtp";
import { FedmsgError } from "../errors.ts";
import { bindSocket } from "../transport/zmtp/sockets.ts";
import { decodeText } from "../wire/text.ts";
import { type Answer, type AnswerLimits, answerLimits, answerQuery } from "./answer.ts";
import { QueryBudget } from "./budget.ts";
import { askReplay } from "./client.ts";
import type { Journal } from "./journal.ts";
import {
  encodeRefusal,
  parseQuery,
  type Query,
  type QueryLimits,
  queryLimits,
  type Refusal,
  type ReplayQuery,
} from "./query.ts";
import { type Asker, ReplayRouter } from "./router.ts";

/** What peers of a replay server may cost. */
export interface ReplayLimits extends QueryLimits, AnswerLimits {
  /** Queries of a host in a second, on average. Default 300. */
  readonly queriesPerSecondMax: number;
  /** Queries of a host at once, after silence. Default 600. */
  readonly queryBurstMax: number;
  /** Answers that are put together at a time; others wait for their turn. Default 4. */
  readonly answersMax: number;
  /** Bytes of answers that wait to be taken, all peers together; who is slowest is cut. Default 128 MiB. */
  readonly unsentBytesMax: number;
  /** How long a peer may take nothing of an answer, in ms, before it is cut. Default 30,000. */
  readonly stallMs: number;
  /** Connections. Default 1000. */
  readonly peersMax: number;
}

/** Defaults of {@link ReplayLimits}. */
export const replayLimits: ReplayLimits = {
  ...queryLimits,
  ...answerLimits,
  queriesPerSecondMax: 300,
  queryBurstMax: 600,
  answersMax: 4,
  unsentBytesMax: 128 * 1024 * 1024,
  stallMs: 30_000,
  peersMax: 1000,
};

/** What happens at a replay server. `host` is where the peer is. */
export type ReplayServerEvent =
  | { readonly type: "answered"; readonly host: string; readonly entries: number; readonly ms: number }
  /** The peer was told why it gets nothing. */
  | { readonly type: "refused"; readonly host: string; readonly text: string }
  /** Messages that are in no envelope, and were dropped. */
  | { readonly type: "malformed"; readonly host: string; readonly count: number }
  /** The peer did not take its answer, and was cut. */
  | { readonly type: "stalled"; readonly host: string }
  /** The journal could not be read; the peer was told to ask again. */
  | { readonly type: "failed"; readonly host: string; readonly error: unknown }
  /** A connection was ended or not accepted, for the reason that is told. */
  | { readonly type: "cut"; readonly detail: string };

/** Options of {@link startReplayServer}. */
export interface ReplayServerOptions {
  /**
   * What is served: a journal, a function where it may be replaced by another one, or the address of another server, to which
   * questions are passed on.
   */
  readonly journal: Journal | (() => Journal) | string;
  /** The digest of what heartbeats said behind one position up to another, where somebody sends them. */
  readonly beats?: (from: number, to: number) => string | undefined;
  /** Where to listen: `tcp://*:9000`, `ipc:///run/fedmsg/replay`. */
  readonly address: string;
  /** Only `zmtp` so far, which is the default. */
  readonly transport?: string;
  readonly limits?: Partial<ReplayLimits>;
  /** Hears what happens, at once. What it throws is ignored. */
  readonly onEvent?: (event: ReplayServerEvent) => void;
  /** Closes the server. */
  readonly signal?: AbortSignal;
}

/** A replay server that listens. */
export interface ReplayServer extends AsyncDisposable {
  /** Where it listens, with its real port. */
  readonly address: string;
  /** Stops: what was answered is sent, what is being put together is given up. Idempotent. The journal stays open, and is not
   * read any more. */
  close(): Promise<void>;
}

/** Bytes of a message: so much more than a query may have that the peer can be told. */
const messageBytesMax = 2 * 1024 * 1024;
const framesMax = 64;

/**
 * Serves a journal, or passes on what it is asked.
 *
 * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT, FEDMSG_UNSUPPORTED (the transport),
 *   FEDMSG_ABORTED
 */
export async function startReplayServer(options: ReplayServerOptions): Promise<ReplayServer> {
  const { transport = "zmtp", address, signal } = options;
  if (transport !== "zmtp") {
    throw new FedmsgError("FEDMSG_UNSUPPORTED", `replay over ${JSON.stringify(transport)}: only zmtp can do it`);
  }
  if (signal?.aborted) throw new FedmsgError("FEDMSG_ABORTED", "the caller's signal fired", { cause: signal.reason });
  const server = new Server(options);
  try {
    await server.listen(address);
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

class Server implements ReplayServer {
  address = "";
  readonly #find: (query: Query, bytes: Buffer) => Promise<Answer | Refusal>;
  readonly #limits: ReplayLimits;
  readonly #onEvent: ((event: ReplayServerEvent) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #router: ReplayRouter;
  readonly #budget: QueryBudget;
  readonly #turns: Turns;
  readonly #stop = new AbortController();
  readonly #onAbort = () => void this.close();
  readonly #serving = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor({ journal, beats, limits, onEvent, signal }: ReplayServerOptions) {
    this.#limits = { ...replayLimits, ...limits };
    if (typeof journal === "string") this.#find = (_, bytes) => passOn(journal, bytes, this.#stop.signal);
    else {
      const current = typeof journal === "function" ? journal : () => journal;
      this.#find = (query) => answerQuery(query, current(), this.#limits, this.#stop.signal, beats);
    }
    this.#onEvent = onEvent;
    this.#signal = signal;
    this.#budget = new QueryBudget(this.#limits.queriesPerSecondMax, this.#limits.queryBurstMax);
    this.#turns = new Turns(this.#limits.answersMax);
    this.#router = new ReplayRouter({
      limits: { messageBytesMax, frameBytesMax: messageBytesMax, framesMax, peersMax: this.#limits.peersMax },
      keepAlive: { idleS: 60 },
      sendBytesMax: Number.MAX_SAFE_INTEGER, // The router has a bound of its own.
      unsentBytesMax: this.#limits.unsentBytesMax,
      stallMs: this.#limits.stallMs,
      onStalled: (host) => this.#tell({ type: "stalled", host }),
      onEvent: (event) => this.#hear(event),
    });
    this.#router.onAsked((asker, messages) => this.#note(this.#serve(asker, messages)));
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  async listen(address: string): Promise<void> {
    this.address = await bindSocket(this.#router, address);
  }

  close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#stop.abort();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#router.close();
    await Promise.all(this.#serving);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Keeps in mind what is under way: when the server is closed, nobody reads the journal any more. */
  async #note(serving: Promise<void>): Promise<void> {
    this.#serving.add(serving);
    await serving;
    this.#serving.delete(serving);
  }

  /** Answers what came from a peer, one after the other. Never rejects. */
  async #serve(asker: Asker, messages: readonly (readonly Buffer[])[]): Promise<void> {
    const envelopes = messages.map(openEnvelope).filter((envelope) => envelope !== undefined);
    const malformed = messages.length - envelopes.length;
    if (malformed > 0) this.#tell({ type: "malformed", host: asker.host, count: malformed });
    for (const envelope of envelopes) {
      if (this.#stop.signal.aborted) return;
      const frames = await this.#reply(asker, envelope.query);
      if (frames && !this.#stop.signal.aborted) asker.send([...envelope.wayBack, ...frames]);
      if (asker.gone) return;
    }
  }

  /** The frames that answer a query; nothing where nobody waits for them any more. */
  async #reply(asker: Asker, query: Buffer): Promise<readonly Uint8Array[] | undefined> {
    const { host } = asker;
    const startedAt = performance.now();
    if (!(await asker.ready()) || this.#stop.signal.aborted) return undefined;
    const answer = await this.#answer(host, query);
    if (this.#stop.signal.aborted) return undefined;
    if (answer.kind === "refusal") {
      this.#tell({ type: "refused", host, text: answer.text });
      return [encodeRefusal(answer.text)];
    }
    this.#tell({ type: "answered", host, entries: answer.entries, ms: performance.now() - startedAt });
    return answer.frames;
  }

  async #answer(host: string, bytes: Buffer): Promise<Answer | Refusal> {
    const { queriesPerSecondMax } = this.#limits;
    if (!this.#budget.take(host)) {
      return {
        kind: "refusal",
        text: `${tooManyQueries}: ${queriesPerSecondMax} a second are allowed; ask again later`,
      };
    }
    const query = parseQuery(bytes, this.#limits);
    if (query.kind === "refusal") return query;
    await this.#turns.begin();
    try {
      return await this.#find(query, bytes);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#tell({ type: "failed", host, error });
      return { kind: "refusal", text: unreadable };
    } finally {
      this.#turns.end();
    }
  }

  #hear(event: MonitorEvent): void {
    if (event.type === "cut") this.#tell({ type: "cut", detail: `${event.reason}: ${event.detail}` });
    else if (event.type === "accept-failed") this.#tell({ type: "cut", detail: event.detail });
  }

  #tell(event: ReplayServerEvent): void {
    try {
      this.#onEvent?.(event);
    } catch {
      // Whoever listens must not end what it listens to.
    }
  }
}

/** Asks another server. What it refuses is refused in its words. */
async function passOn(upstream: string, bytes: Buffer, signal: AbortSignal): Promise<Answer | Refusal> {
  const answer = await askReplay(upstream, JSON.parse(decodeText(bytes)) as ReplayQuery, { signal });
  if (answer.kind === "refusal") return answer;
  return { kind: "answer", frames: answer.frames, entries: answer.frames.length };
}

/** How the refusal begins that who asks too often gets. */
export const tooManyQueries = "Too many queries";

/** What is told where the journal cannot be read now. */
export const unreadable = "The journal cannot be read now; ask again later";

/** What goes back before the answer, and the query. Nothing where there is no empty frame with one frame behind it. */
function openEnvelope(
  message: readonly Buffer[],
): { readonly wayBack: readonly Buffer[]; readonly query: Buffer } | undefined {
  const queryAt = message.findIndex((frame, n) => n > 0 && frame.length === 0) + 1;
  const query = message[queryAt];
  if (queryAt === 0 || query === undefined || message.length !== queryAt + 1) return undefined;
  return { wayBack: message.slice(1, queryAt), query };
}

/** Lets so many in at a time, in the order in which they came. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async begin(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

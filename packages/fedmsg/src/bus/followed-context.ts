import type { CursorStore } from "../replay/cursors.ts";
import type { Ledger } from "../replay/ledger.ts";
import type { EventSink } from "./status.ts";

/** Where a subscription begins in a journal that it has no cursor in: what comes from now on, all that is there, or what
 * was appended after a time (ms since the epoch). */
export type From = "head" | "first" | number;

/** What it needs of its subscription. */
export interface FollowedContext {
  readonly store: CursorStore;
  readonly ledger: Ledger;
  readonly status: EventSink;
  /** Beginnings of the topics that are wanted. */
  readonly prefixes: readonly string[];
  readonly matches: (topic: string) => boolean;
  /** Whether no other journal is followed, so that nothing comes by two. */
  readonly isAlone: boolean;
  readonly from: From;
  /** Without any heartbeat for so long a journal is asked; and so often whether it sent those that came, in ms. Default 15,000. */
  readonly silenceMs?: number | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
  /**
   * Takes a message that was fetched; resolves when there is room for the next.
   *
   * @returns its key, where it is for us, and whether it is new
   */
  readonly take: (body: Uint8Array, from: FetchedFrom) => Promise<Taken | undefined>;
  /**
   * A journal has this message: where it is in somebody's hands, it may be let go.
   *
   * @returns its key, where it is, and no journal said so before
   */
  readonly vouch: (body: Uint8Array) => string | undefined;
}

/** Where a message was fetched. */
export interface FetchedFrom {
  /** The key of `replay_endpoints`. */
  readonly name: string;
  readonly endpoint: string;
  /** The UUID of the journal that gave it; a Python server has none, and will not be asked for it once more. */
  readonly journal: string | undefined;
}

/** A message that is for us. */
export interface Taken {
  readonly key: string;
  readonly isNew: boolean;
}

/**
 * At the end of a subscription a message in somebody's hands may be let go where a journal has it: it comes again at the next
 * start. Only the journal knows. What heartbeats list is not asked for, as anybody can send them; nor who sent the message,
 * as its journal may be another one by now, or somebody else's; nor what the journal gave once, as it may be pruned by now. What a
 * journal does not give in time counts as not there, but for what was fetched from it: there its word holds until it answers.
 *
 * ```
 *  sure ───────────────────────────▶ cursor ───────────────────────────▶ head
 *   │ second: here heartbeats alone    │ first: here what is in hand should be
 *   │ said that all was handled        │
 * ```
 *
 * The message itself is compared (`Ledger.vouch`). To ask whether the heartbeats were the journal's (`beats`) would cost
 * less, and was rejected: they name messages by their keys, and through a relay that looks at no signature a stranger can have a journal
 * keep what has the key of a signed message and is not valid.
 */

import { FedmsgError } from "../errors.ts";
import { fetchPages, isOtherJournal } from "../replay/fetch.ts";
import type { Follower } from "../replay/follower.ts";
import type { FollowedContext } from "./followed-context.ts";

/** Whom to ask, and until when. */
export interface VouchingOptions {
  /** The name in `replay_endpoints`. */
  readonly name: string;
  readonly endpoint: string;
  readonly follower: Follower;
  readonly context: Pick<FollowedContext, "ledger" | "prefixes" | "vouch" | "status">;
  readonly signal: AbortSignal;
}

/**
 * Has a journal say which pending messages it has, until it has all of them or everything was looked at. Never rejects.
 *
 * @returns whether what was fetched from it before still counts as there: not where it told all that it has, nor where something is
 *   gone from it, or it is another journal now, which vouches for nothing
 */
export async function askToVouch({ name, endpoint, follower, context, signal }: VouchingOptions): Promise<boolean> {
  const { ledger, prefixes, vouch, status } = context;
  const { cursor, sure, journal } = follower;
  const topics = prefixes.includes("") ? undefined : prefixes;
  const vouched: string[] = [];
  let isWhole = true;
  try {
    for (const [after, through] of [[cursor], [sure, cursor]] as const) {
      for await (const { header, bodies } of fetchPages(endpoint, { after, through, topics, journal, signal })) {
        if (header.first > sure + 1) isWhole = false;
        for (const body of bodies) {
          const key = vouch(body);
          if (key !== undefined) vouched.push(key);
        }
        if (ledger.unvouched === 0) return false;
      }
    }
    return false;
  } catch (error) {
    if (isOtherJournal(error)) {
      for (const key of vouched) ledger.unvouch(key);
      return false;
    }
    const detail = `cannot be asked at the end which messages it has: ${FedmsgError.from(error).message}`;
    if (!signal.aborted) status.emit({ type: "warning", name, detail });
    return isWhole;
  }
}

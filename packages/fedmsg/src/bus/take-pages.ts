import { fetchPages } from "../replay/fetch.ts";
import type { Follower } from "../replay/follower.ts";
import { type Gap, goneBefore } from "../replay/resume.ts";
import type { FollowedContext } from "./followed-context.ts";

/**
 * Messages of a page. Fewer than a server gives at most: what waits for the loop and for the cursor meanwhile outlives the
 * collector's short rounds, and a process that catches up takes 20 MiB more with whole ones.
 */
const pageEntries = 300;

/** What to fetch, and who takes it. */
export interface TakePagesOptions {
  /** The name in `replay_endpoints`. */
  readonly name: string;
  readonly endpoint: string;
  /** Whose journal it is. It hears of each page once all that is in it was taken. */
  readonly follower: Follower;
  /** The last position that is wanted. */
  readonly through: number;
  readonly context: FollowedContext;
  /** Hears that a page came. */
  readonly onPage: () => void;
}

/**
 * Fetches what lies behind what a follower saw, up to a position, and hands it over message by message. The status hears of
 * what cannot be had any more, and at the end, however that comes, of how many messages were new. Throws what `fetchPages`
 * throws.
 */
export async function takePages({
  name,
  endpoint,
  follower,
  through,
  context,
  onPage,
}: TakePagesOptions): Promise<void> {
  const { prefixes, signal, take, status } = context;
  const { journal } = follower;
  const origin = { name, endpoint, journal };
  const from = follower.seenTo;
  const topics = prefixes.includes("") ? undefined : prefixes;
  const tellGap = (gap: Gap) => status.emit({ type: "gap", name, ...gap });
  const pages = fetchPages(endpoint, { after: from, through, topics, journal, signal, limit: pageEntries });
  const ask = () => ({ page: pages.next(), askedAt: performance.now() });
  let count = 0;
  let after = from;
  let asked = ask();
  try {
    for (;;) {
      const { value: page, done } = await asked.page;
      if (done) break;
      onPage();
      const { askedAt } = asked;
      asked = ask(); // The next one comes while this one is handled.
      asked.page.catch(() => {}); // Awaited above, unless this one fails first.
      const { header, bodies } = page;
      const gone = goneBefore(header, after);
      if (gone) {
        tellGap(gone);
        follower.skip(header.first - 1);
      }
      for (const position of header.damaged ?? []) {
        tellGap({ journal, from: position, to: position, detail: "the journal's entry is damaged" });
      }
      const keys: string[] = [];
      for (const body of bodies) {
        const taken = await take(body, origin);
        if (!taken) continue;
        keys.push(taken.key);
        if (taken.isNew) count++;
      }
      follower.fetched({ after, through: header.through, head: header.head, keys, askedAt });
      after = header.through;
    }
  } finally {
    if (count > 0) status.emit({ type: "replayed", name, journal, count, from: from + 1, to: after });
    await pages.return();
  }
}

import { FedmsgError } from "../errors.ts";
import type { Confirmation } from "../replay/confirm-client.ts";
import type { JournalInfo } from "../replay/journal.ts";

/** Confirmations that are remembered for whoever asks late. A power of two. */
const remembered = 16_384;
/** Stretches of losses that are remembered. */
const lossesMax = 1000;

/** Messages that are lost, one behind the other. */
interface Loss {
  readonly from: number;
  to: number;
  readonly error: FedmsgError;
}

/** What became of messages, by their positions in the outbox: of the newest that are confirmed, and of those that are lost. */
export class Outcomes {
  readonly #positions = new Float64Array(remembered).fill(-1);
  readonly #confirmed = new Float64Array(remembered);
  readonly #relays: (string | undefined)[] = new Array(remembered).fill(undefined);
  readonly #losses: Loss[] = [];

  add(position: number, relay: string, confirmed: number): void {
    const at = position % remembered;
    this.#positions[at] = position;
    this.#confirmed[at] = confirmed;
    this.#relays[at] = relay;
  }

  addLoss(position: number, error: FedmsgError): void {
    const last = this.#losses.at(-1);
    if (last?.to === position - 1 && last.error.message === error.message) last.to = position;
    else this.#losses.push({ from: position, to: position, error });
    if (this.#losses.length > lossesMax) this.#losses.shift();
  }

  /** Nothing where it is not known any more. */
  find(position: number): Confirmation | FedmsgError | undefined {
    const at = position % remembered;
    if (this.#positions[at] === position) {
      return { relay: this.#relays[at] as string, position: this.#confirmed[at] as number };
    }
    return this.#losses.find(({ from, to }) => from <= position && position <= to)?.error;
  }
}

/**
 * What positions in an outbox mean, as long as its journal is the same one. Where that was deleted, or replaced by an older copy of
 * itself, another life begins, in which positions behind some one are other messages'.
 */
export class OutboxLife {
  readonly outcomes = new Outcomes();
  /** What came after it; a life knows its successors, and not the ones before, so that these can be forgotten. */
  #next: { readonly life: OutboxLife; readonly through: number; readonly lost: FedmsgError } | undefined;

  /**
   * Ends it.
   *
   * @param through positions up to this one are the same messages in the next life
   * @param lost what the others end with
   * @returns the next life
   */
  follow(through: number, lost: FedmsgError): OutboxLife {
    const life = new OutboxLife();
    this.#next = { life, through, lost };
    return life;
  }

  /** What became of a message of this life; nothing where it is not known any more, or may be found out in life `now`. */
  find(position: number, now: OutboxLife): Confirmation | FedmsgError | undefined {
    for (let life: OutboxLife = this; ; ) {
      const known = life.outcomes.find(position);
      if (known || life === now || !life.#next) return known;
      if (position > life.#next.through) return life.#next.lost;
      life = life.#next.life;
    }
  }
}

/** The last position that means the same in a journal as when its UUID was another one. */
export function vouchedThrough({ uuid, head, earlier }: JournalInfo, before: string): number {
  return uuid === before ? head : (earlier.find((each) => each.uuid === before)?.through ?? 0);
}

/** Where a message is kept. */
export interface OutboxPlace {
  readonly life: OutboxLife;
  readonly position: number;
}

interface Waiter {
  readonly promise: Promise<Confirmation | undefined>;
  readonly resolve: (confirmation: Confirmation | undefined) => void;
  readonly reject: (error: FedmsgError) => void;
}

/** Those who wait for the confirmation of messages; the process must not end meanwhile. None of their promises has to be heard. */
export class ConfirmWaiters {
  readonly #waiters = new Map<number, Waiter>();
  readonly #onWaiting: (isWaiting: boolean) => void;

  /** @param onWaiting hears when somebody waits, and when nobody does any more */
  constructor(onWaiting: (isWaiting: boolean) => void) {
    this.#onWaiting = onWaiting;
  }

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  wait(position: number): Promise<Confirmation | undefined> {
    let waiter = this.#waiters.get(position);
    if (!waiter) {
      waiter = createWaiter();
      this.#waiters.set(position, waiter);
      if (this.#waiters.size === 1) this.#onWaiting(true);
    }
    return waiter.promise;
  }

  settle(position: number, outcome: Confirmation | FedmsgError): void {
    const waiter = this.#waiters.get(position);
    if (!waiter) return;
    this.#waiters.delete(position);
    if (outcome instanceof FedmsgError) waiter.reject(outcome);
    else waiter.resolve(outcome);
    if (this.#waiters.size === 0) this.#onWaiting(false);
  }

  /** @param after those up to this position wait on */
  rejectAll(error: FedmsgError, after = 0): void {
    for (const [position, { reject }] of this.#waiters) {
      if (position <= after) continue;
      this.#waiters.delete(position);
      reject(error);
    }
    if (this.#waiters.size === 0) this.#onWaiting(false);
  }
}

function createWaiter(): Waiter {
  let resolve: Waiter["resolve"] = () => {};
  let reject: Waiter["reject"] = () => {};
  const promise = new Promise<Confirmation | undefined>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

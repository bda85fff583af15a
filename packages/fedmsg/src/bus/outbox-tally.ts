import type { FedmsgError } from "../errors.ts";
import type { GivenUpReason, OutboxState, RejectedReason } from "./delivery.ts";

/** How long a refusal counts as a problem, in ms, where nobody tries again: what was wrong with a disk may be mended by then. */
const rejectionMs = 60_000;

/** What an outbox counts, and whether it refuses. */
export class OutboxTally {
  readonly #givenUp: Record<GivenUpReason, number> = { "too-old": 0, "too-large": 0, invalid: 0, lost: 0 };
  readonly #rejected: Record<RejectedReason, number> = { full: 0, journal: 0 };
  #last: { readonly error: FedmsgError; readonly bytes: number; readonly at: number } | undefined;

  /** What was counted up to now. */
  get counts(): Pick<OutboxState, "givenUp" | "rejected"> {
    return { givenUp: { ...this.#givenUp }, rejected: { ...this.#rejected } };
  }

  /** Messages that no relay gets any more. */
  giveUp(reason: GivenUpReason, count: number): void {
    this.#givenUp[reason] += count;
  }

  /** A relay said what becomes of a message; where it wants it never, the cause of the error is why. */
  answered(error: FedmsgError | undefined): void {
    if (error?.code !== "FEDMSG_REFUSED") return;
    const { cause } = error;
    this.giveUp(cause === "too-large" || cause === "cut-off" ? "too-large" : "invalid", 1);
  }

  /** A message was kept, or the file was opened anew. */
  works(): void {
    this.#last = undefined;
  }

  /**
   * A message was not kept. Returns why.
   *
   * @param bytes of the message; nothing where there would be no room for it in an empty outbox either, which is no problem of this one
   */
  reject(error: FedmsgError, bytes: number | undefined): FedmsgError {
    if (error.code !== "FEDMSG_QUEUE_FULL" && error.code !== "FEDMSG_JOURNAL") return error;
    this.#rejected[error.code === "FEDMSG_QUEUE_FULL" ? "full" : "journal"]++;
    if (bytes !== undefined) this.#last = { error, bytes, at: performance.now() };
    return error;
  }

  /**
   * Why messages are refused, as far as the last one tells.
   *
   * @param hasRoom whether there is room for so many bytes
   */
  problem(hasRoom: (bytes: number) => boolean): string | undefined {
    if (!this.#last) return undefined;
    const { error, bytes, at } = this.#last;
    const isOver = error.code === "FEDMSG_QUEUE_FULL" ? hasRoom(bytes) : performance.now() - at > rejectionMs;
    return isOver ? undefined : error.message;
  }
}

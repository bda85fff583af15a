/** What a bus says of how its messages get to the relay (`relay_confirm`). */

import type { ConfirmRefusal } from "../replay/confirm-counts.ts";

/** One address of `relay_confirm`. */
export interface DeliveryRelay {
  readonly relay: string;
  /** Whether there is a connection to it. Of several relays one is used at a time; the others have none. */
  readonly isConnected: boolean;
}

/** How messages get to a relay that confirms. All totals only grow, and begin at 0 with the bus. */
export interface Delivery {
  readonly relays: readonly DeliveryRelay[];
  /** Messages that were handed on and wait for the relay's answer, sent or not; with an outbox at most 2000 of those that wait there. */
  readonly inFlight: number;
  /**
   * Messages that a relay said it has. One that goes out twice counts twice; one whose sender waits no longer (its signal fired, its
   * time was over) does not count.
   */
  readonly confirmed: number;
  /** How often a message was sent once more. */
  readonly retried: number;
  /**
   * How often a relay did not take a message, by its answer. `invalid`, `too-large` and `cut-off` (it ends the connection when it gets
   * that large message) are final; after the others (`busy`, `journal`, `version`, `other`) the message is sent again.
   */
  readonly refused: Readonly<Record<ConfirmRefusal, number>>;
  /** Only where there is an outbox. */
  readonly outbox?: OutboxState;
}

/**
 * Why a message goes out of an outbox that no relay confirmed: `outbox_max_age`; the relay takes none that is so large; to the relay it
 * is no message; its outbox was deleted or damaged.
 */
export type GivenUpReason = "too-old" | "too-large" | "invalid" | "lost";

/** Why `publish` rejected: the outbox is `full`, or too small for the message (`outbox_max_bytes`), or its file could not be written or opened (`journal`). */
export type RejectedReason = "full" | "journal";

/** What is in an outbox, and what became of what was. All totals only grow, and begin at 0 with the bus. */
export interface OutboxState {
  /** Messages that are neither confirmed nor given up. */
  readonly waiting: number;
  /** Bytes of their topics and bodies. */
  readonly waitingBytes: number;
  /** How long the oldest of them has waited, by the machine's clock; 0 where none waits, nothing where it cannot be read. */
  readonly oldestSeconds: number | undefined;
  /** Messages that no relay confirmed, and that are not tried any more. One that was on its way then, a relay may have. */
  readonly givenUp: Readonly<Record<GivenUpReason, number>>;
  /** Messages that `publish` rejected, and that are not in the outbox. */
  readonly rejected: Readonly<Record<RejectedReason, number>>;
  /**
   * Why it does not do its work at the moment, with what to do: it is full, or its file cannot be read, written or opened. `publish`
   * rejects meanwhile, or what is in it does not go out.
   */
  readonly problem?: string;
}

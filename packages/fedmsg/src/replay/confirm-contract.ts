/** What a publisher that wants to be sure is told, and what it is made of. */

import type { SocketOptions } from "@fedmsg/zmtp";

/** Who has a message, and where. */
export interface Confirmation {
  /** The address of the relay. */
  readonly relay: string;
  /** Its place in the relay's journal; 0 where that has none. */
  readonly position: number;
}

/** What happens to the relays. Told, never thrown. */
export type ConfirmEvent =
  /** Messages have waited for a relay for so many ms; told every second. */
  | { readonly type: "waiting"; readonly relay: string; readonly ms: number }
  /** The relay refuses for the moment, or speaks another version. */
  | { readonly type: "refused"; readonly relay: string; readonly code: string };

/** Parts of a client. */
export interface ConfirmClientOptions {
  /** Alternatives: at least one address. */
  readonly relays: readonly string[];
  readonly socket: SocketOptions;
  /** How long a message may wait for its answer, in ms. 0: as long as it takes. */
  readonly timeoutMs: number;
  /** Bytes of messages that may wait. */
  readonly bytesMax: number;
  /** Whether messages that wait keep the process alive. */
  readonly keepsAlive: boolean;
  readonly onEvent?: ((event: ConfirmEvent) => void) | undefined;
  /** How long a relay may be silent, in ms. Default: 2000 where there are others, else 5000. */
  readonly silenceMs?: number | undefined;
}

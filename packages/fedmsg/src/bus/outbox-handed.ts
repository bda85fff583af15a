import type { FedmsgError } from "../errors.ts";
import type { ConfirmClient, Outgoing } from "../replay/confirm-client.ts";
import type { JournalEntry } from "../replay/journal.ts";

/** Messages that are handed to the client at a time: those on their way, and as many behind them. */
const handedMax = 2000;
/** Bytes of these; one message always fits. */
const handedBytesMax = 16 * 1024 * 1024;

/** Messages of an outbox that the client has and no relay has answered, by their positions. */
export class HandedMessages {
  readonly #client: ConfirmClient;
  readonly #byPosition = new Map<number, Outgoing>();

  constructor(client: ConfirmClient) {
    this.#client = client;
  }

  /** For so many more there is room. */
  get room(): number {
    return this.#client.bytes >= handedBytesMax ? 0 : handedMax - this.#byPosition.size;
  }

  /**
   * Hands one over.
   *
   * @param onAnswer hears what a relay answers: an error, or the position in its journal; nothing where it is given up here
   * @throws FedmsgError FEDMSG_CLOSED
   */
  hand(entry: JournalEntry, onAnswer: (outcome: FedmsgError | number, bytes: number) => void): void {
    const { position, topic, body } = entry;
    const outgoing = this.#client.send([Buffer.from(topic), body], (error, at) => {
      if (this.#byPosition.get(position) !== outgoing) return; // Of a journal that is no more.
      this.#byPosition.delete(position);
      if (error?.code !== "FEDMSG_CLOSED") onAnswer(error ?? at, outgoing.bytes);
    });
    this.#byPosition.set(position, outgoing);
  }

  /** It does not go out any more, if it has not yet. */
  giveUp(position: number, error: FedmsgError): void {
    const outgoing = this.#byPosition.get(position);
    this.#byPosition.delete(position);
    if (outgoing) this.#client.giveUp(outgoing, error);
  }

  giveUpAll(error: FedmsgError): void {
    for (const position of [...this.#byPosition.keys()]) this.giveUp(position, error);
  }
}

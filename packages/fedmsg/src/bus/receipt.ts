import type { Confirmation } from "../replay/confirm-client.ts";
import type { Message } from "../wire/envelope.ts";

/** What became of a message. */
export interface Receipt {
  readonly topic: string;
  readonly msg_id: string;
  /** Its number among those of this bus. */
  readonly i: number;
  /**
   * Resolves when a relay has said that it has the message (`relay_confirm`): which one, and at which position of its journal.
   * `undefined` where nobody confirms. Without an outbox it is there when `publish` resolves; with one it may take as long as
   * the relay is away, and rejects with FEDMSG_REFUSED (the relay wants it never), FEDMSG_TIMEOUT (`outbox_max_age` is
   * over) or FEDMSG_CLOSED (the bus is closed, and it is still in the outbox). Nobody has to wait for it.
   */
  readonly confirmed: Promise<Confirmation | undefined>;
}

const nobodyConfirms = Promise.resolve(undefined);

/** Of a message that nobody confirms. */
export class PlainReceipt implements Receipt {
  readonly topic: string;
  readonly msg_id: string;
  readonly i: number;

  constructor({ topic, msg_id, i }: Message) {
    this.topic = topic;
    this.msg_id = msg_id as string;
    this.i = i as number;
  }

  // Not an own property: what is printed or compared of a receipt is data.
  get confirmed(): Promise<Confirmation | undefined> {
    return nobodyConfirms;
  }
}

/** Of a message that somebody confirms. */
export class ConfirmedReceipt extends PlainReceipt {
  readonly #ask: () => Promise<Confirmation | undefined>;

  /** @param ask runs when somebody wants to know */
  constructor(message: Message, ask: () => Promise<Confirmation | undefined>) {
    super(message);
    this.#ask = ask;
  }

  override get confirmed(): Promise<Confirmation | undefined> {
    const asked = this.#ask();
    asked.catch(() => {}); // Whoever waits hears of it; nobody has to.
    return asked;
  }
}

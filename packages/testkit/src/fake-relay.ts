/** A relay that answers as a test wants it to. */

import { Router, type SocketOptions } from "@fedmsg/zmtp";
import { anyAddress } from "./test-config.ts";

/** Sockets as they are, for what no publisher of ours would say. */
export { Dealer as RawDealer, Publisher as RawPublisher } from "@fedmsg/zmtp";

/** A message that came. */
export interface Came {
  readonly number: number;
  /** The `n` of its `msg`. */
  readonly n: number;
}

export class FakeRelay implements AsyncDisposable {
  readonly came: Came[] = [];
  address = "";
  readonly #router: Router;

  /** @param answer `OK` and a position, `ERR` and a code, or nothing */
  private constructor(answer: (came: Came) => string | undefined, options: SocketOptions) {
    this.#router = new Router({ lingerMs: 0, ...options });
    this.#router.onBatch((batch) => {
      for (const [name, , , number, , body] of batch.keep()) {
        const came = { number: Number(String(number)), n: JSON.parse(String(body)).msg.n };
        this.came.push(came);
        const [word, what] = answer(came)?.split(" ") ?? [];
        if (word && what) this.#router.trySend([name as Buffer, "1", word, String(number), what]);
      }
    });
  }

  static async open(
    answer: (came: Came) => string | undefined,
    { address = anyAddress, ...options }: SocketOptions & { readonly address?: string } = {},
  ): Promise<FakeRelay> {
    const relay = new FakeRelay(answer, options);
    relay.address = await relay.#router.bind(address);
    return relay;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#router.close();
  }
}

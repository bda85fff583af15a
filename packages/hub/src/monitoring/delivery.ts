/** How what a hub publishes gets to its relay (`relay_confirm`, `outbox`), for those who watch. */

import type { Delivery } from "fedmsg";
import { countOf } from "fedmsg/plugin";

const textCharactersMax = 500;

/** What keeps a hub from publishing: an outbox that is full, or whose file is of no use. A relay that is away does not. */
export function deliveryProblems(delivery: Delivery | undefined): readonly string[] {
  const problem = delivery?.outbox?.problem;
  return problem === undefined ? [] : [`outbox: ${problem}`.slice(0, textCharactersMax)];
}

/** What deserves a word, although the hub does its work: no relay is there. */
export function deliveryNotes(delivery: Delivery | undefined): readonly string[] {
  if (!delivery || delivery.relays.some(({ isConnected }) => isConnected)) return [];
  const { relays, inFlight, outbox } = delivery;
  const relay = relays.map((each) => each.relay).join(", ");
  const messages = (count: number) => countOf(count, "message waits", "messages wait");
  const waiting = outbox ? `${messages(outbox.waiting)} in the outbox` : messages(inFlight);
  return [`relay_confirm: no connection to ${relay}; ${waiting}`.slice(0, textCharactersMax)];
}

/** The numbers of `/healthz`. */
export function describeDelivery({ relays, inFlight, confirmed, retried, refused, outbox }: Delivery) {
  return {
    relays: Object.fromEntries(relays.map(({ relay, isConnected }) => [relay, isConnected])),
    ...{ in_flight: inFlight, confirmed, retried, refused },
    ...(outbox && {
      outbox: {
        ...{ waiting: outbox.waiting, waiting_bytes: outbox.waitingBytes, oldest_seconds: outbox.oldestSeconds },
        ...{ given_up: outbox.givenUp, rejected: outbox.rejected },
      },
    }),
  };
}

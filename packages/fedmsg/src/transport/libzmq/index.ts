import * as zeromq from "zeromq";
import type { PublisherOptions, SocketOptions, Transport } from "../transport.ts";
import { LibzmqPublisher } from "./publisher.ts";
import { LibzmqSubscriber } from "./subscriber.ts";

/**
 * ZeroMQ through libzmq and the `zeromq` package.
 *
 * libzmq counts messages, not bytes, and knows no single peer: `queueBytesMax` bounds only what waits in front of it,
 * and a `highWaterMark` of 0 becomes a finite mark. Once a full peer has lost a message, libzmq passes it over without a
 * word until it has read enough; so `dropped` says how many messages were lost at least.
 *
 * @param ioThreads threads that carry the data, for the whole process; counts only before the first socket
 */
export function createLibzmqTransport({ ioThreads = 1 }: { readonly ioThreads?: number } = {}): Transport {
  if (zeromq.context.ioThreads !== ioThreads) zeromq.context.ioThreads = ioThreads;
  return {
    name: "libzmq",
    createPublisher: (options: PublisherOptions = {}) => new LibzmqPublisher(zeromq, options),
    createSubscriber: (options: SocketOptions = {}) => new LibzmqSubscriber(zeromq, options),
  };
}

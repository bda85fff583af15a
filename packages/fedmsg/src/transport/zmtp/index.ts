import type { PublisherOptions, SocketOptions, Transport } from "../transport.ts";
import { ZmtpPublisher } from "./publisher.ts";
import { ZmtpSubscriber } from "./subscriber.ts";

/** ZeroMQ in TypeScript (`@fedmsg/zmtp`). */
export function createZmtpTransport(): Transport {
  return {
    name: "zmtp",
    createPublisher: (options: PublisherOptions = {}) => new ZmtpPublisher(options),
    createSubscriber: (options: SocketOptions = {}) => new ZmtpSubscriber(options),
  };
}

import type { PublisherOptions, SocketOptions, Transport } from "../transport.ts";
import { MemoryNetwork } from "./network.ts";
import { MemoryPublisher } from "./publisher.ts";
import { MemorySubscriber } from "./subscriber.ts";

export { MemoryNetwork } from "./network.ts";

/** What `transport: "memory"` in a configuration means: every bus of the process meets here. */
export const processNetwork = new MemoryNetwork();

/**
 * A transport that stays inside the process: for tests of programs that use the bus, and for services that want one.
 *
 * @param network sockets of the same network can reach each other; default: one of its own
 */
export function createMemoryTransport(network: MemoryNetwork = new MemoryNetwork()): Transport {
  return {
    name: "memory",
    createPublisher: (options: PublisherOptions = {}) => new MemoryPublisher(network, options),
    createSubscriber: (options: SocketOptions = {}) => new MemorySubscriber(network, options),
  };
}

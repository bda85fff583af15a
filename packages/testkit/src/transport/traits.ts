import type { Transport } from "fedmsg/plugin";

/** Makes a transport for one test. */
export type MakeTransport = () => Transport;

/** Where transports may differ, each for a reason. */
export interface TransportTraits {
  /** Host names are looked up. In memory every host is the same place, so no name can fail to resolve. */
  readonly resolvesHosts: boolean;
  /** A peer's queue is bounded in bytes, too. libzmq counts messages only. */
  readonly boundsPeersByBytes: boolean;
  /**
   * The kernel's buffers lie between the peers and take a few MiB, so tests send that much before a peer that does not read
   * is full. In memory there is nothing between them.
   */
  readonly buffersBetween: boolean;
  /**
   * `dropped` counts every loss. libzmq passes a full peer over in silence after its first loss, until it has read.
   */
  readonly countsEveryLoss: boolean;
}

/**
 * What the bus asks of a transport, and nothing more. Two sockets: one that publishes to whoever subscribed, one that
 * subscribes by prefix. Either may listen or connect, as often as it likes.
 *
 * Frames belong to the transport once they were sent, and to the receiver once they were received; neither side changes
 * them afterwards. Nothing outside `transport/` knows which implementation it talks to; one compliance suite
 * (`@fedmsg/testkit`) holds them all to the words below.
 */

/** The frames of one message. */
export type Frames = readonly Uint8Array[];

/** Bytes of all frames together. */
export function framesByteLength(frames: Frames): number {
  let length = 0;
  for (const frame of frames) length += frame.byteLength;
  return length;
}

/** What happens to a socket's connections. Told, never thrown. */
export type SocketEvent =
  /** A peer is there: `address` is the one that was bound or connected to. */
  | { readonly type: "connected"; readonly address: string }
  | { readonly type: "disconnected"; readonly address: string }
  /** The host's name has no address yet; it is asked for again. */
  | { readonly type: "unresolved"; readonly address: string; readonly detail: string }
  /**
   * Connections that one side refused or ended because of what the other did: `count` of them since this was last told,
   * once a second at most; `detail` is about the last one. Only where the transport can tell.
   */
  | { readonly type: "cut"; readonly address: string; readonly detail: string; readonly count: number }
  /** Subscribers lost `count` messages since the last such event: their queues were full for too long. */
  | { readonly type: "dropped"; readonly address: string; readonly count: number }
  /** Messages have waited for a first subscriber for so many ms (`awaitSubscriber`); told every second. */
  | { readonly type: "waiting"; readonly address: string; readonly ms: number };

/** Options of both kinds of sockets. */
export interface SocketOptions {
  /** Messages queued for a peer before it counts as full. 0 (default) lifts this bound, not the one in bytes. */
  readonly highWaterMark?: number;
  /** Bytes queued for a peer before it counts as full. Default 64 MiB. libzmq cannot count them, see there. */
  readonly queueBytesMax?: number;
  /** Connections that are taken from others; further ones are refused. Default 10,000. Only where the transport can tell. */
  readonly peersMax?: number;
  /** Prefixes that one subscriber may ask for, before it is cut. Default 100,000. Only where the transport can tell. */
  readonly subscriptionsMax?: number;
  /** How long `close()` leaves queued messages to be sent behind its back, in ms. Default 1000. */
  readonly lingerMs?: number;
  /** First pause before a lost connection is tried again, in ms. Default 100. */
  readonly reconnectMs?: number;
  /** Longest such pause, in ms; pauses double up to it. Default 1000. */
  readonly reconnectMaxMs?: number;
  /** TCP keep-alive; absent: off. */
  readonly keepAlive?: KeepAlive;
  /** Largest message that is received, in bytes; a peer that sends a larger one is cut. Default 64 MiB. */
  readonly messageBytesMax?: number;
  /** Hears of connections and losses. Must not throw. */
  readonly onEvent?: (event: SocketEvent) => void;
}

/** TCP keep-alive, as the `zmq_tcp_keepalive*` keys give it. */
export interface KeepAlive {
  /** Probes without an answer until the connection is lost. */
  readonly count: number;
  /** Seconds of silence before the first probe. */
  readonly idleS: number;
  /** Seconds between probes. */
  readonly intervalS: number;
}

/** Options of a publishing socket. */
export interface PublisherOptions extends SocketOptions {
  /**
   * How long a full peer may hold up the sender, in ms, before it alone loses messages until it has caught up. Default
   * 1000; `Infinity`: it is waited for without losing any.
   */
  readonly stallMs?: number;
  /** Wait until somebody subscribed before sending anything. Default false: what nobody wants is not kept. */
  readonly awaitSubscriber?: boolean;
  /** How long a message may wait to be sent, in ms, before `send` rejects with FEDMSG_TIMEOUT. Default 0: no limit. */
  readonly sendTimeoutMs?: number;
  /** Keep what is sent during the first so many ms, for subscribers that are just connecting. Default 0. */
  readonly holdMs?: number;
}

/** What `send` may answer where there is nothing to wait for: whoever knows it saves a promise for each message. */
export const sentAtOnce: Promise<void> = Promise.resolve();

/** A socket that publishes. */
export interface Publisher {
  /**
   * Listens; resolves to the address with the port that was taken.
   *
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
   */
  bind(address: string): Promise<string>;
  /** Connects, now or whenever the other side is there, and again after each loss. Throws FEDMSG_ADDRESS_INVALID. */
  connect(address: string): void;
  /** Gives a connection up. Does nothing for an address that was not connected to. */
  disconnect(address: string): void;
  /**
   * Sends one message; resolves when it is queued for every subscriber (or when it is kept, during `holdMs`). Messages
   * leave in the order of the calls.
   *
   * @throws FedmsgError FEDMSG_TIMEOUT, FEDMSG_QUEUE_FULL, FEDMSG_CLOSED, FEDMSG_ABORTED (only while it waits)
   */
  send(frames: Frames, signal?: AbortSignal): Promise<void>;
  /** Resolves when somebody subscribes to a prefix of `topic`, at once if somebody has. Default: to anything. */
  subscribed(topic?: string, signal?: AbortSignal): Promise<void>;
  /** Messages that some subscriber lost, in all, as far as the transport can tell. */
  readonly dropped: number;
  /** Resolves when everything accepted has been queued for its subscribers; then the socket is closed. Idempotent. */
  drain(): Promise<void>;
  /** Stops. Kept messages are sent at once, waiting ones reject with FEDMSG_CLOSED. Idempotent. */
  close(): Promise<void>;
}

/** A socket that subscribes. */
export interface Subscriber {
  /** As {@link Publisher.bind}. */
  bind(address: string): Promise<string>;
  /** As {@link Publisher.connect}. */
  connect(address: string): void;
  /** As {@link Publisher.disconnect}. */
  disconnect(address: string): void;
  /** Asks for messages whose first frame begins with `prefix`. */
  subscribe(prefix: string): void;
  /** Takes one `subscribe` back. */
  unsubscribe(prefix: string): void;
  /**
   * Resolves to what has arrived, at least one message, in order for each peer; to nothing once it is closed. Peers that
   * come after the first call to `connect`, again or to a bound address, may hear of subscriptions only while it waits.
   */
  receive(): Promise<readonly Frames[]>;
  /** Stops; `receive` answers with nothing. Idempotent. */
  close(): Promise<void>;
}

/** Makes sockets. */
export interface Transport {
  readonly name: string;
  createPublisher(options?: PublisherOptions): Publisher;
  createSubscriber(options?: SocketOptions): Subscriber;
}

/** Defaults of {@link SocketOptions} and {@link PublisherOptions} that implementations share. */
export const socketDefaults = {
  highWaterMark: 0,
  queueBytesMax: 64 * 1024 * 1024,
  lingerMs: 1000,
  reconnectMs: 100,
  reconnectMaxMs: 1000,
  messageBytesMax: 64 * 1024 * 1024,
  stallMs: 1000,
  awaitSubscriber: false,
  sendTimeoutMs: 0,
  holdMs: 0,
} as const;

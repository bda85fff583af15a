/**
 * What all sockets have in common: addresses that are bound and connected to, peers and their handshakes, when what is
 * queued is written, the clock, and the end.
 *
 * What is sent during one turn of the event loop is written at its end, with one write for each peer; or as soon as there is
 * enough of it for writes of their own, so that the other side begins while this one goes on. A write costs the same for one
 * message as for ten: where messages go to many peers, a few each, more is gathered.
 */

import type { Socket as Stream } from "node:net";
import type { FrameBatch } from "../codec/batch.ts";
import { closedError } from "../errors.ts";
import { Monitor, type MonitorEvent } from "../events.ts";
import { resolveOptions, type Settings, type SocketOptions } from "../options.ts";
import { parseAddress } from "./address.ts";
import { Connector, type ConnectorOwner } from "./connector.ts";
import { Gate } from "./gate.ts";
import { Listener } from "./listener.ts";
import { MessageLog } from "./message-log.ts";
import { Peer, type PeerOwner } from "./peer.ts";

/** What kind of socket an engine works for. */
export interface Role {
  readonly type: string;
  /** Types that may be at the other side. */
  readonly peerTypes: readonly string[];
  /** A peer's handshake is done. May cut it. */
  ready(peer: Peer): void;
  messages(peer: Peer, batch: FrameBatch): void;
  subscription(peer: Peer, prefix: Buffer, wanted: boolean): void;
  /** A peer's queue has become shorter. */
  written(peer: Peer): void;
  /** A peer that was ready is gone. */
  gone(peer: Peer): void;
  /** The socket is being closed. */
  closed(): void;
}

/** So much is written at once, without waiting for the end of the turn, and whoever awaits `send` gives other work a turn; */
const eagerBytes = 256 * 1024;
/** unless it is less for each peer, on average, */
const eagerBytesPerPeer = 16 * 1024;
/** and less in all. */
const gatheredBytesMax = 8 * 1024 * 1024;
const sweepMs = 100;
/** After so many sends in a row, whoever awaits them gives other work a turn. */
const turnSends = 4096;
/** Where the last look at the clock is so long ago, somebody blocked the loop, and what peers sent is not read yet. */
const sweepLateMs = 3 * sweepMs;

/** The works of one socket. */
export class Engine {
  readonly type: string;
  readonly settings: Settings;
  readonly log = new MessageLog();
  readonly monitor: Monitor;
  readonly gate = new Gate();
  readonly #role: Role;
  readonly #owner: PeerOwner;
  readonly #peers = new Set<Peer>();
  readonly #listeners = new Map<string, Listener>();
  /** Addresses as they were given, and as they were bound. */
  readonly #given = new Map<string, string>();
  readonly #connectors = new Map<string, Connector>();
  #ready = 0;
  #incoming = 0;
  #handshakes = 0;
  #dirty: Peer[] = [];
  /** Bytes that were sent and not written, each message once, and once for each of its peers. */
  #unflushed = 0;
  #unflushedCopies = 0;
  #turnIsOver = false;
  #sends = 0;
  #turn: { promise: Promise<void>; resolve: () => void } | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #sweptAt = 0;
  #isRef = true;
  #isClosed = false;
  #forgetSignal = () => {};
  #closing: Promise<void> | undefined;

  constructor(role: Role, options: SocketOptions) {
    this.#role = role;
    this.type = role.type;
    this.settings = resolveOptions(options);
    this.monitor = new Monitor(options.onEvent);
    this.#owner = this.#own(role);
    const { signal } = options;
    if (!signal) return;
    const close = () => void this.close();
    this.#forgetSignal = () => signal.removeEventListener("abort", close);
    if (signal.aborted)
      queueMicrotask(close); // When the socket around it is made.
    else signal.addEventListener("abort", close, { once: true });
  }

  /** Peers whose handshake is done. */
  get peers(): number {
    return this.#ready;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** See `Socket.bind`. */
  async bind(address: string): Promise<string> {
    if (this.isClosed) throw closedError();
    const listener = await Listener.open(parseAddress(address, "bind"), address, {
      settings: this.settings,
      accepted: (stream, at) => this.#accept(stream, at),
      acceptFailed: (at, detail) => this.emit({ type: "accept-failed", address: at, detail }),
    });
    if (this.isClosed) {
      listener.close();
      throw closedError();
    }
    listener.ref(this.#isRef);
    this.#listeners.set(listener.address, listener);
    this.#given.set(address, listener.address);
    this.emit({ type: "listening", address: listener.address });
    return listener.address;
  }

  /** See `Socket.unbind`. */
  unbind(address: string): void {
    const bound = this.#given.get(address) ?? address;
    const listener = this.#listeners.get(bound);
    this.#listeners.delete(bound);
    for (const [given, at] of this.#given) if (at === bound) this.#given.delete(given);
    listener?.close();
  }

  /** See `Socket.connect`. */
  connect(address: string): void {
    const parsed = parseAddress(address, "connect");
    if (this.isClosed) throw closedError();
    if (this.#connectors.has(address)) return;
    const owner: ConnectorOwner = {
      settings: this.settings,
      connecting: (stream, connector) => this.#open(stream, connector),
      emit: (event) => this.emit(event),
    };
    this.#connectors.set(address, new Connector(address, parsed, owner, this.#isRef));
  }

  /** See `Socket.disconnect`. */
  disconnect(address: string): void {
    const connector = this.#connectors.get(address);
    if (!connector) return;
    connector.stop();
    this.#connectors.delete(address);
    for (const peer of this.#peers) if (peer.connector === connector) void peer.finish();
  }

  /** A message of so many bytes was put into so many peers' outboxes: sees to it that it is written. */
  queued(bytes: number, peers = 1): void {
    this.#unflushed += bytes;
    this.#unflushedCopies += bytes * peers;
    if (this.#unflushed >= eagerBytes && this.#isEnough()) {
      this.#turnIsOver = true;
      this.#flush();
    } else this.#immediate ??= setImmediate(() => this.#endTurn());
  }

  #isEnough(): boolean {
    return this.#unflushed >= gatheredBytesMax || this.#unflushedCopies >= this.#dirty.length * eagerBytesPerPeer;
  }

  /** Notes that a peer has something to write. */
  touch(peer: Peer): void {
    if (peer.dirty) return;
    peer.dirty = true;
    this.#dirty.push(peer);
  }

  /** What `send` answers: at once, or, after so much, when other work had its turn. */
  sent(): Promise<void> {
    // Also where nothing was queued, as nobody is there: else nobody could come while somebody sends.
    if (++this.#sends % turnSends === 0) this.#turnIsOver = true;
    if (!this.#turnIsOver) return done;
    if (!this.#turn) {
      let resolve = () => {};
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#turn = { promise, resolve };
      this.#immediate ??= setImmediate(() => this.#endTurn());
    }
    return this.#turn.promise;
  }

  #endTurn(): void {
    this.#immediate = undefined;
    this.#turnIsOver = false;
    this.#flush();
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.resolve();
  }

  #flush(): void {
    this.#unflushed = 0;
    this.#unflushedCopies = 0;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const peer of dirty) peer.flush();
  }

  emit(event: MonitorEvent): void {
    this.monitor.emit(event);
  }

  ref(isRef: boolean): void {
    this.#isRef = isRef;
    for (const listener of this.#listeners.values()) listener.ref(isRef);
    for (const connector of this.#connectors.values()) connector.ref(isRef);
    for (const { stream } of this.#peers) refStream(stream, isRef);
  }

  #accept(stream: Stream, address: string): void {
    const { peersMax, handshakesMax } = this.settings.limits;
    if (this.#incoming >= peersMax) return void this.#refuse(stream, address, "too-many-peers", peersMax);
    if (this.#handshakes >= handshakesMax)
      return void this.#refuse(stream, address, "too-many-handshakes", handshakesMax);
    this.#incoming++;
    this.#handshakes++;
    const peer = this.#join(stream, address);
    stream.on("data", (chunk: Buffer) => peer.feed(chunk));
    peer.open();
  }

  #refuse(stream: Stream, address: string, reason: "too-many-peers" | "too-many-handshakes", most: number): void {
    stream.on("error", () => {});
    stream.destroy();
    this.emit({ type: "cut", address, reason, detail: `${most} are allowed` });
  }

  #open(stream: Stream, connector: Connector): Peer {
    const peer = this.#join(stream, connector.address, connector);
    stream.once("connect", () => peer.open());
    return peer;
  }

  #join(stream: Stream, address: string, connector?: Connector): Peer {
    refStream(stream, this.#isRef);
    const peer = new Peer(this.#owner, stream, address, connector);
    this.#peers.add(peer);
    this.gate.enter(peer);
    this.#watch();
    return peer;
  }

  /** What peers ask of the engine: of the role, most of it. */
  #own(role: Role): PeerOwner {
    return {
      type: this.type,
      settings: this.settings,
      log: this.log,
      fits: (socketType) => role.peerTypes.includes(socketType),
      ready: (peer) => this.#becameReady(peer),
      messages: (peer, batch) => role.messages(peer, batch),
      subscription: (peer, prefix, wanted) => role.subscription(peer, prefix, wanted),
      written: (peer) => role.written(peer),
      gone: (peer, detail, code) => this.#gone(peer, detail, code),
      watch: () => this.#watch(),
      emit: (event) => this.emit(event),
    };
  }

  #becameReady(peer: Peer): void {
    this.#role.ready(peer);
    if (peer.state !== "ready" || !peer.info) return; // It was cut.
    peer.wasReady = true;
    if (peer.incoming) this.#handshakes--;
    this.#ready++;
    peer.connector?.succeeded();
    this.emit({ type: "connected", address: peer.address, peer: peer.info });
  }

  #gone(peer: Peer, detail: string, code: string | undefined): void {
    this.#peers.delete(peer);
    this.gate.leave(peer);
    if (peer.incoming) this.#incoming--;
    if (peer.incoming && !peer.wasReady) this.#handshakes--;
    if (peer.info) this.#role.gone(peer);
    if (peer.wasReady) {
      this.#ready--;
      this.emit({ type: "disconnected", address: peer.address });
    }
    peer.connector?.lost(detail || "the connection was closed", code);
  }

  /** Sees to it that the clock is looked at while it matters. */
  #watch(): void {
    if (this.#sweeper || this.isClosed) return;
    this.#sweptAt = performance.now();
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  #sweep(): void {
    const now = performance.now();
    const isLate = now - this.#sweptAt > sweepLateMs;
    this.#sweptAt = now;
    if (isLate) {
      setImmediate(() => this.#sweep()).unref(); // When what has arrived was read.
      return;
    }
    let timed = this.settings.heartbeatMs > 0 && this.#peers.size > 0;
    for (const peer of [...this.#peers]) {
      peer.sweep(now);
      timed ||= peer.timed;
    }
    if (timed) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** See `Socket.close`. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#isClosed = true;
      this.#closing = this.#close();
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#forgetSignal();
    this.#role.closed();
    for (const connector of this.#connectors.values()) connector.stop();
    for (const listener of this.#listeners.values()) listener.close();
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    await Promise.all([...this.#peers].map((peer) => peer.finish()));
    if (this.#immediate) clearImmediate(this.#immediate);
    this.#turn?.resolve();
    this.monitor.end();
  }
}

const done = Promise.resolve();

function refStream(stream: Stream, isRef: boolean): void {
  if (isRef) stream.ref();
  else stream.unref();
}

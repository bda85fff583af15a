/**
 * One connection, from its first byte on (ZMTP 3.1, RFC 37).
 *
 * ```
 *            greeting            READY, of a fitting type
 * greeting ───────────▶ handshake ───────────▶ ready ──▶ closed
 *     └───────────────────────┴──── a fault, a time-out, the stream's end
 * ```
 *
 * Both sides send their greeting at once, and READY when they have the other's greeting. A fault is told (`cut`), answered
 * with ERROR where the peer can still understand it, and ends this connection and nothing else.
 */

import type { Socket as Stream } from "node:net";
import type { FrameBatch } from "../codec/batch.ts";
import { type Command, encodeError, encodePing, encodePong, parseCommand } from "../codec/commands.ts";
import { FrameDecoder } from "../codec/decoder.ts";
import { type CutReason, ProtocolFault } from "../codec/fault.ts";
import { encodeGreeting, greetingLength, parseGreeting } from "../codec/greeting.ts";
import type { MonitorEvent, PeerInfo } from "../events.ts";
import type { Settings } from "../options.ts";
import { CommandBudget } from "./command-budget.ts";
import type { Connector } from "./connector.ts";
import { readReady, writeReady } from "./handshake.ts";
import type { MessageLog } from "./message-log.ts";
import { Outbox } from "./outbox.ts";
import { Pulse } from "./pulse.ts";

/** What connections ask of the socket that they belong to: one for all of them. */
export interface PeerOwner {
  readonly type: string;
  readonly settings: Settings;
  readonly log: MessageLog;
  /** Whether a socket of that type may be at the other side. */
  fits(socketType: string): boolean;
  /** The handshake is done. May cut the peer. */
  ready(peer: Peer): void;
  messages(peer: Peer, batch: FrameBatch): void;
  /** SUBSCRIBE or CANCEL, as a command. `prefix` is a view. */
  subscription(peer: Peer, prefix: Buffer, wanted: boolean): void;
  /** Its queue has become shorter. */
  written(peer: Peer): void;
  /** It is over. `detail` says why, if that was not told yet. */
  gone(peer: Peer, detail: string, code: string | undefined): void;
  /** The clock matters to it from now on. */
  watch(): void;
  emit(event: MonitorEvent): void;
}

/** After the end was sent, the peer has so many ms to answer with its own. */
const partingMs = 200;
/** What a PING carries for its PONG: nothing is needed. */
const noContext = Buffer.alloc(0);

/** A connection and its state. */
export class Peer {
  /** The address that was bound or connected to. */
  readonly address: string;
  /** Who keeps it connected; nobody: it came to us. */
  readonly connector: Connector | undefined;
  readonly stream: Stream;
  readonly outbox: Outbox;
  state: "greeting" | "handshake" | "ready" | "closed" = "greeting";
  info: PeerInfo | undefined;
  /** Something waits in the outbox for the socket's next flush. */
  dirty = false;
  /** It gets what is queued, and nothing more. */
  isLeaving = false;
  /** It was told of: so will be its end. */
  wasReady = false;
  readonly #owner: PeerOwner;
  readonly #decoder: FrameDecoder;
  readonly #budget: CommandBudget;
  readonly #onWritten = () => this.#written();
  #greeting: Buffer | undefined;
  #greetingFilled = 0;
  #minor = 0;
  #holds = 0;
  #whenEmpty: (() => void) | undefined;
  #finishing: Promise<void> | undefined;
  #parting = false;
  /** A PONG waits behind what is queued. */
  #pongWaits = false;
  #detail = "";
  #code: string | undefined;
  /** When the handshake began, or went on after a hold. */
  #openedAt = performance.now();
  readonly #pulse = new Pulse(this.#openedAt);

  constructor(owner: PeerOwner, stream: Stream, address: string, connector?: Connector) {
    this.#owner = owner;
    this.stream = stream;
    this.address = address;
    this.connector = connector;
    this.outbox = new Outbox(owner.log);
    const { limits } = owner.settings;
    this.#budget = new CommandBudget(limits, this.#openedAt);
    this.#decoder = new FrameDecoder(
      { messages: (batch) => this.#takeMessages(batch), command: (body) => this.#takeCommand(body) },
      { ...limits, commandBytesMax: Math.max(64 * 1024, limits.subscriptionBytesMax + 16) },
    );
    stream.on("error", (error: NodeJS.ErrnoException) => {
      this.#detail ||= error.message;
      this.#code = error.code;
    });
    // Nobody is there to hear the rest; without this, what waits for it would keep the connection.
    stream.on("end", () => {
      if (!this.#parting) stream.destroy();
    });
    stream.on("close", () => this.#closed());
  }

  /** The stream is open: begins the handshake. */
  open(): void {
    this.outbox.addFrames(encodeGreeting());
    this.flush();
  }

  /** Takes the next bytes from the stream. Keeps none of them. */
  feed(chunk: Buffer): void {
    if (this.state === "closed") return;
    this.#pulse.heard(performance.now());
    try {
      if (this.state === "greeting") this.#takeGreeting(chunk);
      else this.#decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      this.cut(error.reason, error.message);
    }
  }

  /** Writes what waits. */
  flush(): void {
    this.dirty = false;
    if (this.state !== "closed") this.outbox.flush(this.stream, this.#onWritten);
  }

  /** Ends the connection because of what the peer did. */
  cut(reason: CutReason, detail: string): void {
    if (this.state === "closed") return;
    this.#owner.emit({ type: "cut", address: this.address, reason, detail });
    this.#detail = detail;
    const canHear = this.state === "handshake" && this.outbox.empty;
    this.#stop();
    if (canHear) this.stream.end(encodeError(reason));
    if (canHear) this.stream.destroySoon();
    else this.stream.destroy();
  }

  /** Sends what waits, for `lingerMs` at most, then ends the connection. Resolves when it is closed. Idempotent. */
  finish(): Promise<void> {
    this.#finishing ??= this.#finish(this.#owner.settings.lingerMs);
    return this.#finishing;
  }

  #finish(lingerMs: number): Promise<void> {
    if (this.stream.closed) return Promise.resolve();
    this.isLeaving = true;
    const closed = new Promise<void>((resolve) => void this.stream.once("close", resolve));
    if (this.state === "ready") this.flush();
    if (this.state !== "ready") this.destroy();
    else if (this.outbox.empty) this.#part(Math.min(partingMs, lingerMs));
    else if (lingerMs === 0) this.destroy();
    else this.#linger(lingerMs);
    return closed;
  }

  /** A peer that takes a sixteenth of what its queue holds within `lingerMs` is given as long again. */
  #linger(lingerMs: number): void {
    let before = this.outbox.sentBytes;
    const look = () => {
      const { sentBytes } = this.outbox;
      if (sentBytes - before < this.#owner.settings.sendBytesMax / 16) this.destroy();
      before = sentBytes;
    };
    const timer = Number.isFinite(lingerMs) ? setInterval(look, Math.max(1, lingerMs)) : undefined;
    this.stream.once("close", () => clearInterval(timer));
    this.#whenEmpty = () => {
      clearInterval(timer);
      this.#part(Math.min(partingMs, lingerMs));
    };
  }

  /** Sends the end, and waits for the other's: to close before would take what is still on its way back. */
  #part(waitMs: number): void {
    this.#stop();
    this.#parting = true;
    this.stream.end();
    this.stream.resume();
    const deadline = setTimeout(() => this.stream.destroy(), waitMs);
    this.stream.once("close", () => clearTimeout(deadline));
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#stop();
    this.stream.destroy();
  }

  /** One more reason not to read from it. */
  hold(): void {
    if (this.#holds++ === 0) this.stream.pause();
  }

  /** One less. */
  unhold(): void {
    if (--this.#holds > 0 || this.stream.destroyed) return;
    const now = performance.now();
    this.#pulse.heard(now);
    if (this.state !== "ready") this.#openedAt = now;
    this.stream.resume();
  }

  /** One more command came, or a subscription as a message: counts it. Cuts the peer and answers false where that is too much. */
  countCommand(): boolean {
    if (this.#budget.take(this.#pulse.heardAt)) return true;
    this.cut("too-many-commands", `more than ${this.#owner.settings.limits.commandsPerSecondMax} a second`);
    return false;
  }

  get incoming(): boolean {
    return this.connector === undefined;
  }

  /** Whether subscriptions go to it as commands (ZMTP 3.1) or as messages (3.0). */
  get takesCommands(): boolean {
    return this.#minor >= 1;
  }

  /** Looks at the clock: time-outs, and heartbeats. */
  sweep(now: number): void {
    const { handshakeMs, heartbeatMs, heartbeatTimeoutMs, heartbeatTtlMs } = this.#owner.settings;
    if (this.state === "closed") return;
    const isRead = this.#holds === 0;
    if (this.state !== "ready") {
      const isLate = isRead && now - this.#openedAt >= handshakeMs;
      if (isLate) this.cut("handshake-timeout", `no handshake within ${handshakeMs} ms`);
    } else if (isRead && this.#pulse.isLost(now, heartbeatTimeoutMs)) {
      this.cut("heartbeat-timeout", `nothing was heard for ${Math.round(now - this.#pulse.heardAt)} ms`);
    } else if (heartbeatMs > 0 && this.takesCommands && this.#pulse.beat(now, heartbeatMs)) {
      this.outbox.addFrames(encodePing(heartbeatTtlMs, noContext));
      this.flush();
    }
  }

  /** Whether the clock matters to it. */
  get timed(): boolean {
    return this.state !== "ready" || this.#pulse.ttlMs > 0;
  }

  #takeGreeting(chunk: Buffer): void {
    this.#greeting ??= Buffer.alloc(greetingLength);
    const count = Math.min(chunk.length, greetingLength - this.#greetingFilled);
    this.#greeting.set(chunk.subarray(0, count), this.#greetingFilled);
    this.#greetingFilled += count;
    const greeting = parseGreeting(this.#greeting.subarray(0, this.#greetingFilled));
    if (!greeting) return;
    this.#greeting = undefined;
    if (greeting.mechanism !== "NULL") {
      throw new ProtocolFault("mechanism", `it asks for ${JSON.stringify(greeting.mechanism)}, only NULL is served`);
    }
    this.#minor = greeting.major > 3 ? 1 : greeting.minor;
    this.state = "handshake";
    const { type, settings } = this.#owner;
    this.outbox.addFrames(writeReady(type, settings.identity));
    this.flush();
    if (count < chunk.length) this.#decoder.push(chunk.subarray(count));
  }

  #takeMessages(batch: FrameBatch): void {
    if (this.state === "ready") this.#owner.messages(this, batch);
    else if (this.state !== "closed") throw new ProtocolFault("bad-command", "a message came before READY");
  }

  #takeCommand(body: Buffer): void {
    if (!this.countCommand()) return;
    const command = parseCommand(body);
    if (this.state === "handshake") this.#takeHandshake(command);
    else this.#takeLater(command);
  }

  #takeHandshake(command: Command): void {
    if (command.name === "ERROR") {
      this.#owner.emit({ type: "refused", address: this.address, detail: command.reason });
      this.#detail = `the peer refused: ${command.reason}`;
      this.destroy();
      return;
    }
    if (command.name !== "READY") throw new ProtocolFault("bad-command", `${command.name} came before READY`);
    const { socketType, identity } = readReady(command.metadata);
    if (!this.#owner.fits(socketType)) {
      const detail = `it is ${JSON.stringify(socketType)}, which does not go with ${this.#owner.type}`;
      throw new ProtocolFault("socket-type", detail);
    }
    const { remoteAddress, remotePort } = this.stream;
    const remote = remoteAddress === undefined ? "" : `${remoteAddress}:${remotePort}`;
    this.info = { socketType, identity, version: `3.${this.#minor}`, remote };
    this.state = "ready";
    this.#owner.ready(this);
  }

  #takeLater(command: Command): void {
    switch (command.name) {
      case "SUBSCRIBE":
      case "CANCEL":
        this.#owner.subscription(this, command.prefix, command.name === "SUBSCRIBE");
        break;
      case "PING":
        this.#pulse.ttlMs = command.ttlMs;
        if (command.ttlMs > 0) this.#owner.watch();
        if (this.#pongWaits) break; // One is enough: it says that we are here.
        this.outbox.addFrames(encodePong(command.context));
        this.flush();
        this.#pongWaits = !this.outbox.empty;
        break;
      case "READY":
        throw new ProtocolFault("bad-command", "READY came a second time");
      default: // PONG was heard; ERROR is followed by the end; others are passed over, as libzmq does.
    }
  }

  #written(): void {
    this.outbox.written(this.stream);
    if (this.state !== "closed") this.outbox.flush(this.stream, this.#onWritten);
    if (this.outbox.empty) {
      this.#pongWaits = false;
      this.#whenEmpty?.();
    }
    this.#owner.written(this);
  }

  #stop(): void {
    this.state = "closed";
    this.#decoder.stop();
  }

  #closed(): void {
    const isRefused = this.state === "handshake" || (this.state === "greeting" && this.#greetingFilled > 0);
    if (isRefused) {
      // So ends libzmq that asks for another mechanism: when it has read that ours is NULL, before it names its own.
      const detail = "it ended the connection in the handshake; it may ask for another mechanism than NULL";
      this.#owner.emit({ type: "refused", address: this.address, detail });
    }
    this.#stop();
    this.outbox.clear();
    this.#owner.gone(this, this.#detail, this.#code);
  }
}

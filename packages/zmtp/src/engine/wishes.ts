import { encodeCancel, encodeSubscribe } from "../codec/commands.ts";
import { encodeMessage } from "../codec/frames.ts";
import { PrefixTree } from "../codec/prefix-tree.ts";
import type { Engine } from "./engine.ts";
import type { Peer } from "./peer.ts";

/** What a SUB or XSUB has asked for: told to each publisher, and again to one that comes back. */
export class Wishes {
  readonly #engine: Engine;
  readonly #peers = new Set<Peer>();
  /** How often each prefix was asked for, by its bytes as characters. */
  readonly #counts = new Map<string, number>();
  readonly #tree = new PrefixTree<true>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether a first frame, in the bounds of a chunk, was asked for. */
  readonly wants = (chunk: Uint8Array, start: number, end: number): boolean => this.#tree.covers(chunk, start, end);

  get wantsAll(): boolean {
    return this.#tree.matchesAll;
  }

  add(prefix: Uint8Array): void {
    const text = toText(prefix);
    const count = this.#counts.get(text) ?? 0;
    this.#counts.set(text, count + 1);
    if (count > 0) return;
    this.#tree.add(prefix, true);
    for (const peer of this.#peers) this.#send(peer, encode(peer, prefix, true));
  }

  remove(prefix: Uint8Array): void {
    const text = toText(prefix);
    const count = this.#counts.get(text) ?? 0;
    if (count === 0) return;
    if (count > 1) return void this.#counts.set(text, count - 1);
    this.#counts.delete(text);
    this.#tree.remove(prefix, true);
    for (const peer of this.#peers) this.#send(peer, encode(peer, prefix, false));
  }

  join(peer: Peer): void {
    this.#peers.add(peer);
    if (this.#counts.size === 0) return;
    const all = [...this.#counts.keys()].map((text) => encode(peer, Buffer.from(text, "latin1"), true));
    this.#send(peer, Buffer.concat(all));
  }

  part(peer: Peer): void {
    this.#peers.delete(peer);
  }

  /** Peers that hear of wishes. */
  get peers(): ReadonlySet<Peer> {
    return this.#peers;
  }

  #send(peer: Peer, bytes: Buffer): void {
    const isBehind = !peer.outbox.empty;
    peer.outbox.addFrames(bytes);
    this.#engine.touch(peer);
    this.#engine.queued(bytes.length);
    const { sendBytesMax } = this.#engine.settings;
    if (isBehind && peer.outbox.bytes > sendBytesMax) peer.cut("queue-full", "it does not read subscriptions");
  }
}

/** A subscription is a command since ZMTP 3.1; before, it is a message: 01 or 00, and the prefix. */
function encode(peer: Peer, prefix: Uint8Array, wanted: boolean): Buffer {
  if (peer.takesCommands) return wanted ? encodeSubscribe(prefix) : encodeCancel(prefix);
  return encodeMessage([Buffer.concat([Buffer.of(wanted ? 1 : 0), prefix])]);
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

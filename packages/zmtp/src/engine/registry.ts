import { randomInt } from "node:crypto";
import type { Peer } from "./peer.ts";

/** Peers by the name that a ROUTER knows them by: their own identity, or five bytes that are made up, the first of them 0. */
export class Registry {
  readonly #peers = new Map<string, Peer>();
  readonly #names = new Map<Peer, Buffer>();
  #next = randomInt(0x1_0000_0000);

  /** Adds a peer by its own identity, if it has one. Answers false where another one has it, unless it takes over. */
  add(peer: Peer, handover: boolean): boolean {
    const given = peer.info?.identity;
    return this.#add(peer, given && given.length > 0 ? given : this.#makeUp(), handover);
  }

  /** Adds a peer by a name that is made up. */
  addUnnamed(peer: Peer): void {
    this.#add(peer, this.#makeUp(), true);
  }

  #add(peer: Peer, name: Buffer, handover: boolean): boolean {
    const text = name.toString("latin1");
    const before = this.#peers.get(text);
    if (before && !handover) return false;
    this.#peers.set(text, peer);
    this.#names.set(peer, name);
    before?.destroy();
    return true;
  }

  remove(peer: Peer): void {
    const text = this.#names.get(peer)?.toString("latin1");
    this.#names.delete(peer);
    if (text !== undefined && this.#peers.get(text) === peer) this.#peers.delete(text);
  }

  nameOf(peer: Peer): Buffer | undefined {
    return this.#names.get(peer);
  }

  find(name: Uint8Array): Peer | undefined {
    return this.#peers.get(Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("latin1"));
  }

  #makeUp(): Buffer {
    const name = Buffer.alloc(5);
    do name.writeUInt32BE(this.#next++ >>> 0, 1);
    while (this.#peers.has(name.toString("latin1")));
    return name;
  }
}

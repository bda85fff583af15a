import type { Engine } from "./engine.ts";
import type { Peer } from "./peer.ts";
import { type Frames, SendLine } from "./send-line.ts";

/** Each message to one peer, to one after the other, passing over those without room (DEALER, REQ). */
export class RoundRobin {
  readonly line: SendLine;
  readonly #engine: Engine;
  readonly #peers: Peer[] = [];
  readonly #onSent: ((peer: Peer) => void) | undefined;
  #next = 0;

  /** @param onSent hears to whom each message goes */
  constructor(engine: Engine, onSent?: (peer: Peer) => void) {
    this.#engine = engine;
    this.#onSent = onSent;
    this.line = new SendLine(engine, (frames) => this.#attempt(frames));
  }

  join(peer: Peer): void {
    this.#peers.push(peer);
    this.line.pump();
  }

  part(peer: Peer): void {
    const at = this.#peers.indexOf(peer);
    if (at < 0) return;
    this.#peers.splice(at, 1);
    if (at < this.#next) this.#next--;
  }

  #attempt(frames: Frames): boolean {
    for (let tries = 0; tries < this.#peers.length; tries++) {
      if (this.#next >= this.#peers.length) this.#next = 0;
      const peer = this.#peers[this.#next++] as Peer;
      if (!sendTo(this.#engine, peer, frames)) continue;
      this.#onSent?.(peer);
      return true;
    }
    return false;
  }
}

/** Queues a message for one peer, if it has room. */
export function sendTo(engine: Engine, peer: Peer, frames: Frames): boolean {
  if (peer.state !== "ready" || peer.isLeaving) return false;
  const { outbox } = peer;
  const { sendMessagesMax, sendBytesMax } = engine.settings;
  let bytes = 0;
  for (let n = 0; n < frames.length; n++) bytes += (frames[n] as Uint8Array).length;
  if (sendMessagesMax > 0 && outbox.messages >= sendMessagesMax) return false;
  if (outbox.bytes > 0 && outbox.bytes + bytes > sendBytesMax) return false;
  const written = engine.log.append(frames);
  outbox.add(written);
  engine.touch(peer);
  engine.queued(written.bytes);
  return true;
}

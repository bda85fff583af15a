/** One hostile connection: written at once or in pieces, ended in one of several ways. */

import { connect } from "node:net";
import { Dice } from "./dice.mjs";
import { hostileStream } from "./streams.mjs";

/** @typedef {import("./targets.mjs").TargetType} TargetType */
/** @typedef {{ readonly type: TargetType, readonly path: string, readonly port: number }} Place */

/** By so many turns of the event loop the target has read what was written. */
const turnsToRead = 4;
/** A target that does not end a connection is left after so many turns. */
const turnsToWait = 40;
/** All that targets send is read into this, and not looked at. */
const sink = Buffer.allocUnsafeSlow(64 * 1024);

const turn = () => new Promise((resolve) => void setImmediate(resolve));

/**
 * Attacks one of the targets. The same seed and number give the same bytes.
 *
 * @param {readonly Place[]} places
 * @param {number} seed
 * @param {number} number
 */
export async function attack(places, seed, number) {
  const dice = new Dice(Math.imul(seed, 0x9e37_79b1) ^ Math.imul(number + 1, 0x85eb_ca6b));
  const place = dice.pick(places);
  const bytes = hostileStream(place.type, dice);
  const isTcp = dice.happens(0.2);
  const stream = connect({
    ...(isTcp ? { host: "127.0.0.1", port: place.port } : { path: place.path }),
    onread: { buffer: sink, callback: () => true },
  });
  const closed = new Promise((resolve) => void stream.once("close", resolve));
  stream.on("error", () => {}); // Being cut is the rule.
  if (dice.happens(0.02)) stream.pause();
  await writeInPieces(stream, bytes, dice);
  await end(stream, isTcp, dice);
  await closed;
}

/** @type {(stream: import("node:net").Socket, bytes: Buffer, dice: Dice) => Promise<void>} */
async function writeInPieces(stream, bytes, dice) {
  const how = dice.below(100);
  if (how < 60) return void stream.write(bytes);
  const pieces = how < 95 ? 2 + dice.below(4) : Math.min(bytes.length, 200);
  let from = 0;
  for (let n = 1; n <= pieces && !stream.destroyed; n++) {
    const isLast = n === pieces;
    const to = isLast ? bytes.length : how < 95 ? from + dice.below(bytes.length - from + 1) : from + 1;
    stream.write(bytes.subarray(from, to));
    from = to;
    if (!isLast) await turn();
  }
}

/** @type {(stream: import("node:net").Socket, isTcp: boolean, dice: Dice) => Promise<void>} */
async function end(stream, isTcp, dice) {
  const how = dice.below(100);
  const turns = how < 50 ? turnsToRead : how < 60 ? dice.below(turnsToRead) : turnsToWait;
  if (how >= 90) stream.end();
  while (stream.connecting && !stream.destroyed) await turn();
  for (let n = 0; n < turns && !stream.destroyed; n++) await turn();
  if (isTcp && !stream.destroyed) stream.resetAndDestroy();
  else stream.destroy();
}

/**
 * What hostile peers say: valid conversations that were damaged, and frames made up from the grammar. A stream is a list of
 * segments (greeting, READY, frame after frame), so that damage can be done where it matters.
 *
 * @module
 */

import {
  encodeCancel,
  encodeCommand,
  encodeError,
  encodeGreeting,
  encodeMessage,
  encodePing,
  encodePong,
  encodeReady,
  encodeSubscribe,
} from "@fedmsg/zmtp/codec";
import { peerTypes } from "./targets.mjs";

/** @typedef {import("./dice.mjs").Dice} Dice */
/** @typedef {import("./targets.mjs").TargetType} TargetType */

const socketTypes = ["PUB", "SUB", "XPUB", "XSUB", "REQ", "REP", "DEALER", "ROUTER", "PAIR", "STREAM", "", "pub"];
const commandNames = [
  "READY",
  "ERROR",
  "SUBSCRIBE",
  "CANCEL",
  "PING",
  "PONG",
  "HELLO",
  "JOIN",
  "LEAVE",
  "",
  "P",
  "SUB\0",
];
const frameSizes = [0, 0, 1, 1, 2, 5, 5, 16, 50, 200, 254, 255, 256, 257, 1000, 5000];
const rarelySizes = [65_535, 65_536, 65_537, 98_304, 98_305, 120_000];
/** Sizes as 64 bits: around everything that somebody may compare or compute with. */
const extremes = [
  ...[0n, 1n, 255n, 256n, 65_535n, 65_536n, 65_537n, 98_304n, 98_305n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n],
  ...[2n ** 32n, 2n ** 32n + 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];

/**
 * What a peer of a target says, from its first byte on.
 *
 * @param {TargetType} type
 * @param {Dice} dice
 * @returns {Buffer}
 */
export function hostileStream(type, dice) {
  const mode = dice.below(100);
  if (mode < 5) return Buffer.concat(valid(type, dice));
  if (mode < 60) return Buffer.concat(damage(valid(type, dice), dice));
  if (mode < 90) return Buffer.concat(madeUp(type, dice));
  if (mode < 95) return Buffer.concat(damage(madeUp(type, dice), dice));
  return dice.bytes(dice.below(300));
}

/** A conversation without a fault. @type {(type: TargetType, dice: Dice) => Buffer[]} */
function valid(type, dice) {
  const minor = dice.below(2);
  const identity = dice.happens(0.3)
    ? dice.pick([Buffer.alloc(0), Buffer.from("me"), dice.bytes(4), Buffer.of(0, 0, 0, 0, 1)])
    : undefined;
  const segments = [encodeGreeting({ minor }), encodeReady(peerTypes[type], identity)];
  for (let count = dice.below(8); count > 0; count--) segments.push(traffic(type, dice, minor));
  return segments;
}

/** @type {(type: TargetType, dice: Dice, minor: number) => Buffer} */
function traffic(type, dice, minor) {
  if (dice.happens(0.15)) return encodePing(dice.pick([0, 0, 100, 6_553_500]), dice.bytes(dice.below(17)));
  if (dice.happens(0.05)) return encodePong(dice.bytes(dice.below(17)));
  if (type === "PUB" || type === "XPUB") {
    const prefix = dice.happens(0.1)
      ? Buffer.alloc(0)
      : Buffer.from(dice.pick(["a", "ab", "abc", "b", `t.${dice.below(100)}`]));
    const wanted = dice.happens(0.7);
    if (minor === 0 || dice.happens(0.3)) return encodeMessage([Buffer.concat([Buffer.of(wanted ? 1 : 0), prefix])]);
    return wanted ? encodeSubscribe(prefix) : encodeCancel(prefix);
  }
  const frames = Array.from({ length: 1 + dice.below(4) }, () => body(dice));
  if (type === "REP") frames.unshift(Buffer.alloc(0));
  return encodeMessage(frames);
}

/** @type {(dice: Dice) => Buffer} */
function body(dice) {
  return Buffer.alloc(dice.pick(dice.happens(0.01) ? rarelySizes : frameSizes), dice.below(256));
}

/** Frames and commands as nobody would send them, after a handshake that is right more often than not. @type {(type: TargetType, dice: Dice) => Buffer[]} */
function madeUp(type, dice) {
  const segments = [dice.happens(0.95) ? encodeGreeting({ minor: dice.below(3) }) : oddGreeting(dice)];
  segments.push(dice.happens(0.8) ? encodeReady(peerTypes[type]) : oddReady(dice));
  for (let count = dice.below(20); count > 0; count--) {
    const kind = dice.below(10);
    if (kind < 4) segments.push(oddFrame(dice));
    else if (kind < 7) segments.push(encodeCommand(dice.pick(commandNames), dice.bytes(dice.below(40))));
    else if (kind < 9) segments.push(traffic(type, dice, dice.below(2)));
    else segments.push(dice.pick([encodeError("e"), oddReady(dice), Buffer.of(1, 0), Buffer.of(0, 0), encodePing()]));
  }
  if (dice.happens(0.03)) segments.push(...tooMuch(dice));
  return segments;
}

/** @type {(dice: Dice) => Buffer} */
function oddGreeting(dice) {
  const mechanism = dice.pick(["NULL", "PLAIN", "CURVE", "", "NULLX", "N".repeat(20)]);
  return encodeGreeting({ major: dice.below(5), minor: dice.below(4), mechanism, asServer: dice.happens(0.5) });
}

/** @type {(dice: Dice) => Buffer} */
function oddReady(dice) {
  const properties = Array.from({ length: dice.below(5) }, () => {
    const name = Buffer.from(dice.pick(["Socket-Type", "Identity", "socket-type", "X-Any", "", "Resource"]));
    const value = dice.happens(0.5) ? Buffer.from(dice.pick(socketTypes)) : dice.bytes(dice.pick([0, 1, 5, 255, 256]));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(dice.happens(0.9) ? value.length : dice.pick([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]));
    return Buffer.concat([Buffer.of(name.length), name, length, value]);
  });
  return encodeCommand("READY", Buffer.concat(properties));
}

/** @type {(dice: Dice) => Buffer} */
function oddFrame(dice) {
  const data = body(dice);
  const flags = dice.happens(0.8) ? dice.pick([0, 1, 2, 3, 4, 6]) : dice.below(256);
  const size = dice.happens(0.9) ? BigInt(data.length) : dice.pick(extremes);
  if ((flags & 2) === 0) return Buffer.concat([Buffer.of(flags, Number(size & 0xffn)), data]);
  return Buffer.concat([Buffer.of(flags), long(size), data]);
}

/** Too much of something. @type {(dice: Dice) => Buffer[]} */
function tooMuch(dice) {
  const kind = dice.below(4);
  if (kind === 0) return Array.from({ length: 40 }, () => Buffer.of(1, 0));
  if (kind === 1) return Array.from({ length: 60 }, (_, n) => encodeSubscribe(Buffer.from(`many.${n}`)));
  if (kind === 2) return [encodeSubscribe(dice.bytes(dice.pick([199, 200, 201, 5000])))];
  return [encodeMessage([Buffer.alloc(60_000), Buffer.alloc(dice.pick([38_304, 38_305, 60_000]))])];
}

/** @type {(size: bigint) => Buffer} */
function long(size) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(size);
  return bytes;
}

/** Does one to four kinds of harm. @type {(segments: Buffer[], dice: Dice) => Buffer[]} */
function damage(segments, dice) {
  let harmed = segments;
  for (let count = 1 + dice.below(dice.happens(0.7) ? 1 : 4); count > 0; count--) {
    harmed = dice.pick(harms)(harmed, dice);
    if (harmed.length === 0) harmed = [Buffer.alloc(0)];
  }
  return harmed;
}

/** @type {readonly ((segments: Buffer[], dice: Dice) => Buffer[])[]} */
const harms = [
  flip,
  flip,
  extremeSize,
  extremeSize,
  (segments, dice) => within(segments, dice, (bytes, at) => bytes.subarray(0, at)),
  (segments, dice) => segments.slice(0, 1 + dice.below(segments.length)),
  (segments, dice) =>
    within(segments, dice, (bytes, at) =>
      Buffer.concat([bytes.subarray(0, at), dice.bytes(1 + dice.below(9)), bytes.subarray(at)]),
    ),
  (segments, dice) =>
    within(segments, dice, (bytes, at) =>
      Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.below(9))]),
    ),
  (segments, dice) => segments.toSpliced(dice.below(segments.length), 0, dice.pick(segments)),
  (segments, dice) => segments.toSpliced(dice.below(segments.length), 1),
  (segments, dice) => [...segments.slice(dice.below(segments.length)), ...segments],
  (segments, dice) => segments.toSpliced(dice.below(segments.length), 1, dice.bytes(dice.below(100))),
];

/** @type {(segments: Buffer[], dice: Dice, change: (bytes: Buffer, at: number) => Buffer) => Buffer[]} */
function within(segments, dice, change) {
  const which = dice.below(segments.length);
  const bytes = /** @type {Buffer} */ (segments[which]);
  return segments.with(which, change(bytes, dice.below(bytes.length + 1)));
}

/** @type {(segments: Buffer[], dice: Dice) => Buffer[]} */
function flip(segments, dice) {
  return within(segments, dice, (bytes) => {
    const copy = Buffer.from(bytes);
    for (let count = 1 + dice.below(4); count > 0 && copy.length > 0; count--) {
      const at = dice.happens(0.5) ? dice.below(Math.min(10, copy.length)) : dice.below(copy.length);
      copy[at] = /** @type {number} */ (copy[at]) ^ (1 << dice.below(8));
    }
    return copy;
  });
}

/** Gives a frame a size that it does not have. @type {(segments: Buffer[], dice: Dice) => Buffer[]} */
function extremeSize(segments, dice) {
  return within(segments, dice, (bytes) => {
    const flags = bytes[0] ?? 0;
    const isLong = (flags & 2) !== 0;
    const data = bytes.subarray(isLong ? 9 : 2);
    if (dice.happens(0.3)) return Buffer.concat([Buffer.of(flags & ~2, dice.below(256)), data]);
    return Buffer.concat([Buffer.of((flags & 5) | 2), long(dice.pick(extremes)), data]);
  });
}

/**
 * What a publisher that wants to be sure and a relay say to each other (docs/wire.md, "Confirming").
 *
 * ```
 * publisher → relay   "1" │ "PUB" │ n │ topic │ body
 * relay → publisher   "1" │ "OK"  │ n │ position
 *                     "1" │ "ERR" │ n │ code
 * ```
 */

/** The first frame of everything. */
export const confirmVersion = Buffer.from("1");
/** The second one. */
export const confirmWords = { publish: Buffer.from("PUB"), ok: Buffer.from("OK"), error: Buffer.from("ERR") } as const;

/** Messages without an answer that a publisher has at most, on one connection. */
export const outstandingMax = 1000;

/** Why a message was not taken. */
export type ConfirmCode = "busy" | "journal" | "invalid" | "too-large" | "version";

/** Codes as frames. */
export const codeFrames: Readonly<Record<ConfirmCode, Buffer>> = {
  busy: Buffer.from("busy"),
  journal: Buffer.from("journal"),
  invalid: Buffer.from("invalid"),
  "too-large": Buffer.from("too-large"),
  version: Buffer.from("version"),
};

/** Digits of 2⁵³ - 1. */
const digitsMax = 16;

/**
 * A whole number from 0 to 2⁵³ - 1, as decimal digits without leading zeros.
 *
 * @returns nothing for anything else
 */
export function parseCount(frame: Uint8Array): number | undefined {
  const { length } = frame;
  if (length === 0 || length > digitsMax || (length > 1 && frame[0] === 0x30)) return undefined;
  let value = 0;
  for (let at = 0; at < length; at++) {
    const digit = (frame[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : undefined;
}

/** As {@link parseCount} reads it. */
export function formatCount(count: number): Buffer {
  return Buffer.from(String(count), "latin1");
}

/** Whether a frame is one of ours, byte for byte. */
export function isFrame(frame: Uint8Array, wanted: Buffer): boolean {
  if (frame.length !== wanted.length) return false;
  for (let at = 0; at < frame.length; at++) if (frame[at] !== wanted[at]) return false;
  return true;
}

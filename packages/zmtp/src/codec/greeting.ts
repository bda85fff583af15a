/**
 * The greeting: 64 bytes that both sides send at once, without waiting (ZMTP 3.1, RFC 37 "Greeting").
 *
 * ```
 *  0    1         9    10      11      12           32         33      64
 * +----+---------+----+-------+-------+------------+----------+-------+
 * | FF | 8 × any | 7F | major | minor | mechanism  | asServer | 0 …   |
 * +----+---------+----+-------+-------+------------+----------+-------+
 *  signature            version         20 bytes,    0 or 1     31 bytes
 *                                       NUL-padded
 * ```
 *
 * ZMTP 2.0 has the same first ten bytes, then 01 (its revision) and the socket type. ZMTP 1.0 begins with the length of an
 * identity and flags of 0. Both are recognised to be refused by name.
 */

import { ProtocolFault } from "./fault.ts";

/** Length of a greeting in bytes. */
export const greetingLength = 64;

/** What a greeting says. */
export interface Greeting {
  readonly major: number;
  readonly minor: number;
  /** Such as `NULL`, `PLAIN` or `CURVE`. */
  readonly mechanism: string;
  readonly asServer: boolean;
}

/** Writes the greeting of ZMTP 3.1, or what else is asked for. */
export function encodeGreeting({
  major = 3,
  minor = 1,
  mechanism = "NULL",
  asServer = false,
}: Partial<Greeting> = {}): Buffer {
  const bytes = Buffer.alloc(greetingLength);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = major;
  bytes[11] = minor;
  bytes.write(mechanism, 12, 20, "latin1");
  bytes[32] = asServer ? 1 : 0;
  return bytes;
}

/**
 * Reads as much of a greeting as is there.
 *
 * @param bytes from the first byte of the connection on
 * @returns the greeting once all of it is there, `undefined` before
 * @throws ProtocolFault `bad-greeting` or `old-version` at the first byte that shows it
 */
export function parseGreeting(bytes: Uint8Array): Greeting | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== 0xff) return refuseUnsigned(bytes);
  if (bytes.length < 10) return undefined;
  if (((bytes[9] as number) & 1) === 0) {
    throw new ProtocolFault("old-version", "it speaks ZMTP 1.0; ZMTP 3.0 is the oldest that is served (libzmq ≥ 4.0)");
  }
  if (bytes[9] !== 0x7f)
    throw new ProtocolFault("bad-greeting", `byte 9 is ${hex(bytes.subarray(9, 10))} instead of 7f`);
  if (bytes.length < 11) return undefined;
  const major = bytes[10] as number;
  if (major < 3) {
    const version = major === 0 ? "1.0" : "2.0";
    throw new ProtocolFault(
      "old-version",
      `it speaks ZMTP ${version}; ZMTP 3.0 is the oldest that is served (libzmq ≥ 4.0)`,
    );
  }
  if (bytes.length < greetingLength) return undefined;
  const name = Buffer.from(bytes.buffer, bytes.byteOffset + 12, 20).toString("latin1");
  return { major, minor: bytes[11] as number, mechanism: name.replace(/\0+$/, ""), asServer: bytes[32] === 1 };
}

/** ZMTP 1.0 opens with a frame: its length, at least 1 for the flags, then flags of 0, then the identity. */
function refuseUnsigned(bytes: Uint8Array): undefined {
  if (bytes[0] === 0) throw new ProtocolFault("bad-greeting", "the first byte is 00 instead of ff");
  if (bytes.length < 2) return undefined;
  if (bytes[1] === 0) {
    throw new ProtocolFault("old-version", "it speaks ZMTP 1.0; ZMTP 3.0 is the oldest that is served (libzmq ≥ 4.0)");
  }
  throw new ProtocolFault("bad-greeting", `it begins with ${hex(bytes.subarray(0, 10))} instead of ff`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

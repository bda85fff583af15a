/**
 * DNS packets: the question that we ask, and what may pass for its answer (RFC 1035, RFC 6891).
 *
 * Anybody can send us a datagram. So an answer counts only where it carries the random number of the question and the
 * question itself; everything else is as if it had not come. Before it is decoded, the counts in its header are cut down
 * to what we read, which bounds the work that a hostile packet can make.
 */

import { randomInt } from "node:crypto";
import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from "dns-packet";

/** Records of an answer that are read; those behind them are passed over. */
export const recordsMax = 256;
/** Records that say why there is no answer: the zone's SOA is among them. */
const authoritiesMax = 16;
/** What a datagram may hold without being cut into fragments, in bytes (DNS flag day 2020). */
const datagramBytesMax = 1232;

/** A question, and the packet that asks it. */
export interface Query {
  readonly id: number;
  readonly name: string;
  readonly packet: Buffer;
}

/** An answer to a question. */
export interface DnsAnswer {
  /** There is more than a datagram can hold: ask over TCP. No records are given then. */
  readonly truncated: boolean;
  /** The answer's RCODE: 0 for success, 3 for a name that does not exist. */
  readonly rcode: number;
  readonly answers: readonly Answer[];
  /** There were more answers than {@link recordsMax}. */
  readonly isCut: boolean;
  readonly authorities: readonly Answer[];
}

/**
 * Asks for the SRV records of an absolute name.
 *
 * @param edns offer to take datagrams over 512 bytes; servers that have never heard of this answer FORMERR
 */
export function createQuery(name: string, edns: boolean): Query {
  const id = randomInt(0x10000);
  const offer = { type: "OPT", name: ".", udpPayloadSize: datagramBytesMax } as Answer;
  const packet = encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: "SRV", name }],
    additionals: edns ? [offer] : [],
  });
  return { id, name, packet };
}

/** Byte offsets of the header (RFC 1035 §4.1.1): id, flags, and the counts of the four sections. */
const header = { id: 0, flags: 2, questions: 4, answers: 6, authorities: 8, additionals: 10, bytes: 12 } as const;

/** Reads what may be the answer to a question; nothing where it is not, or cannot be read. Never throws. */
export function readAnswer(packet: Buffer, query: Query): DnsAnswer | undefined {
  if (packet.byteLength < header.bytes) return undefined;
  if (packet.readUInt16BE(header.id) !== query.id || packet.readUInt16BE(header.questions) !== 1) return undefined;
  const truncated = (packet.readUInt16BE(header.flags) & 0x0200) !== 0;
  const decoded = tryDecode(limitCounts(packet, truncated));
  if (!decoded?.flag_qr || ((decoded.flags ?? 0) & 0x7800) !== 0) return undefined;
  const { questions: [question] = [], answers = [], authorities = [] } = decoded;
  if (question?.type !== "SRV" || question.class !== "IN" || !isSameName(question.name, query.name)) return undefined;
  const isCut = packet.readUInt16BE(header.answers) > recordsMax;
  return { truncated, rcode: (decoded.flags ?? 0) & 0xf, answers, isCut, authorities };
}

/** A truncated answer may be cut anywhere, so none of its records is read; additional ones are of no use to us. */
function limitCounts(packet: Buffer, truncated: boolean): Buffer {
  const limited = Buffer.from(packet);
  const limit = (offset: number, max: number) =>
    limited.writeUInt16BE(Math.min(packet.readUInt16BE(offset), max), offset);
  limit(header.answers, truncated ? 0 : recordsMax);
  // Where some answers are left out, what follows them is not what the decoder would take it for.
  limit(header.authorities, truncated || packet.readUInt16BE(header.answers) > recordsMax ? 0 : authoritiesMax);
  limit(header.additionals, 0);
  return limited;
}

function tryDecode(packet: Buffer): DecodedPacket | undefined {
  try {
    return decode(packet);
  } catch {
    return undefined;
  }
}

/** Names in the DNS know no case, and the dot at their end may be left out. */
export function isSameName(one: string, other: string): boolean {
  return canonical(one) === canonical(other);
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

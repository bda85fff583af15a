/**
 * Reads DER, as far as certificates and CRLs need it (X.690 §8.1, §10.1): definite lengths of up to four octets, tags
 * below 31.
 *
 * ```
 *  tag       length                     content
 * +--------+--------------------------+--------------------------+
 * | 1 octet| 1 octet, or 0x8n and n   | as many octets           |
 * +--------+--------------------------+--------------------------+
 * ```
 *
 * Why not a library: `@peculiar/x509` refuses lists of more than a few thousand entries ("Maximum ASN.1 node count
 * exceeded") and takes 0.15 s to load, and Node shows neither critical extensions nor CRLs at all. Certificates of
 * strangers come here before OpenSSL sees them, which decodes whatever key is in them: what does not fit throws, every
 * element lies inside the one around it, and the time goes by the octets that were received. CRLs come here only from
 * where they are configured.
 */

/** Tags, with the class and constructed bits that DER gives them. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** One element: its tag, all of its octets, and its content. */
export interface DerNode {
  readonly tag: number;
  readonly raw: Buffer;
  readonly content: Buffer;
}

/** Reads the element at an offset. Throws an `Error` where there is none. */
export function readNode(bytes: Buffer, at = 0): DerNode {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new Error("it is not DER");
  let from = at + 2;
  let length = first;
  if (first & 0x80) {
    const octets = first & 0x7f;
    if (octets < 1 || octets > 4 || from + octets > bytes.length) throw new Error("it is not DER");
    length = bytes.readUIntBE(from, octets);
    from += octets;
  }
  if (from + length > bytes.length) throw new Error("it is cut short");
  return { tag, raw: bytes.subarray(at, from + length), content: bytes.subarray(from, from + length) };
}

/** The elements inside one, in turn. */
export function* childNodes({ content }: DerNode): Generator<DerNode, undefined> {
  for (let at = 0; at < content.length; ) {
    const node = readNode(content, at);
    at += node.raw.length;
    yield node;
  }
}

/** Takes elements in the order of an ASN.1 `SEQUENCE`, of which some are optional. */
export class DerSequence {
  readonly #nodes: DerNode[];

  constructor(node: DerNode | undefined) {
    if (node?.tag !== tags.sequence) throw new Error("an ASN.1 sequence is missing");
    this.#nodes = [...childNodes(node)];
  }

  /** The next element, if it has one of these tags. */
  optional(...wanted: readonly number[]): DerNode | undefined {
    return wanted.includes(this.#nodes[0]?.tag ?? -1) ? this.#nodes.shift() : undefined;
  }

  /** The next element, which must have one of these tags. */
  take(...wanted: readonly number[]): DerNode {
    const node = this.optional(...wanted);
    if (!node) throw new Error("an ASN.1 element is missing");
    return node;
  }
}

/** An object identifier with dots. */
export function readOid({ content }: DerNode): string {
  const arcs: number[] = [];
  let value = 0;
  for (const octet of content) {
    value = value * 128 + (octet & 0x7f);
    if (octet & 0x80) continue;
    if (arcs.length === 0) {
      const root = Math.min(2, Math.floor(value / 40));
      arcs.push(root, value - root * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.join(".");
}

/** A whole number as hexadecimal text, in one spelling for each: without leading zeros. For comparing serial numbers. */
export function readSerial({ content }: DerNode): string {
  // Two's complement: further octets 0x00 in front, or 0xff of a negative number, change nothing.
  const hex = content.toString("hex");
  return (content[0] ?? 0) & 0x80 ? `-${hex.replace(/^(?:ff)+/, "")}` : hex.replace(/^0+/, "") || "0";
}

/** A point in time, in milliseconds since the epoch (RFC 5280 §4.1.2.5: Zulu, with seconds). */
export function readTime(node: DerNode): number {
  const text = node.content.toString("latin1");
  const match = /^(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match || (match[1] === undefined) === (node.tag === tags.generalizedTime))
    throw new Error("it has a malformed time");
  const [century, year, ...rest] = match.slice(1) as [
    string | undefined,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const full = `${century ?? (Number(year) < 50 ? "20" : "19")}${year}`;
  const [month, day, hour, minute, second] = rest;
  const time = Date.parse(`${full}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new Error("it has a malformed time");
  return time;
}

/** An extension of a certificate, a CRL or an entry of one (RFC 5280 §4.1). */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

/** The extensions in a `SEQUENCE OF Extension`. */
export function readExtensions(list: DerNode): Extension[] {
  return [...childNodes(list)].map((node) => {
    const fields = new DerSequence(node);
    const oid = readOid(fields.take(tags.oid));
    const critical = (fields.optional(tags.boolean)?.content[0] ?? 0) !== 0;
    return { oid, critical, value: fields.take(tags.octetString).content };
  });
}

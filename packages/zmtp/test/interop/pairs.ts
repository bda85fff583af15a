/** Which sockets are held against each other, how messages go through a pair, and how to know that a pair is connected. */

import { createHash } from "node:crypto";
import { eventually } from "@fedmsg/testkit";
import { expect } from "vitest";
import type { Frames, Impl, PeerOptions, PeerSocket, SocketType } from "./adapters.ts";
import type { Carrier, Room } from "./room.ts";

/** Two types of sockets that go together, and what surrounds the body on its way. */
export interface Pair {
  readonly a: SocketType;
  readonly b: SocketType;
  readonly aOptions?: PeerOptions;
  readonly bOptions?: PeerOptions;
  /** What `a` sends before the body. */
  readonly lead: Frames;
  /** Frames that `b` receives before the body, and sends back before its answer. */
  readonly leadToB: number;
  /** Frames that `a` receives before an answer; none: `b` cannot answer. */
  readonly leadToA: number | undefined;
}

const published = { lead: [], leadToB: 0, leadToA: undefined } as const;

/** PUB and XPUB with SUB and XSUB. */
export const publishing: readonly Pair[] = [
  { a: "PUB", b: "SUB", ...published },
  { a: "PUB", b: "XSUB", ...published },
  { a: "XPUB", b: "SUB", ...published },
  { a: "XPUB", b: "XSUB", ...published },
];

/** Those where both sides talk. */
export const talking: readonly Pair[] = [
  { a: "REQ", b: "REP", lead: [], leadToB: 0, leadToA: 0 },
  { a: "REQ", b: "ROUTER", lead: [], leadToB: 2, leadToA: 0 },
  { a: "DEALER", b: "REP", lead: [""], leadToB: 0, leadToA: 1 },
  { a: "DEALER", b: "ROUTER", lead: [], leadToB: 1, leadToA: 0 },
  { a: "DEALER", b: "DEALER", lead: [], leadToB: 0, leadToA: 0 },
  {
    a: "ROUTER",
    b: "ROUTER",
    aOptions: { identity: "a", mandatory: true },
    bOptions: { identity: "b", mandatory: true },
    lead: ["b"],
    leadToB: 1,
    leadToA: 1,
  },
];

/** All of them. */
export const pairs: readonly Pair[] = [...publishing, ...talking];

/** Who makes `a`, who makes `b`. */
export type Way = readonly [a: Impl, b: Impl];

/** All four; the last proves the cases themselves. */
export const ways: readonly Way[] = [
  ["ours", "ours"],
  ["ours", "libzmq"],
  ["libzmq", "ours"],
  ["libzmq", "libzmq"],
];

/** Each pair in each way, with a name: for `describe.each`. */
export function each(of: readonly Pair[]): (readonly [name: string, pair: Pair, way: Way])[] {
  return of.flatMap((pair) => ways.map((way) => [`${way[0]} ${pair.a}–${pair.b} ${way[1]}`, pair, way] as const));
}

/** The pair of two types. */
export function pairOf(a: SocketType, b: SocketType): Pair {
  return pairs.find((pair) => pair.a === a && pair.b === b) as Pair;
}

/** Bigger sweeps. */
export const isLong = process.env.ZMTP_INTEROP_LONG === "1";

/** Both sockets of a pair, not connected. A subscriber asks for everything. */
export async function make(room: Room, pair: Pair, [implA, implB]: Way): Promise<[a: PeerSocket, b: PeerSocket]> {
  const a = room.socket(implA, pair.a, pair.aOptions);
  const b = room.socket(implB, pair.b, pair.bOptions);
  if (isSubscriber(b)) await b.subscribe("");
  return [a, b];
}

/** Both sockets of a pair, connected: messages go through. */
export async function link(
  room: Room,
  pair: Pair,
  way: Way,
  { carrier = "tcp", binder = "a" }: { readonly carrier?: Carrier; readonly binder?: "a" | "b" } = {},
): Promise<[a: PeerSocket, b: PeerSocket, address: string]> {
  const [a, b] = await make(room, pair, way);
  const [bound, other] = binder === "a" ? [a, b] : [b, a];
  const address = await bound.bind(room.address(carrier));
  other.connect(address);
  await meet(a, b);
  // libzmq tells of connections on a way of its own: whoever waits until nobody is there must not begin before that.
  await eventually(() => a.peers > 0 && b.peers > 0, "both to tell that they are connected");
  return [a, b, address];
}

/**
 * Resolves when what a publisher sends reaches a subscriber: says `topic` until it is heard, and takes all that was said, and
 * whatever came before it. Other types wait by themselves while nobody is there.
 */
export async function meet(a: PeerSocket, b: PeerSocket, topic: string | Uint8Array = "probe"): Promise<void> {
  if (!isSubscriber(b)) return;
  const nonce = `${Math.random()}`;
  const isProbe = (frames: readonly Buffer[]) => frames.length === 3 && String(frames[1]) === nonce;
  let said = 0;
  let heard: number | undefined;
  const hear = async () => {
    for (;;) {
      const frames = await b.receive();
      if (isProbe(frames)) return Number(frames[2]);
    }
  };
  const first = hear().then((n) => {
    heard = n;
  });
  const isHeard = async () => {
    if (heard === undefined) await a.send([topic, nonce, `${++said}`]);
    return heard !== undefined;
  };
  await Promise.all([first, eventually(isHeard, `${a.impl}'s ${a.type} to reach ${b.impl}'s ${b.type}`)]);
  while ((heard as number | undefined) !== said) heard = await hear();
}

/** Sends a body from `a`. A ROUTER tries until its peer is there. */
export async function say(pair: Pair, a: PeerSocket, body: Frames): Promise<void> {
  const frames = [...pair.lead, ...body];
  if (a.type !== "ROUTER") return a.send(frames);
  await eventually(() => isRouted(a.send(frames)), "the peer of a ROUTER");
}

async function isRouted(sent: Promise<void>): Promise<boolean> {
  try {
    await sent;
    return true;
  } catch (error) {
    if (["EHOSTUNREACH", "ZMTP_UNROUTABLE"].includes((error as { code: string }).code)) return false;
    throw error;
  }
}

/** Sends a body from `a` to `b` and back, where `b` can answer; it must come as it was sent. */
export async function exchange(pair: Pair, a: PeerSocket, b: PeerSocket, body: Frames): Promise<void> {
  await say(pair, a, body);
  const came = await b.receive();
  expect(show(came.slice(pair.leadToB))).toEqual(show(body));
  if (pair.leadToA === undefined) return;
  await b.send([...came.slice(0, pair.leadToB), ...body]);
  expect(show((await a.receive()).slice(pair.leadToA))).toEqual(show(body));
}

/** Frames to be compared: long ones by length and digest. */
export function show(frames: Frames): string[] {
  return frames.map((frame) => {
    const bytes = Buffer.from(frame);
    if (bytes.length <= 64) return bytes.toString("latin1");
    return `${bytes.length} bytes, ${createHash("sha1").update(bytes).digest("hex")}`;
  });
}

/** Frames as texts. */
export function texts(frames: readonly Buffer[]): string[] {
  return frames.map(String);
}

/** Whether a socket gets only what it asked for. */
export function isSubscriber({ type }: PeerSocket): boolean {
  return type === "SUB" || type === "XSUB";
}

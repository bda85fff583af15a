/**
 * Commands: a frame with COMMAND whose body is a name and its data (ZMTP 3.1, RFC 37 "Commands").
 *
 * ```
 * body:        | length of name (1) | name | data … |
 * READY:       ( | length (1) | name of a property | length (4, big endian) | value | ) …
 * ERROR:       | length (1) | reason, ASCII |
 * SUBSCRIBE, CANCEL: | prefix … |
 * PING:        | TTL (2, big endian, tenths of a second) | context, 0 … 16 bytes |
 * PONG:        | the same context |
 * ```
 *
 * ZMTP 3.0 (RFC 23) has READY and ERROR alone; there, a subscription is a message of one frame, 01 or 00 and the prefix.
 */

import { ProtocolFault } from "./fault.ts";
import { flagCommand, headerLength, writeHeader } from "./frames.ts";

/** What a peer tells of itself, by the property's name in lower case: names are compared without case. */
export type Metadata = ReadonlyMap<string, Buffer>;

/** A command, taken apart. Views, not copies. */
export type Command =
  | { readonly name: "READY"; readonly metadata: Metadata }
  | { readonly name: "ERROR"; readonly reason: string }
  | { readonly name: "SUBSCRIBE" | "CANCEL"; readonly prefix: Buffer }
  | { readonly name: "PING"; readonly ttlMs: number; readonly context: Buffer }
  | { readonly name: "PONG"; readonly context: Buffer }
  /** A name that neither version of the protocol gives. */
  | { readonly name: "unknown"; readonly given: string };

const contextBytesMax = 16;
const empty = Buffer.alloc(0);

/** A command as a whole frame. */
export function encodeCommand(name: string, data: Uint8Array = empty): Buffer {
  const size = 1 + name.length + data.length;
  const bytes = Buffer.allocUnsafe(headerLength(size) + size);
  let at = writeHeader(bytes, 0, size, flagCommand);
  bytes[at++] = name.length;
  at += bytes.write(name, at, "latin1");
  bytes.set(data, at);
  return bytes;
}

/** READY, as a whole frame. */
export function encodeReady(socketType: string, identity?: Uint8Array): Buffer {
  const properties = [property("Socket-Type", Buffer.from(socketType))];
  if (identity !== undefined) properties.push(property("Identity", identity));
  return encodeCommand("READY", Buffer.concat(properties));
}

function property(name: string, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + name.length + 4 + value.length);
  bytes[0] = name.length;
  bytes.write(name, 1, "latin1");
  bytes.writeUInt32BE(value.length, 1 + name.length);
  bytes.set(value, 5 + name.length);
  return bytes;
}

/** ERROR, as a whole frame; at most 255 bytes of the reason. */
export function encodeError(reason: string): Buffer {
  const text = Buffer.from(reason, "latin1").subarray(0, 255);
  return encodeCommand("ERROR", Buffer.concat([Buffer.of(text.length), text]));
}

/** SUBSCRIBE, as a whole frame (ZMTP 3.1). */
export function encodeSubscribe(prefix: Uint8Array): Buffer {
  return encodeCommand("SUBSCRIBE", prefix);
}

/** CANCEL, as a whole frame (ZMTP 3.1). */
export function encodeCancel(prefix: Uint8Array): Buffer {
  return encodeCommand("CANCEL", prefix);
}

/** PING, as a whole frame. `ttlMs` is rounded up to tenths of a second; `context` has at most 16 bytes. */
export function encodePing(ttlMs = 0, context: Uint8Array = empty): Buffer {
  const data = Buffer.alloc(2 + context.length);
  data.writeUInt16BE(Math.min(0xffff, Math.ceil(ttlMs / 100)));
  data.set(context, 2);
  return encodeCommand("PING", data);
}

/** PONG, as a whole frame. */
export function encodePong(context: Uint8Array = empty): Buffer {
  return encodeCommand("PONG", context);
}

/**
 * Takes the body of a command's frame apart.
 *
 * @throws ProtocolFault `bad-command`
 */
export function parseCommand(body: Buffer): Command {
  const nameLength = body[0] ?? 0;
  if (nameLength === 0 || body.length < 1 + nameLength) throw bad(`its name of ${nameLength} bytes is not there`);
  const name = body.toString("latin1", 1, 1 + nameLength);
  const data = body.subarray(1 + nameLength);
  switch (name) {
    case "SUBSCRIBE":
    case "CANCEL":
      return { name, prefix: data };
    case "PING":
      return parsePing(data);
    case "PONG":
      return { name, context: data };
    case "READY":
      return { name, metadata: parseMetadata(data) };
    case "ERROR":
      return { name, reason: parseReason(data) };
    default:
      return { name: "unknown", given: name };
  }
}

function parsePing(data: Buffer): Command {
  if (data.length < 2) throw bad("a PING has no TTL");
  if (data.length > 2 + contextBytesMax) throw bad(`a PING's context has ${data.length - 2} bytes, 16 are allowed`);
  return { name: "PING", ttlMs: data.readUInt16BE() * 100, context: data.subarray(2) };
}

function parseReason(data: Buffer): string {
  const length = data[0] ?? 0;
  if (data.length < 1 + length) throw bad("an ERROR is cut short");
  return data.toString("latin1", 1, 1 + length);
}

function parseMetadata(data: Buffer): Metadata {
  const metadata = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const nameLength = data[at++] as number;
    const valueAt = at + nameLength + 4;
    if (nameLength === 0 || valueAt > data.length) throw bad("a property of READY is cut short");
    const valueLength = data.readUInt32BE(at + nameLength);
    if (valueAt + valueLength > data.length) throw bad("the value of a property of READY is cut short");
    metadata.set(
      data.toString("latin1", at, at + nameLength).toLowerCase(),
      data.subarray(valueAt, valueAt + valueLength),
    );
    at = valueAt + valueLength;
  }
  return metadata;
}

function bad(detail: string): ProtocolFault {
  return new ProtocolFault("bad-command", detail);
}

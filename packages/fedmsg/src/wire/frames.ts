/**
 * From frames to a message, and what can be wrong on the way.
 *
 * ```
 *  frame 0                                frame 1
 * +--------------------------------------+------------------------------------------------+
 * | topic, UTF-8: what SUB sockets match | body, a JSON object in UTF-8, "topic" included |
 * +--------------------------------------+------------------------------------------------+
 * ```
 *
 * Whatever arrives is somebody else's; a frame that is wrong gives a value with a reason and never an exception.
 */

import type { Message } from "./envelope.ts";
import { nestingDepthMax } from "./json-reader.ts";
import { loads } from "./loads.ts";
import { intDigitsMax } from "./number.ts";
import { decodeText } from "./text.ts";
import { excessiveMemory } from "./weight.ts";

/** Default for the largest body that is read, in bytes: 16 MiB. */
export const bodyBytesMaxDefault = 16 * 1024 * 1024;

/** Largest topic that is read, in bytes. AMQP allows 255; nobody needs more. */
export const topicBytesMax = 4096;

/** Why frames are not a message. */
export const invalidReasons = {
  "frame-count": "a message has exactly two frames",
  "topic-too-large": `the topic frame is over ${topicBytesMax} bytes`,
  "body-too-large": "the body is over `bodyBytesMax`",
  "too-many-values":
    "the body would take too much memory: 256 MiB are allowed, or 16 times `bodyBytesMax`, by an estimate of its text",
  "bad-utf8": "a frame is not UTF-8",
  "not-json": "the body is not JSON",
  "not-an-object": "the body is JSON, but not an object",
  "too-deep": `the body is nested deeper than ${nestingDepthMax} levels`,
  "no-topic": "the body has no topic, or one that is not a text",
  "topic-mismatch": "the topic frame and the topic in the body differ",
} as const;

/** One of {@link invalidReasons}. */
export type InvalidReason = keyof typeof invalidReasons;

/** What {@link decodeMessage} found. `topic` is what the frame says, where it could be read. */
export type Decoded =
  | { readonly valid: true; readonly topic: string; readonly message: Message; readonly body: Uint8Array }
  | { readonly valid: false; readonly reason: InvalidReason; readonly detail: string; readonly topic: string };

/** Reads a message from its frames. Never throws. */
export function decodeMessage(frames: readonly Uint8Array[], bodyBytesMax = bodyBytesMaxDefault): Decoded {
  const framing = checkFraming(frames, bodyBytesMax);
  if (framing) return framing;
  const body = frames[1] as Uint8Array;
  const topic = tryDecode(frames[0] as Uint8Array);
  if (topic === undefined) return invalid("bad-utf8", "the topic frame", "");
  return readBody(body, topic, bodyBytesMax);
}

/** Reads a message of which there is the body alone, as answers to replay queries have it. Never throws. */
export function decodeBody(body: Uint8Array, bodyBytesMax = bodyBytesMaxDefault): Decoded {
  return checkFraming([noTopic, body], bodyBytesMax) ?? readBody(body, undefined, bodyBytesMax);
}

const noTopic = new Uint8Array();

/** @param topic what the frame says, if there is one */
function readBody(body: Uint8Array, topic: string | undefined, bodyBytesMax: number): Decoded {
  const named = topic ?? "";
  const excess = excessiveMemory(body, bodyBytesMax);
  if (excess !== undefined) return invalid("too-many-values", `about ${Math.ceil(excess / 2 ** 20)} MiB`, named);
  const text = tryDecode(body);
  if (text === undefined) return invalid("bad-utf8", "the body", named);
  const tooDeep = findExcess(text);
  if (tooDeep) return invalid(...tooDeep, named);
  const value = tryParse(text);
  if (value instanceof Error) return invalid("not-json", value.message, named);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return invalid("not-an-object", `found ${Array.isArray(value) ? "an array" : String(value).slice(0, 40)}`, named);
  }
  const message = value as Message;
  if (!Object.hasOwn(message, "topic") || typeof message.topic !== "string") return invalid("no-topic", "", named);
  if (topic !== undefined && message.topic !== topic) {
    return invalid("topic-mismatch", `frame ${clip(topic)}, body ${clip(message.topic)}`, topic);
  }
  return { valid: true, topic: message.topic, message, body };
}

/**
 * Checks what can be seen without reading the body: frame count and sizes. For those who pass frames on.
 *
 * @returns what is wrong, or nothing
 */
export function checkFraming(
  frames: readonly Uint8Array[],
  bodyBytesMax = bodyBytesMaxDefault,
): Extract<Decoded, { valid: false }> | undefined {
  if (frames.length !== 2) return invalid("frame-count", `found ${frames.length}`, "");
  const [topic, body] = frames as readonly [Uint8Array, Uint8Array];
  if (topic.byteLength > topicBytesMax) return invalid("topic-too-large", `found ${topic.byteLength}`, "");
  if (body.byteLength > bodyBytesMax) {
    return invalid("body-too-large", `found ${body.byteLength}, allowed ${bodyBytesMax}`, tryDecode(topic) ?? "");
  }
  return undefined;
}

function invalid(reason: InvalidReason, found: string, topic: string): Extract<Decoded, { valid: false }> {
  const text = invalidReasons[reason];
  return { valid: false, reason, detail: found ? `${text}: ${found}` : text, topic };
}

function clip(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return decodeText(bytes);
  } catch {
    return undefined;
  }
}

/**
 * `JSON.parse` is ten times as fast and right for all but `NaN` and `Infinity`, which Python sends and reads, and for the
 * integer `-0`: 0 to Python, and signed as that.
 */
function tryParse(text: string): unknown {
  try {
    if (!text.includes("-0") || !minusZero.test(text)) return JSON.parse(text);
  } catch {
    // Perhaps because of the former; else the error below says where.
  }
  try {
    return loads(text, { int: (token) => Number(token) + 0 });
  } catch (error) {
    return error;
  }
}

/** Where there is an integer `-0`; a text that says so between spaces is taken for one, which costs only time. */
const minusZero = /[:[,\s]-0[\s,\]}]/;

/**
 * What `JSON.parse` lets pass and Python does not: brackets nested too deep, which are harmless to the parser but not to
 * whatever walks through the value afterwards, and integers too long for Python's `int`. A short text has neither.
 */
function findExcess(text: string): [reason: InvalidReason, found: string] | undefined {
  if (text.length <= nestingDepthMax * 2) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) {
      at = endOfString(text, at);
      if (at < 0) return undefined;
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > nestingDepthMax) return ["too-deep", ""];
    } else if (unit === 0x5d || unit === 0x7d) depth--;
    else if (isDigit(unit)) {
      const start = at;
      while (isDigit(text.charCodeAt(at + 1))) at++;
      if (at - start >= intDigitsMax && isInteger(text, start, at))
        return ["not-json", "an integer beyond Python's limit"];
    }
  }
  return undefined;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/** Whether a run of digits, the last of which is at `end`, is a whole number, and not a part of a float. */
function isInteger(text: string, start: number, end: number): boolean {
  return !/[.eE]/.test(text.charAt(end + 1)) && !/[.eE][-+]?$/.test(text.slice(Math.max(0, start - 2), start));
}

/** Where the string that opens at `start` closes, or -1: a quotation mark behind an even number of backslashes. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

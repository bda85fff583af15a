import { MessageParts, messageKey, readParts } from "../crypto/index.ts";
import type { Frames } from "../transport/transport.ts";
import { heartbeatPrefix } from "./heartbeat.ts";
import type { Kept } from "./journalled.ts";

/**
 * What a relay's journal is to know of a message that came; nothing of what is not to be kept: others' heartbeats, what is no
 * message, and what says another topic than its frame.
 */
export function describeKept(frames: Frames): Kept | undefined {
  const [topicFrame, body] = frames as readonly [Uint8Array, Uint8Array];
  const topic = Buffer.from(topicFrame.buffer, topicFrame.byteOffset, topicFrame.byteLength).toString();
  if (topic.startsWith(heartbeatPrefix)) return undefined;
  const parts = readParts(body);
  if (!(parts instanceof MessageParts) || parts.text("topic") !== topic) return undefined;
  const key = messageKey(parts);
  return key && { frames, topic, msgId: parts.text("msg_id") ?? "", body, key };
}

import type { SocketOptions } from "@fedmsg/zmtp";
import type { Config } from "../config/index.ts";
import { socketOptions } from "../transport/create.ts";
import { zmtpOptions } from "../transport/zmtp/sockets.ts";

/** Frames of a message: six come from a publisher at most, with the way back of whoever passes it on. */
const framesMax = 16;

/** What the wire allows, and the frames beside it: what is over a smaller bound of the relay's is to be answered, and not cut off. */
const messageBytesMin = 16 * 1024 * 1024 + 64 * 1024;

/** What the configuration says about the sockets of confirmed publishing, on either side. */
export function confirmSocket(config: Config): SocketOptions {
  const { limits, ...options } = zmtpOptions(socketOptions(config));
  const bytesMax = Math.max(messageBytesMin, limits?.messageBytesMax ?? 0);
  return { ...options, limits: { ...limits, messageBytesMax: bytesMax, frameBytesMax: bytesMax, framesMax } };
}

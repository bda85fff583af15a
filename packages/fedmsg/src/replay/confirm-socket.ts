import type { SocketOptions } from "@fedmsg/zmtp";
import type { Config } from "../config/index.ts";
import { socketOptions } from "../transport/create.ts";
import { zmtpOptions } from "../transport/zmtp/sockets.ts";

/** Frames of a message: six come from a publisher at most, with the way back of whoever passes it on. */
const framesMax = 16;

/** What the configuration says about the sockets of confirmed publishing, on either side. */
export function confirmSocket(config: Config): SocketOptions {
  const { limits, ...options } = zmtpOptions(socketOptions(config));
  return { ...options, limits: { ...limits, framesMax } };
}

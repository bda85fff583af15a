/**
 * The codec of ZMTP 3: bytes ↔ greetings, frames, commands. Pure: no socket, no clock.
 *
 * @module
 */
export { FrameBatch } from "./batch.ts";
export {
  type Command,
  encodeCancel,
  encodeCommand,
  encodeError,
  encodePing,
  encodePong,
  encodeReady,
  encodeSubscribe,
  type Metadata,
  parseCommand,
} from "./commands.ts";
export { FrameDecoder, type FrameLimits, type FrameSink, frameLimits } from "./decoder.ts";
export { type CutReason, cutReasons, ProtocolFault } from "./fault.ts";
export {
  encodedLength,
  encodeMessage,
  flagCommand,
  flagLong,
  flagMore,
  headerLength,
  headerLengthMax,
  shortSizeMax,
  writeHeader,
  writeMessage,
} from "./frames.ts";
export { encodeGreeting, type Greeting, greetingLength, parseGreeting } from "./greeting.ts";
export { PrefixTree } from "./prefix-tree.ts";

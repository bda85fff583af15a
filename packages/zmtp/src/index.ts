/**
 * ZeroMQ's sockets over ZMTP 3.1 and 3.0, without native code.
 *
 * @module
 */
export type { FrameBatch as Batch } from "./codec/batch.ts";
export { type CutReason, cutReasons } from "./codec/fault.ts";
export { type Address, type AddressUse, formatAddress, parseAddress } from "./engine/address.ts";
export type { BatchHandler, Message } from "./engine/inbox.ts";
export { errorCodes, ZmtpError, type ZmtpErrorCode } from "./errors.ts";
export type { MonitorEvent, PeerInfo } from "./events.ts";
export { defaultLimits, type Limits, type SocketOptions } from "./options.ts";
export { Dealer } from "./sockets/dealer.ts";
export { Publisher } from "./sockets/publisher.ts";
export { ReceivingSocket } from "./sockets/receiving.ts";
export { Reply } from "./sockets/reply.ts";
export { Request } from "./sockets/request.ts";
export { Router, type RouterOptions } from "./sockets/router.ts";
export { type MessageLike, Socket, type SocketType, type WaitOptions } from "./sockets/socket.ts";
export { Subscriber } from "./sockets/subscriber.ts";
export { XPublisher, type XPublisherOptions } from "./sockets/x-publisher.ts";
export { XSubscriber } from "./sockets/x-subscriber.ts";

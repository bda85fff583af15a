// For users.
export {
  type Bus,
  type ConnectOptions,
  type Counts,
  connect,
  type PublishOptions,
  type Receipt,
} from "./bus/bus.ts";
export {
  type DefaultPublishOptions,
  destroy,
  init,
  publish,
  type TailOptions,
  tailMessages,
} from "./bus/default-bus.ts";
export type { Delivery, DeliveryRelay, GivenUpReason, OutboxState, RejectedReason } from "./bus/delivery.ts";
export type { DurableReceived, Received } from "./bus/received.ts";
export type { RefusalReason, StatusEvent } from "./bus/status.ts";
export type { SubscribeOptions } from "./bus/subscribe-options.ts";
export type { Subscription } from "./bus/subscription.ts";
export type { TrustLevel } from "./bus/trust.ts";
export type { Config, ConfigInput } from "./config/index.ts";
export { errorCodes, FedmsgError, type FedmsgErrorCode } from "./errors.ts";
export type { Confirmation } from "./replay/confirm-contract.ts";
export type { ConfirmRefusal } from "./replay/confirm-counts.ts";
export type { SqlValue, Transaction } from "./replay/cursors.ts";
export type { Message } from "./wire/envelope.ts";

// For plugin authors: see `fedmsg/plugin`.

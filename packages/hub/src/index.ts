export type { Daemon, DaemonOptions } from "./daemon.ts";
export type { ForwardCounts } from "./forwarder.ts";
export { startGateway } from "./gateway.ts";
export { type Hub, type HubOptions, startHub } from "./hub.ts";
export { startRelay } from "./relay.ts";
export { startSigningRelay } from "./signing-relay.ts";
export type { ConsumerStats, HubStats, ProducerStats } from "./stats.ts";

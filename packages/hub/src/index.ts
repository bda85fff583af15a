export {
  type Daemon,
  type DaemonOptions,
  startGateway,
  startRelay,
  startSigningRelay,
} from "./daemon.ts";
export { type Forwarder, type Hub, type HubOptions, startHub } from "./hub.ts";
export type { ConsumerStats, HubStats, ProducerStats } from "./stats.ts";

/** Sub-path `fedmsg/testing`: for the tests of programs that use fedmsg, whatever runs them. */

export type { RunStats } from "./testing/hub-package.ts";
export type { PublishedMessage } from "./testing/published.ts";
export type { RunConsumerOptions, RunningConsumer } from "./testing/running-consumer.ts";
export type { RunningProducer } from "./testing/running-producer.ts";
export type { MsgCheck, StandardSchemaV1 } from "./testing/schema.ts";
export {
  createTestBus,
  type ExpectNothingOptions,
  type ExpectPublishedOptions,
  type TestBus,
  type TestBusOptions,
} from "./testing/test-bus.ts";
export type { Outcome } from "./testing/trial.ts";
export type { TestMessage } from "./testing/voice.ts";

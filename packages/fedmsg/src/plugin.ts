/** Sub-path `fedmsg/plugin`: what daemons, transports and other extensions are built from. */
export { type EndpointsListener, LiveEndpoints } from "./bus/endpoints.ts";
export { type Journalling, type JournallingOptions, openJournalling } from "./bus/journalling.ts";
export { MessageWriter } from "./bus/message-writer.ts";
export { cursorsPath, listCursorFiles } from "./bus/open-cursors.ts";
export { weigh } from "./bus/received.ts";
export { Source, type SourcesOptions } from "./bus/source.ts";
export { Sources } from "./bus/sources.ts";
export { cutWarning, type EventSink } from "./bus/status.ts";
export { type Judgement, Trust } from "./bus/trust.ts";
export { localAddressFor, shortHostname, stateFolder } from "./config/environment.ts";
export { type LoadModuleOptions, loadModule, moduleFolder } from "./config/module.ts";
export { nearest } from "./config/nearest.ts";
export {
  type ArgumentDefinition,
  atLeast,
  type CommandContext,
  type CommandDefinition,
  defineCommand,
  type Log,
  type OptionDefinition,
} from "./plugins/command.ts";
export {
  type AnyConsumerDefinition,
  type ConsumeContext,
  type ConsumerDefinition,
  defineConsumer,
  type FramesConsumerDefinition,
  type FramesContext,
  type FramesCounts,
  type FramesInputs,
  type FramesSource,
  type FramesWorker,
  type PluginContext,
  type RetryOptions,
} from "./plugins/consumer.ts";
export { defineProducer, type ProducerDefinition } from "./plugins/producer.ts";
export { AgeLimit, type AgeLimitOptions } from "./replay/age-limit.ts";
export { type AskOptions, askReplay, type ReplayAnswer } from "./replay/client.ts";
export { ConfirmServer, type ConfirmServerOptions } from "./replay/confirm-server.ts";
export { confirmSocket } from "./replay/confirm-socket.ts";
export {
  type Cursor,
  type CursorStore,
  createMemoryCursors,
  keysKept,
  type SqlValue,
  type Transaction,
} from "./replay/cursors.ts";
export {
  type FetchedPage,
  type FetchedRange,
  type FetchOptions,
  fetchInfo,
  fetchPages,
  fetchRange,
  type InfoOptions,
  type PagesOptions,
} from "./replay/fetch.ts";
export type { PageHeader } from "./replay/header.ts";
export { heartbeatPrefix } from "./replay/heartbeat.ts";
export type {
  EarlierJournal,
  EntryQuery,
  Journal,
  JournalEntry,
  JournalInfo,
  NewEntry,
  Page,
  PageQuery,
} from "./replay/journal.ts";
export { type JournalledOptions, JournalledPublisher, type Kept } from "./replay/journalled.ts";
export { describeKept } from "./replay/keepable.ts";
export { KeySet } from "./replay/key-set.ts";
export { takenBefore, takenNow } from "./replay/known-keys.ts";
export { createMemoryJournal, type MemoryJournalOptions } from "./replay/memory-journal.ts";
export type { PageQuestion, ReplayQuery } from "./replay/query.ts";
export {
  type ReplayLimits,
  type ReplayServer,
  type ReplayServerEvent,
  type ReplayServerOptions,
  replayLimits,
  startReplayServer,
} from "./replay/server.ts";
export { type Address, type AddressUse, formatAddress, parseAddress } from "./transport/address.ts";
export { createTransport, socketOptions } from "./transport/create.ts";
export { type Listening, listen } from "./transport/listen.ts";
export { createMemoryTransport, MemoryNetwork } from "./transport/memory/index.ts";
export {
  type Frames,
  framesByteLength,
  type KeepAlive,
  type Publisher,
  type PublisherOptions,
  type SocketEvent,
  type SocketOptions,
  type Subscriber,
  socketDefaults,
  type Transport,
} from "./transport/transport.ts";
export { countOf } from "./wire/count-of.ts";
export { escapeControls, escapeLine, toLine } from "./wire/escape.ts";
export { compileFilter, type MessageFilter } from "./wire/filter.ts";
export {
  bodyBytesMaxDefault,
  checkFraming,
  type Decoded,
  decodeMessage,
  type InvalidReason,
  invalidReasons,
  topicBytesMax,
} from "./wire/frames.ts";
export { buildTopic, compileTopics, type TopicMatcher, type TopicParts, topicCategory } from "./wire/topic.ts";

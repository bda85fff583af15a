/** Compliance suites, helpers and starters for the tests of this repository. */
export {
  type CursorTraits,
  cursorCompliance,
  type MakeCursors,
  type MakeCursorsOptions,
} from "./cursor-compliance.ts";
export { type DnsQuery, type DnsReply, DnsServer, srvRecord } from "./dns-server.ts";
export { processorMs } from "./effort.ts";
export { type Came, FakeRelay, RawDealer, RawPublisher } from "./fake-relay.ts";
export { journalCompliance, type MakeJournal, type MakeJournalOptions } from "./journal-compliance.ts";
export { expectNoLeaks } from "./leaks.ts";
export { bufferBytes, expectBuffersAtMost, memoryBytes } from "./memory.ts";
export { pkiFolder, signedConfig } from "./pki.ts";
export { ensureProgram, type Program } from "./programs.ts";
export { range } from "./range.ts";
export { canMount, openSmallDisk, type SmallDisk } from "./small-disk.ts";
export { everyTransport, Inbox, type InboxOptions, Sockets, sayUntilHeard, toFrames, toTexts } from "./sockets.ts";
export { tempFolder } from "./temp-folder.ts";
export { anyAddress, testConfig } from "./test-config.ts";
export { type MakeTransport, type TransportTraits, transportCompliance } from "./transport-compliance.ts";
export { codeOf, collect, eventually, patienceMs, settled, take, takeUntil, withTimeout } from "./waiting.ts";

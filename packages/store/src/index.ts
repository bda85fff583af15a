/** Messages at rest: the journal of what was sent. */
export type { JournalEvent, JournalListener } from "./journal/events.ts";
export { type JournalOptions, openJournal, pruneJournal } from "./journal/open.ts";
export { type JournalReader, openJournalReader, type StoredJournalInfo } from "./journal/reader.ts";
export type { JournalSync } from "./journal/schema.ts";
export type { JournalFault, Verification } from "./journal/verify.ts";

/** Messages at rest: the journal of what was sent, and what a subscriber remembers. */
export { type CursorOptions, openCursors } from "./cursors/open.ts";
export type { CursorListener } from "./cursors/store.ts";
export type { JournalEvent, JournalListener } from "./journal/events.ts";
export { type JournalOptions, openJournal, pruneJournal } from "./journal/open.ts";
export { type JournalReader, openJournalReader, type StoredJournalInfo } from "./journal/reader.ts";
export type { JournalSync } from "./journal/schema.ts";
export type { JournalFault, Verification } from "./journal/verify.ts";

/** Messages at rest: the journal of what was sent, what a subscriber remembers, and what it failed on. */
export { type CursorOptions, openCursors } from "./cursors/open.ts";
export { queryCursors } from "./cursors/query.ts";
export type { CursorListener } from "./cursors/store.ts";
export type { DeadLetterBox, Failure, Which } from "./dead-letters/box.ts";
export { addDeadLetter, type DeadLetter, type NewDeadLetter } from "./dead-letters/letter.ts";
export { type DeadLetterOptions, openDeadLetters } from "./dead-letters/open.ts";
export { deadLettersMax } from "./dead-letters/table.ts";
export { isLocked } from "./errors.ts";
export type { JournalEvent, JournalListener } from "./journal/events.ts";
export { type JournalOptions, openJournal, pruneJournal } from "./journal/open.ts";
export { type JournalReader, openJournalReader, type StoredJournalInfo } from "./journal/reader.ts";
export type { JournalSync } from "./journal/schema.ts";
export type { JournalFault, Verification } from "./journal/verify.ts";

import type { SqlValue } from "fedmsg/plugin";
import { type Database, openDatabase } from "../sqlite.ts";
import { cursorError } from "./errors.ts";
import { cursorBusyMs } from "./schema.ts";

/**
 * Rows of a subscriber's file, of its own tables for instance, as the last commit left them. The subscriber may run meanwhile.
 *
 * @throws FedmsgError FEDMSG_JOURNAL where there is no such file, or the statement is wrong or would write
 */
export async function queryCursors(
  path: string,
  sql: string,
  values: readonly SqlValue[] = [],
): Promise<Record<string, SqlValue>[]> {
  let db: Database | undefined;
  try {
    db = await openDatabase(path, { readOnly: true, timeoutMs: cursorBusyMs });
    return db
      .prepare(sql)
      .all(...values)
      .map((row) => ({ ...(row as Record<string, SqlValue>) }));
  } catch (error) {
    throw cursorError(path, "it cannot be queried", error);
  } finally {
    db?.close();
  }
}

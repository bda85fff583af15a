import type { SqlValue } from "fedmsg/plugin";
import { patiently, standstillMs } from "../patience.ts";
import { type Database, openDatabase } from "../sqlite.ts";
import { cursorError } from "./errors.ts";

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
    const open = await openDatabase(path, { readOnly: true, timeoutMs: standstillMs });
    db = open;
    const rows = await patiently(() => open.prepare(sql).all(...values));
    return rows.map((row) => ({ ...(row as Record<string, SqlValue>) }));
  } catch (error) {
    throw cursorError(path, "it cannot be queried", error);
  } finally {
    db?.close();
  }
}

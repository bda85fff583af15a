/** Reading what a subscriber keeps, beside it. */

import { openCursors, queryCursors } from "@fedmsg/store";
import { codeOf } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { tempFile } from "./support.ts";

test("rows of a subscriber's own tables are read while it runs, and as plain objects", async () => {
  const file = tempFile();
  const cursors = await openCursors(file);
  await cursors.handle("12345678", (db) => {
    db.run("CREATE TABLE own (n INTEGER, word TEXT)");
    db.run("INSERT INTO own VALUES (1, 'one'), (2, 'two')");
  });
  expect(await queryCursors(file, "SELECT * FROM own WHERE n > ?", [1])).toStrictEqual([{ n: 2, word: "two" }]);
  await cursors.close();
  expect(await queryCursors(file, "SELECT count(*) AS n FROM own")).toStrictEqual([{ n: 2 }]);
});

test("nothing can be written, and no file is made where there is none", async () => {
  const file = tempFile();
  expect(await codeOf(queryCursors(file, "SELECT 1"))).toBe("FEDMSG_JOURNAL");
  await (await openCursors(file)).close();
  expect(await codeOf(queryCursors(file, "DROP TABLE fedmsg_keys"))).toBe("FEDMSG_JOURNAL");
  expect(await codeOf(queryCursors(file, "not sql"))).toBe("FEDMSG_JOURNAL");
});

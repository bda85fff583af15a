import { execFileSync } from "node:child_process";
import { FedmsgError } from "fedmsg";
import { expect, test } from "vitest";
import { isLocked, journalRefusal, lockedRefusal, shellWord } from "./errors.ts";

test("a path is a word of a shell as it stands where it can be, and in quotes where it cannot", () => {
  expect(shellWord("/var/lib/fed_msg/app-1.x@y:z,a+b=c%.db")).toBe("/var/lib/fed_msg/app-1.x@y:z,a+b=c%.db");
  expect(shellWord("/a b")).toBe("'/a b'");
  for (const path of ["/it's", "/a b", "/`date`$(date)$HOME", '/"*?~', "/\\n;&|<>#!", "/ü\n", "~", ""]) {
    expect(execFileSync("/bin/sh", ["-c", `printf %s ${shellWord(path)}`]).toString()).toBe(path);
  }
});

test("an error says whether another writer has the file, through whatever it caused", () => {
  const locked = lockedRefusal("/x.db", "is open elsewhere");
  expect(locked).toMatchObject({ code: "FEDMSG_JOURNAL", message: "/x.db: is open elsewhere" });
  expect(isLocked(locked)).toBe(true);
  expect(isLocked(new FedmsgError("FEDMSG_JOURNAL", "outbox: …", { cause: locked }))).toBe(true);
  for (const other of [journalRefusal("/x.db", "is damaged"), new Error("locked"), undefined, "locked"]) {
    expect(isLocked(other)).toBe(false);
  }
});

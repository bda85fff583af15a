/** What an administrator is told to do about a damaged outbox, done. */

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { testConfig } from "@fedmsg/testkit";
import { connect, FedmsgError } from "fedmsg";
import { expect, test } from "vitest";
import { type Ended, startShell, tempDir } from "./support.ts";

test("a damaged outbox refuses, and the commands that the error names work as they stand", async () => {
  const folder = join(tempDir(), "it's a folder");
  mkdirSync(folder);
  const file = join(folder, "outbox.db");
  const config = testConfig({
    ...{ active: true, relay_confirm: ["tcp://127.0.0.1:1"], publish_timeout: 0.05, outbox: `sqlite:${file}` },
  });
  const open = () => connect({ name: "app", config });
  const bus = await open();
  await Promise.all(Array.from({ length: 50 }, (_, n) => bus.publish({ topic: "t", modname: "m", msg: { n } })));
  await bus.drain();
  overwritePage(file, 2); // That says what the journal holds.
  const error = await open().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: "FEDMSG_JOURNAL", message: expect.stringContaining(`outbox: ${file}: `) });
  const commands = [...FedmsgError.from(error).message.matchAll(/`(fedmsg [^`]+)`/g)].map(([, command]) => command);
  expect(commands).toEqual([
    expect.stringMatching(/^fedmsg journal verify '.*'$/),
    expect.stringMatching(/^fedmsg journal grep '' '.*'$/),
  ]);
  const verified = await runInShell(commands[0]);
  expect({ code: verified.code, stderr: verified.stderr }).toEqual({ code: 1, stderr: "" });
  expect(verified.stdout).toMatch(/^tables: .*malformed/m);
  const rescued = await runInShell(commands[1]);
  expect({ code: rescued.code, stderr: rescued.stderr }).toEqual({ code: 0, stderr: "" });
  const lines = rescued.stdout.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).body.msg.n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
});

/** Types it, as it stands. */
async function runInShell(command = ""): Promise<Ended> {
  await using shell = startShell(command, { stdin: "" });
  return await shell.ended();
}

/** Writes over one page of 8 KiB. */
function overwritePage(file: string, number: number): void {
  const page = Buffer.alloc(8192, 0x5a);
  const handle = openSync(file, "r+");
  writeSync(handle, page, 0, page.length, (number - 1) * page.length);
  closeSync(handle);
}

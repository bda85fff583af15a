/** `fedmsg new command`: what it writes works as it stands. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Listener } from "./bus.ts";
import { expectTypesHold, follow, moduleFiles, placeCases, project, shownBy } from "./new-support.ts";
import { run, tempDir } from "./support.ts";

const hello = { kind: "command", name: "hello" } as const;

test.each(moduleFiles("hello"))(
  "$files: the test passes, and the command runs, by doing what it says",
  async ({ manifest, flags, files }) => {
    const cwd = project(manifest);
    await follow(cwd, hello, { flags, files, last: "npx fedmsg hello --help" });
    expect(await run("fedmsg", ["hello", "--help"], { cwd })).toMatchObject({ code: 0, stderr: "" });
    await using listener = await Listener.open();
    writeFileSync(join(cwd, "fedmsg.d/relay.yaml"), JSON.stringify(listener.config));
    const said = await run("fedmsg", ["hello", "--to", "Fedora"], { cwd });
    expect(said).toMatchObject({ code: 0, stderr: expect.stringMatching(/published [\w.]*\.hello\.greeting\b/) });
    const [heard] = await listener.take(1);
    expect(heard?.message).toMatchObject({
      topic: expect.stringMatching(/\.hello\.greeting$/),
      msg: { text: "Hello Fedora" },
    });
  },
);

test("what it writes is checked by TypeScript without a complaint", { timeout: 120_000 }, async () => {
  const cwd = project({ type: "module" });
  await run("fedmsg", ["new", "command", "one"], { cwd });
  await run("fedmsg", ["new", "command", "two", "--typescript"], { cwd });
  await expectTypesHold(cwd, ["commands/one.js", "commands/two.ts"]);
});

describe("fedmsg new command", () => {
  test("says what to install where fedmsg cannot be imported", async () => {
    const { stdout } = await run("fedmsg", ["new", "command", "hello", "--folder", "a/b"], { cwd: tempDir() });
    expect(shownBy(stdout)[0]).toBe("npm install fedmsg @fedmsg/cli");
    expect(stdout).toContain("Wrote a/b/hello.mjs and a/b/hello.test.mjs.");
  });

  placeCases(hello, {
    refused: ["Hello", "../x", "a b", "a_b", "1a", "", "tail", "commands"],
    places: [
      {
        file: "fedmsg.d/a.yaml",
        text: "environment: stg",
        what: "Write this into a new file fedmsg.d/commands.yaml:",
        line: "  - ../commands/hello.mjs",
      },
      {
        file: "fedmsg.d/a.yaml",
        text: "# one\ncommands: ./x.mjs",
        what: "Add it to the list of commands at CWD/fedmsg.d/a.yaml:2:",
        line: "- ../commands/hello.mjs",
      },
      {
        file: "fedmsg-config.yaml",
        text: "environment: stg",
        what: "Add this to CWD/fedmsg-config.yaml:",
        line: "  - ./commands/hello.mjs",
      },
      {
        file: "fedmsg-config.py",
        text: "config = dict(environment='stg')",
        what: "Add this to CWD/fedmsg-config.py:",
        line: '"commands": ["./commands/hello.mjs"],',
      },
    ],
  });
});

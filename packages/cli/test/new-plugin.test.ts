/** `fedmsg new consumer` and `fedmsg new producer`: what they write works as it stands. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Listener } from "./bus.ts";
import { expectTypesHold, follow, moduleFiles, placeCases, project } from "./new-support.ts";
import { run, start } from "./support.ts";

const audit = { kind: "consumer", name: "audit" } as const;
const last = "npx fedmsg hub";

test.each(moduleFiles("audit"))(
  "a consumer, $files: its test passes, and a hub runs it",
  async ({ manifest, flags, files }) => {
    const cwd = project(manifest);
    await follow(cwd, audit, { flags, files, last });
    await using hub = start("fedmsg", ["hub"], { cwd });
    await hub.until("stderr", /runs 1 consumer \(audit\)/);
    hub.signal("SIGTERM");
    expect(await hub.ended()).toMatchObject({ code: 0 });
  },
);

test.each([
  { flags: [], files: ["heart-beat.mjs", "heart-beat.test.mjs"] },
  { flags: ["--typescript"], files: ["heart-beat.mts", "heart-beat.test.mjs"] },
])("a producer, $files: its test passes, and a hub polls it", async ({ flags, files }) => {
  const cwd = project();
  await follow(cwd, { kind: "producer", name: "heart-beat" }, { flags, files, last });
  await using listener = await Listener.open();
  writeFileSync(join(cwd, "fedmsg.d/relay.yaml"), JSON.stringify({ ...listener.config, active: true }));
  await using hub = start("fedmsg", ["hub"], { cwd });
  const [heard] = await listener.take(1);
  expect(heard?.topic).toMatch(/\.heart-beat\.alive$/);
  hub.signal("SIGTERM");
  expect(await hub.ended()).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/published [\w.]*\.heart-beat\.alive/),
  });
});

test("what they write is checked by TypeScript without a complaint", { timeout: 120_000 }, async () => {
  const cwd = project({ type: "module" });
  for (const kind of ["consumer", "producer"]) {
    await run("fedmsg", ["new", kind, "one", "--folder", kind], { cwd });
    await run("fedmsg", ["new", kind, "two", "--folder", kind, "--typescript"], { cwd });
  }
  const files = ["one.js", "two.ts", "one.test.js"].flatMap((file) => [`consumer/${file}`, `producer/${file}`]);
  await expectTypesHold(cwd, files);
});

describe("fedmsg new consumer", () => {
  test("takes the words of its topics from the configuration", async () => {
    const cwd = project();
    const config = { topic_prefix: 'org."example"' };
    const { code } = await run("fedmsg", ["new", "consumer", "audit"], { cwd, config });
    expect(code).toBe(0);
    expect(readFileSync(join(cwd, "consumers/audit.mjs"), "utf8")).toContain(
      'topics: ["org.\\"example\\".*.logger.#"]',
    );
  });

  placeCases(audit, {
    refused: ["Audit", "../x", "a b", "a_b", "1a", ""],
    places: [
      {
        file: "fedmsg.d/a.yaml",
        text: "consumers: ./x.mjs",
        what: "Add it to the list of consumers at CWD/fedmsg.d/a.yaml:1:",
        line: "- ../consumers/audit.mjs",
      },
      {
        file: "fedmsg-config.py",
        text: "config = dict(environment='stg')",
        what: "Add this to CWD/fedmsg-config.py:",
        line: '"consumers": ["./consumers/audit.mjs"],',
      },
    ],
  });
});

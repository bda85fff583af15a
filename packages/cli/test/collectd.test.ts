/** fedmsg-collectd as a process: what collectd reads from it. */

import { hostname } from "node:os";
import { expect, test } from "vitest";
import { Speaker } from "./bus.ts";
import { logOf, type Program, run, start } from "./support.ts";

interface Put {
  readonly host: string;
  readonly category: string;
  readonly interval: string;
  readonly at: number;
  readonly count: number;
}

/** The lines that it has printed, all of them PUTVAL lines. */
function putsOf({ stdout }: Program): readonly Put[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const found = /^PUTVAL (\S+)\/fedmsg\/fedmsg_wallboard-([\w.-]+) interval=(\S+) (\d+):(\d+)$/.exec(line);
      const [, host = "", category = "", interval = "", at, count] = found ?? [];
      expect(found, line).not.toBeNull();
      return { host, category, interval, at: Number(at), count: Number(count) };
    });
}

/** Says something until it is counted: how soon somebody listens only shows in what is heard. */
async function untilCounted(speaker: Speaker, collectd: Program): Promise<void> {
  await speaker.subscribed();
  const repeat = setInterval(() => void speaker.say("a.b.c.ready", {}), 20);
  await collectd.until("stdout", /-ready \S+ \d+:[1-9]/).finally(() => clearInterval(repeat));
}

test("counts by category, sorted, once; what was seen stays, with 0; what is no message does not count", async () => {
  await using speaker = await Speaker.open();
  await using collectd = start("fedmsg-collectd", ["--collectd-interval", "0.2"], { config: speaker.config });
  await untilCounted(speaker, collectd);
  await speaker.say("org.fedoraproject.dev.git.receive", "no json");
  for (let n = 0; n < 3; n++) await speaker.say("org.fedoraproject.dev.git.receive", {});
  await speaker.say("short", {});
  await speaker.say("org.fedoraproject.dev.x y\nPUTVAL a/b/c 1:1.z", {});
  await speaker.say("org.fedoraproject.dev.zz.end", {});
  await collectd.until("stdout", /-zz \S+ \d+:1\n[\s\S]*-zz \S+ \d+:0\n/);
  collectd.signal("SIGTERM");
  const { code, signal, stderr } = await collectd.ended();
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(logOf(stderr)).toMatchObject([{ level: "warn", msg: expect.stringContaining("(not-json)") }]);
  const puts = putsOf(collectd);
  const total = (category: string) =>
    puts.filter((put) => put.category === category).reduce((sum, { count }) => sum + count, 0);
  expect([total("git"), total("Unclassified"), total("x_y_PUTVAL_a_b_c_1_1"), total("zz")]).toEqual([3, 1, 1, 1]);
  const last = puts.slice(puts.findLastIndex(({ category }) => category === "Unclassified"));
  expect(last.map(({ category }) => category)).toEqual(["Unclassified", "git", "ready", "x_y_PUTVAL_a_b_c_1_1", "zz"]);
  expect(puts.every(({ host, interval }) => host === hostname() && interval === "0.2")).toBe(true);
});

test.each([
  ["collectd's own", [], {}, { COLLECTD_INTERVAL: "0.300", COLLECTD_HOSTNAME: "web.example" }, "web.example", "0.3"],
  ["the configuration before it", [], { collectd_interval: 0.2 }, { COLLECTD_INTERVAL: "9" }, hostname(), "0.2"],
  ["the flag before both", ["--collectd-interval", "0.1"], { collectd_interval: 7 }, {}, hostname(), "0.1"],
] as const)("interval and host: %s", async (_, args, config, env, host, interval) => {
  await using speaker = await Speaker.open();
  await using collectd = start("fedmsg-collectd", args, { config: { ...speaker.config, ...config }, env });
  await untilCounted(speaker, collectd);
  expect(putsOf(collectd)[0]).toMatchObject({ host, interval });
});

test("an interval that is none is refused", async () => {
  const flag = await run("fedmsg-collectd", ["--collectd-interval", "0"]);
  expect(flag).toMatchObject({ code: 2, stderr: expect.stringContaining("expected a number of at least 0.1") });
  const config = await run("fedmsg-collectd", [], { config: { collectd_interval: 0 } });
  expect(config).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/collectd_interval: found 0; wanted at least/),
  });
});

test("nobody to listen to is an error, and a reader that goes away ends it", async () => {
  expect(await run("fedmsg-collectd", [], { config: { endpoints: {} } })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("endpoints lists no address to listen to"),
  });
  await using speaker = await Speaker.open();
  await using collectd = start("fedmsg-collectd", ["--collectd-interval", "0.1"], { config: speaker.config });
  await untilCounted(speaker, collectd);
  collectd.closeStream("stdout");
  expect(await collectd.ended()).toMatchObject({ code: 0, stderr: "" });
});

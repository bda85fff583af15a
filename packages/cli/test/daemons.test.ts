/** fedmsg-relay and fedmsg-gateway as processes: what they say at their start and end, and what they refuse. */

import { connect } from "fedmsg";
import { expect, test } from "vitest";
import { muted, Speaker } from "./bus.ts";
import { freePort, logOf, type Program, run, start, writeConfig } from "./support.ts";

const any = "tcp://127.0.0.1:*";
const topic = "org.fedoraproject.dev.test.one";
const relayConfig = { relay_inbound: [any, any], endpoints: { relay_outbound: [any] } };

/** The addresses that a daemon names when it has started. */
async function addressesOf(daemon: Program): Promise<{ inbound: string[]; outbound: string }> {
  const [, inbound = "", outbound = ""] = await daemon.untilLogged(/^in (.*), out (\S+)$/);
  return { inbound: inbound.split(", "), outbound };
}

test("the relay names its addresses, forwards byte for byte, refuses with a reason and counts", async () => {
  await using relay = start("fedmsg-relay", [], { config: relayConfig });
  const { inbound, outbound } = await addressesOf(relay);
  expect(inbound).toEqual([expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/), expect.stringMatching(/:\d+$/)]);
  await using bus = await connect({ config: muted([outbound]) });
  const heard = bus.subscribe()[Symbol.asyncIterator]();
  await using speaker = await Speaker.open({ connect: inbound[1] as string });
  const body = `{ "topic" : "${topic}",  "msg": {"f": 1.0} }\n`;
  // Whether the listener is there yet, only its hearing something tells.
  const repeating = setInterval(() => void speaker.say(topic, body), 20);
  const first = (await heard.next()).value;
  clearInterval(repeating);
  expect({ topic: first?.topic, body: Buffer.from(first?.body ?? []).toString() }).toEqual({ topic, body });
  for (let n = 0; n < 3; n++) await speaker.sayFrames("three", "frames", "are too many");
  await speaker.sayFrames(topic, Uint8Array.of(0x7b, 0xff, 0x7d));
  await speaker.sayFrames(topic, "no object");
  await speaker.say("last", "{}");
  await relay.until("stderr", /not-an-object/);
  relay.signal("SIGTERM");
  const { code, signal, stdout, stderr } = await relay.ended();
  expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: "" });
  const logged = logOf(stderr);
  expect(new Set(logged.map(({ name }) => name))).toEqual(new Set(["fedmsg.relay"]));
  const warnings = logged.filter(({ level }) => level === "warn").map(({ msg }) => msg);
  expect(warnings).toContain("refused messages from relay_inbound (frame-count): 2 more");
  expect(warnings[0]).toMatch(
    /^refused messages from relay_inbound \(frame-count\): a message has exactly two frames: found 3/,
  );
  const told = logged.filter(({ level }) => level === "info").map(({ msg }) => msg);
  expect(told).toEqual([
    expect.stringMatching(/^in /),
    expect.stringMatching(
      /^drained; \d+ forwarded, 0 dropped, 5 refused \(frame-count 3, bad-utf8 1, not-an-object 1\)$/,
    ),
  ]);
});

test("the gateway carries what the endpoints say on its port; SIGINT drains it", async () => {
  await using speaker = await Speaker.open();
  const config = {
    ...speaker.config,
    "fedmsg.consumers.gateway.port": 0,
    "fedmsg.consumers.gateway.interface": "127.0.0.1",
  };
  await using gateway = start("fedmsg-gateway", [], { config });
  const { inbound, outbound } = await addressesOf(gateway);
  expect(inbound).toEqual([speaker.endpoint]);
  await using bus = await connect({ config: muted([outbound]) });
  const heard = bus.subscribe()[Symbol.asyncIterator]();
  const repeating = setInterval(() => void speaker.say(topic, { n: 1 }), 20);
  expect((await heard.next()).value?.message).toEqual({ topic, n: 1 });
  clearInterval(repeating);
  gateway.signal("SIGINT");
  const { code, stderr } = await gateway.ended();
  expect(code).toBe(0);
  expect(logOf(stderr).at(-1)).toEqual({
    level: "info",
    name: "fedmsg.gateway",
    msg: expect.stringMatching(/^drained; [1-9]\d* forwarded, 0 dropped, 0 refused$/),
  });
});

test("an address in use is named with its key, its file and its line", async () => {
  await using taken = await Speaker.open();
  const config = (inbound: string, outbound: string, gateway = 1) =>
    writeConfig(
      `endpoints:\n  relay_outbound:\n    - ${outbound}\nrelay_inbound: ${inbound}\n` +
        `fedmsg.consumers.gateway.port: ${gateway}\nfedmsg.consumers.gateway.interface: 127.0.0.1\n`,
    );
  const inbound = config(taken.endpoint, any);
  expect(await run("fedmsg-relay", ["--config-filename", inbound])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`relay_inbound[0] (from ${inbound}:4): ${taken.endpoint} is in use`),
  });
  const outbound = config(any, taken.endpoint);
  expect(await run("fedmsg-relay", ["--config-filename", outbound])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/endpoints\.relay_outbound.*in use/),
  });
  const gateway = config(any, "tcp://127.0.0.1:1", Number(taken.endpoint.split(":")[2]));
  expect(await run("fedmsg-gateway", ["--config-filename", gateway])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`fedmsg.consumers.gateway.port (from ${gateway}:5): ${taken.endpoint} is in use`),
  });
});

test("a gateway that nobody is listed for says so", async () => {
  expect(await run("fedmsg-gateway", [], { config: { endpoints: {} } })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("endpoints lists no address to listen to"),
  });
});

test("a second signal ends it at once, with messages on their way", async () => {
  await using relay = start("fedmsg-relay", [], { config: relayConfig });
  const { inbound } = await addressesOf(relay);
  await using speaker = await Speaker.open({ connect: inbound[0] as string });
  await speaker.subscribed();
  // A publisher that never pauses keeps it draining for a second.
  const talking = setInterval(() => void speaker.say(topic, {}).catch(() => {}), 1);
  relay.signal("SIGTERM");
  relay.signal("SIGINT"); // Which of two that are pending comes first is up to the kernel.
  const { code, stderr } = await relay.ended().finally(() => clearInterval(talking));
  expect([130, 143]).toContain(code);
  expect(stderr).not.toContain("drained");
});

test("the same signal a moment later is the same Ctrl-C: npm passes on what its child got already", async () => {
  await using relay = start("fedmsg-relay", [], { config: relayConfig });
  await addressesOf(relay);
  relay.signal("SIGINT");
  relay.signal("SIGINT");
  expect(await relay.ended()).toMatchObject({ code: 0, stderr: expect.stringContaining("drained; 0 forwarded") });
});

test("it goes on where nobody reads its log", async () => {
  const port = await freePort();
  const config = { relay_inbound: [`tcp://127.0.0.1:${port}`], endpoints: { relay_outbound: [any] } };
  await using relay = start("fedmsg-relay", [], { config });
  await addressesOf(relay);
  relay.closeStream("stderr");
  await using speaker = await Speaker.open({ connect: `tcp://127.0.0.1:${port}` });
  await speaker.sayFrames("one frame, which is refused and logged");
  await speaker.subscribed();
  relay.signal("SIGTERM");
  expect((await relay.ended()).code).toBe(0);
});

/** `fedmsg/testing`: what it promises to people who test programs of their own. */

import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { codeOf, collect, expectNoLeaks, pkiFolder, signedConfig, withTimeout } from "@fedmsg/testkit";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { connect } from "../bus/bus.ts";
import { type ConfigInput, completeConfig } from "../config/index.ts";
import { createTestBus } from "./test-bus.ts";

expectNoLeaks();

/** The error of a promise that must reject. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  const answer = await promise.then(
    () => "it resolved",
    (error: Error) => error.message,
  );
  return answer;
}

describe("publishing and hearing", () => {
  test("what code under test publishes is there when its publish has resolved, in order, and is claimed once", async () => {
    await using bus = await createTestBus();
    const mine = await bus.connect("builder");
    for (const id of [1, 2, 3]) await mine.publish({ topic: "done", modname: "builds", msg: { id } });
    expect(bus.published.map(({ topic, msg }) => [topic, msg])).toEqual(
      [1, 2, 3].map((id) => ["org.fedoraproject.dev.builds.done", { id }]),
    );
    const isOdd = (msg: { id: number }) => msg.id % 2 === 1;
    expect((await bus.expectPublished("builds.done", isOdd)).msg).toEqual({ id: 1 });
    expect((await bus.expectPublished("org.fedoraproject.dev.builds.done", isOdd)).msg).toEqual({ id: 3 });
    expect((await bus.expectPublished("builds.#")).message).toMatchObject({ msg: { id: 2 }, i: 2 });
    await bus.expectNothingPublished();
  });

  test("code that opens its bus by itself, with the configuration alone, is on the same bus", async () => {
    await using bus = await createTestBus({
      config: { environment: "stg", endpoints: { "own.host": "tcp://nobody:1" } },
    });
    const own = await connect({ name: "own.host", config: bus.config });
    const heard = own.subscribe({ topics: ["org.fedoraproject.stg.#"] });
    await heard.opened;
    await bus.publish({ topic: "git.receive", msg: { n: 1 }, username: "ralph", timestamp: 7 });
    await own.publish({ topic: "x", modname: "y" });
    const [said, answered] = await collect(heard, 2);
    expect(said?.message).toMatchObject({ msg: { n: 1 }, username: "ralph", timestamp: 7, msg_id: expect.any(String) });
    expect(said?.topic).toBe("org.fedoraproject.stg.git.receive");
    expect(answered?.topic).toBe("org.fedoraproject.stg.y.x");
    await own.close();
  });

  test("two test buses have nothing to do with each other", async () => {
    await using one = await createTestBus();
    await using two = await createTestBus();
    const heard = (await two.connect()).subscribe();
    await heard.opened;
    await one.publish({ topic: "a.b" });
    await two.publish({ topic: "c.d" });
    expect((await collect(heard, 1))[0]?.topic).toBe("org.fedoraproject.dev.c.d");
    expect(one.published.map(({ topic, byTest }) => [topic, byTest])).toEqual([["org.fedoraproject.dev.a.b", true]]);
  });

  test("messages are signed and validated where the configuration asks for it", async () => {
    const { ssldir, ca_cert_location, certname } = signedConfig();
    const keys = { sign_messages: true, validate_signatures: true, ssldir, ca_cert_location, certname };
    await using bus = await createTestBus({ config: { ...keys, ca_cert_cache: `${pkiFolder}ca.crt` } });
    expect(bus.config.ca_cert_cache).toBeNull();
    const mine = await bus.connect();
    const heard = mine.subscribe();
    await heard.opened;
    await bus.publish({ topic: "one.x", signature: "forged" });
    await bus.publish({ topic: "two.x" });
    await mine.publish({ topic: "x", modname: "three" });
    const [first, second] = await collect(heard, 2);
    expect([first, second].map((received) => [received?.topic.split(".")[3], received?.trust])).toEqual([
      ["two", "signed"],
      ["three", "signed"],
    ]);
  });
});

test("whatever configuration it is given, nothing of it leads out of the process and its folder", async () => {
  const production = completeConfig({
    ...{ environment: "prod", transport: "libzmq", active: false, mute: true, zmq_enabled: false, "own.key": [7] },
    ...{
      relay_inbound: ["tcp://relay:2003"],
      relay_confirm: ["tcp://relay:2004"],
      relay_outbound: ["tcp://relay:4001"],
    },
    ...{
      endpoints: { "bodhi.app01": ["tcp://app01:3000"] },
      srv_endpoints: ["example.org"],
      outbox: "sqlite:/x/{name}.db",
    },
    ...{ replay_endpoints: { relay: "tcp://relay:4002" }, persistent_store: "sqlite:/x/{name}-{port}.db" },
    ...{ cursor_store: "sqlite:/x/{name}.db", "moksha.monitoring.socket": "ipc:///x", metrics_port: 1 },
    ...{ consumers: ["./x.ts"], explicit_hub_consumers: ["./x.ts"], "fedmsg.consumers.relay.enabled": true },
    validate_signatures: false,
  });
  await using bus = await createTestBus({ config: production });
  const { endpoints, relay_inbound, cursor_store, ...others } = bus.config;
  expect(Object.keys(endpoints).sort()).toEqual(["bodhi.app01", "relay_outbound"]);
  for (const address of [...relay_inbound, ...(endpoints.relay_outbound ?? [])])
    expect(address).toMatch(/^tcp:..127\./);
  expect(cursor_store).toContain(tmpdir());
  expect(others).toMatchObject({ environment: "prod", "own.key": [7], transport: "memory", active: true, mute: false });
  expect(others).toMatchObject({ outbox: null, persistent_store: null, relay_confirm: [], explicit_hub_consumers: [] });
  for (const key of ["replay_endpoints", "srv_endpoints", "metrics_port", "moksha.monitoring.socket", "consumers"]) {
    expect(others).not.toHaveProperty([key]);
  }
  await (await bus.connect("bodhi.app01")).publish({ topic: "b", modname: "a" });
  await bus.expectPublished("org.fedoraproject.prod.a.b");
});

describe("expectPublished", () => {
  const schema = v.object({ name: v.string(), size: v.pipe(v.string(), v.transform(Number)) });

  test("waits for what comes later, and gives what the schema made of the message, with its type", async () => {
    await using bus = await createTestBus();
    const mine = await bus.connect();
    const expected = bus.expectPublished("a.*", schema);
    await mine.publish({ topic: "b", modname: "a", msg: { name: "x" } });
    await mine.publish({ topic: "b", modname: "a", msg: { name: "y", size: "12" } });
    const { msg } = await expected;
    const size: number = msg.size;
    expect([msg.name, size]).toEqual(["y", 12]);
  });

  test("says what there was instead, and why each message was not the one, escaped and within bounds", async () => {
    await using bus = await createTestBus();
    const mine = await bus.connect();
    await bus.publish({ topic: "a.b", msg: "what the test says does not count" });
    for (let n = 0; n < 30; n++) await mine.publish({ topic: "many", modname: "x" });
    await mine.publish({ topic: "b", modname: "a", msg: { name: 7, evil: `\x1b[2J${"z".repeat(10_000)}` } });
    const failure = await failureOf(bus.expectPublished("a.b", schema, { timeoutMs: 1 }));
    expect(failure).toMatch(/^expectPublished\('a\.b'\): no such message within 1 ms; what was published:\n/);
    expect(failure).toMatch(/x\.many \{\}: its topic is another\n/);
    expect(failure).toMatch(
      /a\.b \{ evil: .* name: 7 \}: msg\.name: Invalid type: Expected string but received 7; msg\.size: .*\n/,
    );
    expect(failure).toMatch(/\n {2}… and 11 before these$/);
    expect(failure).not.toContain("\x1b");
    expect(failure.length).toBeLessThan(20_000);
    expect(await codeOf(bus.expectPublished("a.b", () => false, { timeoutMs: 1 }))).toBe("FEDMSG_EXPECTATION");
    const throws = bus.expectPublished("a.b", () => Promise.reject(new Error("not\nso")), { timeoutMs: 1 });
    expect(await failureOf(throws)).toContain(": not\\nso");
    expect(await failureOf(bus.expectPublished("a.b", (msg) => msg.none.none, { timeoutMs: 1 }))).toContain(
      "undefined",
    );
  });

  test("a plain text is one topic, not a prefix, and nothing at all is said to be nothing", async () => {
    await using bus = await createTestBus();
    const nothing = await failureOf(bus.expectPublished("a", undefined, { timeoutMs: 1 }));
    expect(nothing).toMatch(/nothing at all was published$/);
    await (await bus.connect()).publish({ topic: "bc", modname: "a" });
    expect(await failureOf(bus.expectPublished("a.b", undefined, { timeoutMs: 1 }))).toContain("its topic is another");
  });

  test("two that wait for the same get two messages", async () => {
    await using bus = await createTestBus();
    const mine = await bus.connect();
    const slowly = async (msg: { n: number }) => msg.n > 0;
    const both = Promise.all([bus.expectPublished("a.b", slowly), bus.expectPublished("a.b", slowly)]);
    for (const n of [1, 2]) await mine.publish({ topic: "b", modname: "a", msg: { n } });
    expect((await both).map(({ msg }) => msg.n).sort()).toEqual([1, 2]);
  });

  test("expectNothingPublished shows what there is, before the call or shortly after it", async () => {
    await using bus = await createTestBus();
    const mine = await bus.connect();
    await mine.publish({ topic: "b", modname: "a", msg: { n: 1 } });
    await bus.expectNothingPublished("other.#");
    expect(await failureOf(bus.expectNothingPublished("a.#"))).toMatch(
      /found org\.fedoraproject\.dev\.a\.b \{ n: 1 \}$/,
    );
    const later = failureOf(bus.expectNothingPublished("late.#", { withinMs: 10_000 }));
    await mine.publish({ topic: "b", modname: "late" });
    expect(await withTimeout(later, "the failure")).toContain("late.b");
  });
});

describe("closing", () => {
  test("ends what waits, what was opened and what was kept; twice is as good as once", async () => {
    const bus = await createTestBus();
    const mine = await bus.connect();
    const folder = dirname(String(bus.config.cursor_store).slice("sqlite:".length));
    const waiting = codeOf(bus.expectPublished("a.b"));
    const hoping = codeOf(bus.expectNothingPublished("a.b", { withinMs: 60_000 }));
    await Promise.all([bus.close(), bus.close()]);
    expect(await waiting).toBe("FEDMSG_CLOSED");
    expect(await hoping).toBe("FEDMSG_CLOSED");
    await withTimeout(mine.closed, "the end of the bus");
    expect(() => readdirSync(folder)).toThrow(/ENOENT/);
    expect(await codeOf(bus.connect())).toBe("FEDMSG_CLOSED");
    expect(await codeOf(bus.publish({ topic: "a" }))).toBe("FEDMSG_CLOSED");
  });

  test("no server is asked for certificates: a URL is refused where signatures are validated", async () => {
    const url = "https://example.org/ca.crt";
    const refused = (config: ConfigInput) =>
      codeOf(createTestBus({ config: { validate_signatures: true, ...config } }));
    expect(await refused({ ca_cert_location: url })).toBe("FEDMSG_CONFIG_INVALID");
    expect(await refused({ crl_location: url })).toBe("FEDMSG_CONFIG_INVALID");
    await using bus = await createTestBus({ config: { ca_cert_location: url, crl_location: url } });
    expect(bus.config.validate_signatures).toBe(false);
  });

  test("a configuration that is wrong is told, and nothing is left behind", async () => {
    expect(await codeOf(createTestBus({ config: { environment: "not good" } }))).toBe("FEDMSG_CONFIG_INVALID");
    const unsigned = createTestBus({ config: { sign_messages: true, ssldir: "/none", certname: "none" } });
    expect(await codeOf(unsigned)).toBe("FEDMSG_CREDENTIALS");
  });
});

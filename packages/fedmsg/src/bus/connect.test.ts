import { anyAddress, codeOf, everyTransport, expectNoLeaks, Sockets, take, testConfig } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { shortHostname } from "../config/environment.ts";
import { createMemoryTransport } from "../transport/memory/index.ts";
import { connect } from "./bus.ts";

expectNoLeaks();

describe.each(everyTransport)("a passive bus over %s", (_, makeTransport) => {
  test("listens on the first free address of its name", async () => {
    const transport = await makeTransport();
    const free = await new Sockets(transport).freeAddress();
    const config = testConfig({ endpoints: { app: [free, anyAddress] } });
    await using first = await connect({ name: "app", config, transport });
    await using second = await connect({ name: "app", config, transport });
    expect(first.endpoint).toBe(free);
    expect(second.endpoint).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(second.endpoint).not.toBe(free);
  });

  test("that finds all its addresses in use says which, and takes none", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const addresses = [(await sockets.listening())[1], (await sockets.listening())[1]];
    const config = testConfig({ endpoints: { "app.host01": addresses, other: [anyAddress] } });
    const refused = connect({ name: "app.host01", config, transport });
    expect(await codeOf(refused)).toBe("FEDMSG_NO_ENDPOINT");
    await expect(refused).rejects.toThrow(`endpoints["app.host01"]: ${addresses.join(", ")} are all in use`);
  });

  test("gives its address back when it is closed", async () => {
    const transport = await makeTransport();
    const config = testConfig({ endpoints: { app: [await new Sockets(transport).freeAddress()] } });
    for (const end of ["close", "drain", "close"] as const) {
      const bus = await connect({ name: "app", config, transport });
      expect(bus.endpoint).toBe(config.endpoints.app?.[0]);
      await bus[end]();
    }
  });

  test("whose host is another machine listens on every interface, and says so", async () => {
    const transport = await makeTransport();
    for (const host of ["192.0.2.1", "no-such-host.invalid"]) {
      const config = testConfig({ endpoints: { app: [`tcp://${host}:*`] } });
      await using bus = await connect({ name: "app", config, transport });
      expect(bus.endpoint).toMatch(/^tcp:\/\/(?:\*|0\.0\.0\.0):\d+$/);
      const event = await take(bus.status());
      expect(event).toMatchObject({ type: "listening", name: "app", endpoint: bus.endpoint });
      expect(event).toHaveProperty("note", expect.stringContaining(`${host} (tcp://${host}:*) is no address of this`));
    }
  });

  test("whose host is a name of this machine listens there and nowhere else", async () => {
    const transport = await makeTransport();
    const config = testConfig({ endpoints: { app: ["tcp://localhost:*"] } });
    await using bus = await connect({ name: "app", config, transport });
    expect(bus.endpoint).toMatch(/^tcp:\/\/(?:127\.0\.0\.1|\[::1\]):\d+$/);
    expect(await take(bus.status())).toEqual({ type: "listening", name: "app", endpoint: bus.endpoint });
  });
});

describe("connect", () => {
  const transport = createMemoryTransport();

  test("does not mind a name that is not listed; publishing does, and says what is listed", async () => {
    const config = testConfig({ endpoints: { one: ["tcp://127.0.0.1:1"], two: ["tcp://127.0.0.1:2"] } });
    await using bus = await connect({ name: "three", config, transport });
    expect(bus.endpoint).toBeUndefined();
    const refused = bus.publish({ topic: "t", msg: {} });
    expect(await codeOf(refused)).toBe("FEDMSG_NO_ENDPOINT");
    await expect(refused).rejects.toThrow(
      /^endpoints\["three"\] lists no address to publish from \(listed: "one", "two"\); .*active: true/,
    );
    expect(await codeOf(bus.subscribed())).toBe("FEDMSG_NO_ENDPOINT");
  });

  test("is called as the caller's package and the host, as the configuration says, or as the caller says", async () => {
    const host = shortHostname();
    await using byCaller = await connect({ config: testConfig(), transport });
    await using byConfig = await connect({ config: testConfig({ name: "configured" }), transport });
    await using byOption = await connect({ name: "given", config: testConfig({ name: "configured" }), transport });
    expect([byCaller.name, byConfig.name, byOption.name]).toEqual([`fedmsg.${host}`, "configured", "given"]);
  });

  test("takes no address for a bus that is mute, which refuses to publish", async () => {
    const config = testConfig({ endpoints: { app: ["tcp://127.0.0.1:3000"] }, mute: true });
    await using bus = await connect({ name: "app", config, transport });
    expect(bus.endpoint).toBeUndefined();
    const refused = bus.publish({ topic: "t", msg: {} });
    expect(await codeOf(refused)).toBe("FEDMSG_NO_ENDPOINT");
    await expect(refused).rejects.toThrow("mute: true");
  });

  test("without ZeroMQ there is nothing to publish on or subscribe to", async () => {
    const config = testConfig({ endpoints: { app: [anyAddress] }, zmq_enabled: false });
    await using bus = await connect({ name: "app", config, transport });
    expect(await codeOf(bus.publish({ topic: "t", msg: {} }))).toBe("FEDMSG_UNSUPPORTED");
    expect(() => bus.subscribe()).toThrow(expect.objectContaining({ code: "FEDMSG_UNSUPPORTED" }));
  });

  test("refuses an address that is wrong, and a relay that is not listed", async () => {
    const wrong = testConfig({ endpoints: { app: ["tcp://127.0.0.1:3000x"] } });
    expect(await codeOf(connect({ name: "app", config: wrong, transport }))).toBe("FEDMSG_ADDRESS_INVALID");
    const noRelay = testConfig({ active: true, relay_inbound: [] });
    expect(await codeOf(connect({ config: noRelay, transport }))).toBe("FEDMSG_NO_ENDPOINT");
  });

  test("completes a configuration that is given in part", async () => {
    const config = { endpoints: { app: ["tcp://127.0.0.1:3500"] }, environment: "stg" };
    await using bus = await connect({ name: "app", config, transport });
    expect(bus.config).toMatchObject({ ...config, topic_prefix: "org.fedoraproject" });
    expect(bus.endpoint).toBe("tcp://127.0.0.1:3500");
  });
});

describe("a signal given to connect", () => {
  const config = testConfig({ endpoints: { app: [anyAddress] } });

  test("that has fired refuses, one that fires meanwhile, too, and no address stays taken", async () => {
    const transport = createMemoryTransport();
    const address = "tcp://127.0.0.1:3600";
    const taken = testConfig({ endpoints: { app: [address] } });
    const fired = connect({ name: "app", config: taken, transport, signal: AbortSignal.abort() });
    expect(await codeOf(fired)).toBe("FEDMSG_ABORTED");
    const controller = new AbortController();
    const firing = connect({ name: "app", config: taken, transport, signal: controller.signal });
    controller.abort();
    expect(await codeOf(firing)).toBe("FEDMSG_ABORTED");
    await using bus = await connect({ name: "app", config: taken, transport });
    expect(bus.endpoint).toBe(address);
  });

  test("closes the bus when it fires", async () => {
    const controller = new AbortController();
    const transport = createMemoryTransport();
    const bus = await connect({ name: "app", config, transport, signal: controller.signal });
    controller.abort();
    await bus.closed;
    expect(await codeOf(bus.publish({ topic: "t", msg: {} }))).toBe("FEDMSG_CLOSED");
  });
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  anyAddress,
  codeOf,
  collect,
  eventually,
  expectNoLeaks,
  Sockets,
  take,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { shortHostname } from "../config/environment.ts";
import { createTransport } from "../transport/create.ts";
import { connect } from "./bus.ts";
import { destroy, init, publish, tailMessages } from "./default-bus.ts";
import type { StatusEvent } from "./status.ts";

/** The functions read the configuration of the machine, so the tests give them one of their own. */
let folder: string;
let files = 0;
const keysByDefault = { endpoints: {}, post_init_sleep: 0, validate_signatures: false };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmsg-"));
});
afterAll(() => rm(folder, { recursive: true }));
expectNoLeaks();
afterEach(destroy); // The last hook comes first.

/** Takes a new file each time, as a process reads each only once. */
async function configure(keys: object): Promise<void> {
  process.env.FEDMSG_CONFIG = join(folder, `${++files}.json`);
  await writeFile(process.env.FEDMSG_CONFIG, JSON.stringify({ ...keysByDefault, ...keys }));
}

const ownName = `fedmsg.${shortHostname()}`;

/** Both transports, as the configuration names them. */
describe.each(["memory", "zmtp", "libzmq"] as const)("the default bus over %s", (transport) => {
  const openSockets = async () => new Sockets(await createTransport(testConfig({ transport })));

  test("opens by itself under the caller's name, and again after destroy()", async () => {
    await using sockets = await openSockets();
    const address = await sockets.freeAddress();
    await configure({ transport, endpoints: { [ownName]: [address] } });
    for (let n = 0; n < 2; n++) {
      const inbox = sockets.inbox(address, { reconnectMs: 10 });
      const body = inbox.bodies(1);
      const bus = await init();
      expect(bus).toMatchObject({ name: ownName, endpoint: address });
      await withTimeout(bus.subscribed(), "the subscription");
      const receipt = await publish({ topic: "testing", modname: "test", msg: { test: "Hello World" } });
      expect(receipt.i).toBe(1);
      expect(JSON.parse((await body)[0] as string)).toMatchObject({ ...receipt, msg: { test: "Hello World" } });
      await destroy();
      await inbox.socket.close();
    }
  });

  test("tailMessages hears what publish says", async () => {
    await using sockets = await openSockets();
    const address = await sockets.freeAddress();
    await configure({ transport, endpoints: { [ownName]: [address] }, zmq_reconnect_ivl: 10 });
    const messages = tailMessages();
    const first = messages.next();
    const bus = await init();
    await withTimeout(bus.subscribed(), "the subscription");
    await publish({ topic: "testing", modname: "test", msg: { test: "Hello World" } });
    expect((await first).value).toMatchObject({
      name: ownName,
      endpoint: address,
      topic: "org.fedoraproject.dev.test.testing",
      message: { msg: { test: "Hello World" } },
    });
    await messages.return?.();
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  test("tailMessages tells what it refuses to whoever asks", async () => {
    await using sockets = await openSockets();
    const [publisher, address] = await sockets.listening();
    await configure({ transport, endpoints: { app: [address] }, validate_signatures: true });
    const refused = new Promise<StatusEvent>((resolve) => {
      const onEvent = (event: StatusEvent) => event.type === "invalid" && resolve(event);
      const tail = tailMessages({ onEvent });
      void tail.next();
      onTestFinished(async () => void (await tail.return?.()));
    });
    await withTimeout(publisher.subscribed(), "the subscription");
    await publisher.send(toFrames("t", '{"topic":"t"}'));
    expect(await withTimeout(refused, "the refusal")).toMatchObject({ name: "app", topic: "t", reason: "unsigned" });
  });

  test("tailMessages({passive}) listens where publishers are told to connect", async () => {
    await using sockets = await openSockets();
    const address = await sockets.freeAddress();
    await configure({ transport });
    const controller = new AbortController();
    const messages = tailMessages({
      topic: ["a.#", "b"],
      passive: true,
      endpoints: { x: address },
      signal: controller.signal,
    });
    const publisher = sockets.publisher({ awaitSubscriber: true, reconnectMs: 10 });
    publisher.connect(address);
    await withTimeout(publisher.subscribed("b"), "the subscription");
    for (const topic of ["a", "c", "a.1", "bb"]) await publisher.send(toFrames(topic, `{"topic":"${topic}"}`));
    expect((await collect(messages, 3)).map(({ topic }) => topic)).toEqual(["a", "a.1", "bb"]);
    const next = messages.next();
    controller.abort();
    expect(await withTimeout(next, "the end")).toEqual({ done: true, value: undefined });
  });
});

describe("init", () => {
  test("may be called once until destroy()", async () => {
    const config = testConfig({ transport: "memory" });
    const bus = await init({ name: "one", config });
    expect(bus.name).toBe("one");
    expect(await codeOf(init({ config }))).toBe("FEDMSG_ALREADY_INITIALIZED");
    await destroy();
    expect((await init({ name: "two", config })).name).toBe("two");
  });

  test("that failed may be called again; a bus that was closed opens again", async () => {
    const bad = testConfig({ transport: "memory", active: true, relay_inbound: [] });
    expect(await codeOf(init({ config: bad }))).toBe("FEDMSG_NO_ENDPOINT");
    const bus = await init({ config: testConfig({ transport: "memory" }) });
    await bus.close();
    await eventually(
      async () => (await init({ config: testConfig({ transport: "memory" }) }).catch(() => null)) !== null,
      "open again",
    );
  });

  test("destroy() without a bus does nothing", async () => {
    await Promise.all([destroy(), destroy()]);
  });
});

describe("publish", () => {
  test("with a name takes a bus of that name, which keeps its own count and stays open", async () => {
    await configure({ transport: "memory", endpoints: { [ownName]: [anyAddress], "svc.x": [anyAddress] } });
    expect((await publish({ topic: "t", modname: "m" })).i).toBe(1);
    expect((await publish({ topic: "t", modname: "m", name: "svc.x" })).i).toBe(1);
    expect((await publish({ topic: "t", modname: "m" })).i).toBe(2);
    expect((await publish({ topic: "t", modname: "m", name: "svc.x" })).i).toBe(2);
    await destroy();
    expect((await publish({ topic: "t", modname: "m", name: "svc.x" })).i).toBe(1);
  });

  test("with keys of the configuration is a bus with these; those given as undefined are not given", async () => {
    await configure({ transport: "memory", endpoints: { [ownName]: [anyAddress, anyAddress] } });
    const stg = await publish({ topic: "t", modname: "m", environment: "stg", topic_prefix: "com.example" });
    expect(stg).toMatchObject({ topic: "com.example.stg.m.t", i: 1 });
    expect((await publish({ topic: "t", modname: "m" })).topic).toBe("org.fedoraproject.dev.m.t");
    const undefinedName = { topic: "t", modname: "m", name: undefined, environment: undefined };
    expect((await publish(undefinedName as never)).i).toBe(2);
  });

  test("beside a bus that init() opened has its configuration and name, but for what is given", async () => {
    await configure({ transport: "memory" });
    const endpoints = { mine: [anyAddress, anyAddress], other: [anyAddress] };
    const config = testConfig({ transport: "memory", endpoints, topic_prefix: "com.example" });
    await init({ name: "mine", config });
    const other = await publish({ topic: "t", modname: "m", name: "other" });
    expect(other).toMatchObject({ topic: "com.example.dev.m.t", i: 1 });
    const stg = await publish({ topic: "t", modname: "m", environment: "stg" });
    expect(stg).toMatchObject({ topic: "com.example.stg.m.t", i: 1 });
    expect((await publish({ topic: "t", modname: "m" })).i).toBe(1);
  });

  test("tells what is wrong: a key's value, an address that is not listed", async () => {
    await configure({ transport: "memory" });
    expect(await codeOf(publish({ topic: "t", environment: "no spaces" }))).toBe("FEDMSG_CONFIG_INVALID");
    expect(await codeOf(publish({ topic: "t", name: "nobody" }))).toBe("FEDMSG_NO_ENDPOINT");
    await configure({ transport: "memory", environment: "no spaces" });
    expect(await codeOf(publish({ topic: "t" }))).toBe("FEDMSG_CONFIG_INVALID");
    await configure({ transport: "memory", endpoints: { [ownName]: [anyAddress] } });
    expect((await publish({ topic: "t" })).i).toBe(1);
  });

  test("keeps the order of calls that were made before it was open", async () => {
    await using sockets = new Sockets(await createTransport(testConfig({ transport: "memory" })));
    const address = await sockets.freeAddress();
    await configure({ transport: "memory", endpoints: { [ownName]: [address] }, post_init_sleep: 0.3 });
    const inbox = sockets.inbox(address);
    const receipts = await Promise.all([1, 2, 3, 4, 5].map((n) => publish({ topic: "t", msg: { n } })));
    expect(receipts.map(({ i }) => i)).toEqual([1, 2, 3, 4, 5]);
    expect((await inbox.bodies(5)).map((body) => JSON.parse(body).msg.n)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("tailMessages", () => {
  test("takes keys of the configuration, and those of the default bus where it is open", async () => {
    await configure({ transport: "memory" });
    const bus = await init({
      name: "app",
      config: testConfig({ transport: "memory", endpoints: { app: [anyAddress] } }),
    });
    const messages = tailMessages({ topic: "org", endpoints: { app: [bus.endpoint as string] } });
    await bus.subscribed("org.fedoraproject");
    await publish({ topic: "t", modname: "m", msg: { a: 1 } });
    expect((await take(messages)).message.msg).toEqual({ a: 1 });
    await messages.return?.();
  });

  test("fails at the first step, with what is wrong", async () => {
    await configure({ transport: "memory" });
    expect(await codeOf(tailMessages({ environment: "no spaces" }).next())).toBe("FEDMSG_CONFIG_INVALID");
    expect(await codeOf(tailMessages({ zmq_enabled: false }).next())).toBe("FEDMSG_UNSUPPORTED");
    await using bus = await connect({
      name: "app",
      config: testConfig({ transport: "memory", endpoints: { app: [anyAddress] } }),
    });
    const inUse = tailMessages({ passive: true, endpoints: { app: [bus.endpoint as string] } });
    expect(await codeOf(inUse.next())).toBe("FEDMSG_ADDRESS_IN_USE");
  });

  test("never listens on the addresses it hears of by that name", async () => {
    await configure({ transport: "memory", endpoints: { [ownName]: [anyAddress] } });
    const messages = tailMessages({ name: ownName, endpoints: { [ownName]: ["tcp://127.0.0.1:4321"] } });
    const next = messages.next();
    await using bus = await connect({
      name: ownName,
      config: testConfig({ transport: "memory", endpoints: { [ownName]: ["tcp://127.0.0.1:4321"] } }),
    });
    await bus.subscribed();
    await bus.publish({ topic: "t" });
    expect((await next).value?.endpoint).toBe("tcp://127.0.0.1:4321");
    await messages.return?.();
  });
});

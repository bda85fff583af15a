/** Messages that are signed, and what becomes of those that are not. */
import { once } from "node:events";
import { copyFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import {
  anyAddress,
  codeOf,
  collect,
  eventually,
  everyTransport,
  expectNoLeaks,
  pkiFolder,
  Sockets,
  signedConfig,
  take,
  takeUntil,
  tempFolder,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { shortHostname } from "../config/environment.ts";
import type { ConfigInput } from "../config/index.ts";
import { createSigner } from "../crypto/index.ts";
import { canonicalize } from "../encoding.ts";
import type { Transport } from "../transport/transport.ts";
import { connect } from "./bus.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

const topic = "org.fedoraproject.dev.test.t";

/** A stranger who says what it is told, and a bus that listens to it under `keys`. */
async function hearing(transport: Transport, keys: ConfigInput = {}) {
  const sockets = new Sockets(transport);
  const [stranger, address] = await sockets.listening();
  const config = signedConfig({ endpoints: { stranger: [address] }, mute: true, ...keys });
  const bus = await connect({ config, transport });
  const events: StatusEvent[] = [];
  const told = (async () => {
    for await (const event of bus.status()) events.push(event);
  })();
  const subscription = bus.subscribe();
  await withTimeout(stranger.subscribed(), "the subscription");
  return {
    bus,
    events,
    subscription,
    say: (body: string, on = topic) => stranger.send(toFrames(on, body)),
    async [Symbol.asyncDispose]() {
      await bus.close();
      await told;
      await sockets[Symbol.asyncDispose]();
    },
  };
}

/** The text of a signed message. */
async function sign(message: object, keys: ConfigInput = {}): Promise<string> {
  return (await createSigner(signedConfig(keys))).encodeSigned({ topic, ...message });
}

const now = () => Math.floor(Date.now() / 1000);

describe.each(everyTransport)("signatures over %s", (_, makeTransport) => {
  test("what is published is signed, and what is received says by whom", async () => {
    const transport = await makeTransport();
    await using publisher = await connect({
      config: signedConfig({ endpoints: { app: [anyAddress] } }),
      name: "app",
      transport,
    });
    const config = signedConfig({ endpoints: { app: [publisher.endpoint as string] }, mute: true });
    await using listener = await connect({ config, transport });
    const subscription = listener.subscribe();
    await withTimeout(publisher.subscribed(), "the subscription");
    const receipt = await publisher.publish({ topic: "t", modname: "test", msg: { ü: [1.5, "\ud83d\ude00"] } });
    const received = await take(subscription);
    expect(received).toMatchObject({ topic: receipt.topic, trust: "signed", signer: "shell-vm.example.org" });
    expect(received.message).toMatchObject({ msg_id: receipt.msg_id, crypto: "x509", msg: { ü: [1.5, "😀"] } });
    expect(canonicalize(received.body)).toBe(Buffer.from(received.body).toString());
  });

  test("what is not as it was signed is refused, counted and told; the others come, in their order", async () => {
    await using heard = await hearing(await makeTransport());
    const good = await sign({ i: 1, msg: { a: 1 } });
    await heard.say(good.replace('"a":1', '"a":2'));
    await heard.say(JSON.stringify({ topic, i: 2 }));
    await heard.say(await sign({ i: 3, topic: "org.fedoraproject.dev.test.other" }));
    await heard.say(await sign({ i: 4 }, { certname: "fake-vm" }));
    await heard.say(JSON.stringify(JSON.parse(good), null, 1)); // As a Python relay re-spaces it.
    await heard.say(await sign({ i: 5 }, { certname: "relay-vm" }));
    const received = await collect(heard.subscription, 2);
    expect(received.map(({ message, trust, signer }) => [message.i, trust, signer])).toEqual([
      [1, "signed", "shell-vm.example.org"],
      [5, "signed", "relay-vm.example.org"],
    ]);
    const invalid = { "signature-mismatch": 1, unsigned: 1, "topic-mismatch": 1, "certificate-untrusted": 1 };
    expect(heard.bus.counts).toMatchObject({ received: 2, invalid, duplicates: 0 });
    const told = heard.events.filter((event) => event.type === "invalid");
    expect(told.map(({ reason }) => reason).sort()).toEqual(Object.keys(invalid).sort());
  });

  test("routing_policy says who may speak on a topic", async () => {
    const keys = { routing_policy: { [topic]: ["relay-vm.example.org"] }, routing_nitpicky: true };
    await using heard = await hearing(await makeTransport(), keys);
    await heard.say(await sign({ i: 1 }));
    await heard.say(await sign({ i: 2, topic: "org.other" }), "org.other");
    await heard.say(await sign({ i: 3 }, { certname: "relay-vm" }));
    expect((await take(heard.subscription)).message.i).toBe(3);
    expect(heard.bus.counts.invalid).toEqual({ "signer-refused": 1, "topic-not-listed": 1 });
  });

  test("allow_unsigned lets unsigned messages on its topics through, marked, and no others", async () => {
    await using heard = await hearing(await makeTransport(), { allow_unsigned: ["org.open.#"] });
    await heard.say(JSON.stringify({ topic }));
    await heard.say(JSON.stringify({ topic: "org.open.a", signature: "AAAA", certificate: "AAAA" }), "org.open.a");
    await heard.say(JSON.stringify({ topic: "org.open.b" }), "org.open.b");
    await heard.say(await sign({ topic: "org.open.c" }), "org.open.c");
    const received = await collect(heard.subscription, 2);
    expect(received.map(({ topic: on, trust, signer }) => [on, trust, signer])).toEqual([
      ["org.open.b", "unsigned", undefined],
      ["org.open.c", "signed", "shell-vm.example.org"],
    ]);
    expect(heard.bus.counts.invalid).toEqual({ unsigned: 1, "certificate-malformed": 1 });
  });

  test("replay_window: a second copy is a duplicate for each subscription, and what is old is refused", async () => {
    await using heard = await hearing(await makeTransport(), { replay_window: 60 });
    const other = heard.bus.subscribe();
    const first = await sign({ i: 1, msg_id: "a", timestamp: now() });
    await eventually(async () => {
      await heard.say(first); // Until both are connected.
      return heard.bus.counts.received >= 2;
    }, "both hear it");
    await heard.say(await sign({ i: 2, msg_id: "b", timestamp: now() - 100 }));
    await heard.say(await sign({ i: 3, msg_id: "c", timestamp: now() + 100 }));
    await heard.say(await sign({ i: 4, msg_id: "a", timestamp: now() })); // An id alone is nobody's.
    for (const subscription of [heard.subscription, other]) {
      expect((await collect(subscription, 2)).map(({ message }) => message.i)).toEqual([1, 4]);
    }
    expect(heard.bus.counts.invalid).toEqual({ "too-old": 2, "too-new": 2 });
    expect(heard.events.filter(({ type }) => type === "duplicate").length).toBe(heard.bus.counts.duplicates);
  });

  test("a rotated authority counts at once after refresh(); until then its people are strangers", async () => {
    const folder = tempFolder();
    const ca = join(folder, "ca.crt");
    copyFileSync(join(pkiFolder, "otherca.crt"), ca);
    await using heard = await hearing(await makeTransport(), { ca_cert_location: ca });
    await heard.say(await sign({ i: 1 }));
    await eventually(() => heard.bus.counts.invalid["certificate-untrusted"] === 1, "it is refused");
    copyFileSync(join(pkiFolder, "ca.crt"), ca);
    await heard.bus.refresh();
    await heard.say(await sign({ i: 2 }));
    expect((await take(heard.subscription)).message.i).toBe(2);
  });

  test("without the authority's certificate everything is refused, and it is said why", async () => {
    await using heard = await hearing(await makeTransport(), { ca_cert_location: "/not/there.crt" });
    await heard.say(await sign({ i: 1 }));
    const refused = (event: StatusEvent) => event.type === "invalid" && event.reason === "ca-unavailable";
    await eventually(() => heard.events.some(refused), "it is refused");
  });
});

describe("a bus that signs", () => {
  const open = (keys: ConfigInput, name?: string) =>
    connect({ config: signedConfig({ transport: "memory", ...keys }), ...(name !== undefined && { name }) });

  test.each([
    [{ certname: null }, "app", /certnames\["app"\]: missing/],
    [{ certname: null, cert_prefix: "shell" }, "app", new RegExp(`certnames\\["shell.${shortHostname()}"\\]: missing`)],
    [{ certname: null, active: true }, undefined, new RegExp(`certnames\\["shell.${shortHostname()}"\\]: missing`)],
    [{ certname: "nobody" }, "app", /nobody\.crt: .*no such file/],
    [{ certname: "ec-vm" }, "app", /ec-vm/],
  ])("does not start without what it signs with: %j", async (keys, name, message) => {
    const opening = open(keys, name);
    expect(await codeOf(opening)).toBe("FEDMSG_CREDENTIALS");
    await expect(opening).rejects.toThrow(message);
  });

  test("refuses what has no JSON form, as one that does not sign", async () => {
    await using bus = await open({ endpoints: { app: [anyAddress] } }, "app");
    expect(await codeOf(bus.publish({ topic: "t", modname: "test", msg: { a: [Number.NaN] } }))).toBe("FEDMSG_ENCODE");
    expect((await bus.publish({ topic: "t", modname: "test" })).i).toBe(1);
  });

  test("needs nothing to sign with where it only listens", async () => {
    await using bus = await open({ certname: "nobody", mute: true });
    expect(bus.endpoint).toBeUndefined();
  });

  test("is closed at once, also while a server does not answer for the authority's certificate", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const asked = once(silent, "connection");
    const { port } = silent.address() as AddressInfo;
    const bus = await open({ mute: true, ca_cert_location: `http://127.0.0.1:${port}/ca.crt` });
    const messages = bus.subscribe()[Symbol.asyncIterator]();
    const first = messages.next();
    const [connection] = (await withTimeout(asked, "the question")) as [Socket];
    await withTimeout(bus.close(), "the end");
    expect(await first).toEqual({ done: true, value: undefined });
    connection.destroy();
    await new Promise((done) => silent.close(done));
  });

  test("goes on with its key where refresh() finds none", async () => {
    const folder = tempFolder();
    for (const name of ["shell-vm.key", "shell-vm.crt"]) copyFileSync(join(pkiFolder, name), join(folder, name));
    await using bus = await open({ ssldir: folder, endpoints: { app: [anyAddress] } }, "app");
    const events = bus.status();
    rmSync(folder, { recursive: true });
    await bus.refresh();
    const warning = await takeUntil(events, (event): event is StatusEvent => event.type === "warning");
    expect(warning).toMatchObject({ detail: expect.stringMatching(/goes on signing as before: .*shell-vm/) });
    await bus.publish({ topic: "t", modname: "test" });
  });
});

test("validate_signatures: false looks at nothing, and says so", async () => {
  const [, makeTransport] = everyTransport[0] as (typeof everyTransport)[number];
  await using heard = await hearing(await makeTransport(), { validate_signatures: false });
  await heard.say(JSON.stringify({ topic, signature: 1 }));
  expect(await take(heard.subscription)).toMatchObject({ trust: "unchecked" });
});

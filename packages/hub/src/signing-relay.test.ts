import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  anyAddress,
  codeOf,
  everyTransport,
  expectNoLeaks,
  pkiFolder,
  Sockets,
  signedConfig,
  tempFolder,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { connect, type StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { createSigner, createValidator } from "fedmsg/crypto";
import { canonicalize, loads, lossless } from "fedmsg/encoding";
import { createMemoryTransport, type Transport } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { startGateway, startRelay, startSigningRelay } from "./daemon.ts";

expectNoLeaks();

/** The relay's certificate is its own, whatever else is configured. */
const relayConfig = (keys: ConfigInput = {}) =>
  signedConfig({
    endpoints: { relay_outbound: [anyAddress] },
    certnames: { signing_relay: "relay-vm" },
    cert_prefix: "shell",
    ...keys,
  });

/** A signing relay, somebody who speaks through it, and somebody who hears what comes out. */
async function open(transport: Transport, keys: ConfigInput = {}) {
  const sockets = new Sockets(transport);
  const events: StatusEvent[] = [];
  const relay = await startSigningRelay({
    config: relayConfig(keys),
    transport,
    onEvent: (event) => void events.push(event),
  });
  const publisher = sockets.publisher({ awaitSubscriber: true });
  publisher.connect(relay.inbound[0] as string);
  const inbox = sockets.inbox(relay.outbound);
  await withTimeout(relay.subscribed(), "the subscription");
  return {
    relay,
    events,
    inbox,
    say: (body: string, topic = "t") => publisher.send(toFrames(topic, body)),
    async [Symbol.asyncDispose]() {
      await relay.close();
      await sockets[Symbol.asyncDispose]();
    },
  };
}

async function validate(body: string) {
  const validator = await createValidator(signedConfig());
  const result = await validator.validate(body);
  validator.close();
  return result;
}

describe.each(everyTransport)("a signing relay over %s", (_, makeTransport) => {
  test("signs what it forwards with its own certificate, and changes nothing else", async () => {
    await using through = await open(await makeTransport());
    const body =
      ' {"topic": "t", "n":[1.0, 1e16,12345678901234567890], "a":1,"a":2, "é":"é", "crypto":"gpg","signature":"x"} ';
    await through.say(body);
    const signed = String((await through.inbox.next())[1]);
    expect(await validate(signed)).toEqual({ valid: true, signer: "relay-vm.example.org", backend: "x509" });
    expect(canonicalize(signed)).toBe(signed);
    const fields = loads(signed, lossless) as Map<string, unknown>;
    expect(fields.get("crypto")).toBe("x509");
    expect(signed).toContain('"n":[1.0,1e+16,12345678901234567890]');
    expect([...fields.keys()]).toEqual(["a", "certificate", "crypto", "n", "signature", "topic", "é"]);
  });

  test("vouches for no message whose topic is not the frame's, and for nothing that is no message", async () => {
    await using through = await open(await makeTransport(), { bodyBytesMax: 3000 });
    await through.say('{"topic":"other"}');
    await through.say("[]");
    await through.say('{"topic":"t",}');
    await through.say(`{"topic":"t","x":"${"x".repeat(2000)}"}`);
    await through.say('{"topic":"t","i":1}');
    expect(String((await through.inbox.next())[1])).toContain('"i":1');
    const refused = { "topic-mismatch": 1, "not-an-object": 1, "not-json": 1, "body-too-large": 1 };
    expect(through.relay.counts).toEqual({ forwarded: 1, dropped: 0, refused });
  });
});

test.each([
  [{ certnames: {} }, /certnames\["signing_relay"\]: missing/],
  [{ certnames: { signing_relay: "nobody" } }, /nobody\.crt/],
])("does not start without its certificate: %j", async (keys, message) => {
  const starting = startSigningRelay({ config: relayConfig(keys), transport: createMemoryTransport() });
  expect(await codeOf(starting)).toBe("FEDMSG_CREDENTIALS");
  await expect(starting).rejects.toThrow(message);
});

test("refresh() takes a new certificate; where there is none it goes on with the old one, and says so", async () => {
  const folder = tempFolder();
  const take = (name: string) => {
    for (const ending of ["key", "crt"])
      copyFileSync(join(pkiFolder, `${name}.${ending}`), join(folder, `r.${ending}`));
  };
  take("relay-vm");
  await using through = await open(createMemoryTransport(), { ssldir: folder, certnames: { signing_relay: "r" } });
  const signer = async () => {
    await through.say('{"topic":"t"}');
    return await validate(String((await through.inbox.next())[1]));
  };
  take("announce-vm");
  await through.relay.refresh();
  expect(await signer()).toMatchObject({ signer: "announce-vm.example.org" });
  rmSync(folder, { recursive: true });
  await through.relay.refresh();
  expect(through.events).toContainEqual(
    expect.objectContaining({ type: "warning", detail: expect.stringContaining("goes on signing as before") }),
  );
  expect(await signer()).toMatchObject({ signer: "announce-vm.example.org" });
});

test("relay and gateway carry signed messages as they are, and whoever listens behind them knows the signer", async () => {
  const transport = createMemoryTransport();
  const config = signedConfig({ endpoints: { relay_outbound: [anyAddress] } });
  await using relay = await startRelay({ config, transport });
  const endpoints = { relay_outbound: [relay.outbound] };
  await using gateway = await startGateway({ config: signedConfig({ endpoints }), transport });
  await using listener = await connect({
    config: signedConfig({ endpoints: { gateway: [gateway.outbound] }, mute: true }),
    transport,
  });
  const messages = listener.subscribe()[Symbol.asyncIterator]();
  await Promise.all([relay.subscribed(), gateway.subscribed()]);
  const keys = { active: true, relay_inbound: relay.inbound, certname: "announce-vm" };
  await using publisher = await connect({ config: signedConfig(keys), transport });
  await publisher.publish({ topic: "t", modname: "test", msg: { a: 1.5 } });
  const { value } = await withTimeout(messages.next(), "the message");
  expect(value).toMatchObject({ trust: "signed", signer: "announce-vm.example.org", message: { msg: { a: 1.5 } } });
  const { certname } = await createSigner(signedConfig(keys));
  expect(certname).toBe("announce-vm");
});

import { anyAddress, expectNoLeaks, pkiFolder, signedConfig, take } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { createMemoryTransport } from "../transport/memory/index.ts";
import { connect } from "./bus.ts";

expectNoLeaks();

test("a bus tells until when what it signs with, and what it holds messages against, is valid", async () => {
  const keys = { crl_location: `${pkiFolder}crl.pem`, endpoints: { app: [anyAddress] } };
  const transport = createMemoryTransport();
  await using bus = await connect({ name: "app", config: signedConfig(keys), transport });
  const own = { name: "shell-vm", notAfter: Date.parse("2049-12-31T00:00:00Z") };
  expect(bus.certificates()).toEqual([own]);
  await using listener = await connect({
    config: signedConfig({ ...keys, mute: true, sign_messages: false, endpoints: { app: [bus.endpoint as string] } }),
    transport,
  });
  expect(listener.certificates()).toEqual([]);
  const subscription = listener.subscribe();
  await bus.subscribed();
  await bus.publish({ topic: "t", modname: "test" });
  await take(subscription); // So the authority was read.
  expect(listener.certificates()).toEqual([
    { name: `${pkiFolder}ca.crt`, notAfter: expect.any(Number) },
    { name: `${pkiFolder}crl.pem`, notAfter: expect.any(Number) },
  ]);
  for (const { notAfter } of listener.certificates()) expect(notAfter).toBeGreaterThan(Date.now());
});

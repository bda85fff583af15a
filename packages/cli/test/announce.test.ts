/** fedmsg-announce as a process: one announcement through a relay, or none. */

import { expect, test } from "vitest";
import { Listener } from "./bus.ts";
import { freePort, logOf, run, start } from "./support.ts";

/** The one message that comes out of the relay. */
async function announce(args: readonly string[], stdin: string) {
  await using listener = await Listener.open();
  const ended = await run("fedmsg-announce", args, { config: listener.config, stdin });
  expect(ended).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  const [received] = await listener.take(1);
  expect(listener.relay.counts.forwarded).toBe(1);
  return received;
}

async function withoutRelay() {
  return { relay_inbound: [`tcp://127.0.0.1:${await freePort()}`] };
}

/** What is logged where nothing is published. */
async function refused(config: object, args: readonly string[], stdin: string) {
  const { code, stdout, stderr } = await run("fedmsg-announce", args, { config, stdin });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  return logOf(stderr).at(-1);
}

test("all lines of stdin, stripped, are one announcement with its link", async () => {
  const received = await announce(["--link", "http://example.com/é"], "Fedora Core 4 \r\n\n  is GOLD\n");
  expect(received?.topic).toBe("org.fedoraproject.dev.announce.announcement");
  expect(received?.message.msg).toEqual({ message: "Fedora Core 4\n\nis GOLD", link: "http://example.com/é" });
});

test("without --link the link is null", async () => {
  expect((await announce([], "hello"))?.message.msg).toEqual({ message: "hello", link: null });
});

test("the certificate is that for announce, unless --cert-prefix or nothing else says so", async () => {
  const prefixOf = async (...args: string[]) => {
    const { stdout } = await run("fedmsg-announce", [...args, "--print-config"], { config: { cert_prefix: "shell" } });
    return JSON.parse(stdout).cert_prefix;
  };
  expect([await prefixOf(), await prefixOf("--cert-prefix", "mine")]).toEqual(["announce", "mine"]);
});

test("nothing to announce is an error", async () => {
  const config = await withoutRelay();
  for (const stdin of ["", "\n \n"]) {
    expect(await refused(config, [], stdin)).toEqual({
      level: "error",
      name: "fedmsg.announce",
      msg: "the message was not sent: stdin holds nothing to announce",
    });
  }
});

test("more than a message may hold is refused before it is all read", async () => {
  const config = { ...(await withoutRelay()), bodyBytesMax: 1000 };
  await using announce = start("fedmsg-announce", [], { config });
  announce.write("é".repeat(600)); // Its stdin stays open.
  await announce.untilLogged(/^the message was not sent: stdin is over 1000 bytes \(bodyBytesMax\)$/);
  expect((await announce.ended()).code).toBe(1);
});

test("--timeout ends the wait for a relay", async () => {
  expect(await refused(await withoutRelay(), ["--timeout", "0.2"], "hello")).toMatchObject({
    level: "error",
    msg: expect.stringMatching(/^the message was not sent: the relay at .* did not take it within 0\.2 s/),
  });
});

test("half an announcement is not published: a signal before the end of stdin is a failure", async () => {
  await using listener = await Listener.open();
  await using announce = start("fedmsg-announce", [], { config: listener.config });
  await announce.write("Fedora is\n".repeat(200_000)); // More than the system keeps: it has begun to read.
  announce.signal("SIGINT");
  const { code, stderr } = await announce.ended();
  expect({ code, forwarded: listener.relay.counts.forwarded }).toEqual({ code: 1, forwarded: 0 });
  expect(logOf(stderr)).toMatchObject([
    { level: "error", msg: "the message was not sent: interrupted before the end of stdin" },
  ]);
});

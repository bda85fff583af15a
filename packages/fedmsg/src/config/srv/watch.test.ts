import { type DnsReply, DnsServer, eventually, expectNoLeaks, srvRecord, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { watchSrvEndpoints } from "./watch.ts";

expectNoLeaks();

const name = "_fedmsg._tcp.example.com";

function ports(...numbers: readonly number[]): DnsReply {
  return { answers: numbers.map((port) => srvRecord(name, { target: "localhost", port }, 0)) };
}

/** Watches example.com every 20 ms, and notes what is told. */
function watch(server: DnsServer, options: { initial?: readonly string[]; signal?: AbortSignal } = {}) {
  const changes: string[][] = [];
  const warnings: string[] = [];
  const watching = watchSrvEndpoints(["example.com"], {
    servers: [server.address],
    initial: new Map(options.initial && [["example.com", options.initial]]),
    signal: options.signal,
    tryMs: 300,
    ttlMinSeconds: 0.02,
    onChange: (domain, addresses) => {
      expect(domain).toBe("example.com");
      changes.push(addresses.map((address) => address.replace("tcp://localhost:", "")).sort());
    },
    onWarning: (text) => warnings.push(text),
  });
  return { watching, changes, warnings };
}

describe("watchSrvEndpoints", () => {
  test("asks again when the time of the answer is over, and tells what is new", async () => {
    await using server = await DnsServer.start();
    server.reply(name, ports(1, 2), ports(2, 1), ports(2, 1), ports(3), { answers: [srvRecord(name, none, 0)] });
    const { watching, changes } = watch(server);
    await eventually(() => changes.length === 3, "three changes");
    await watching.close();
    expect(changes).toEqual([["1", "2"], ["3"], []]);
  });

  test("waits for as long as the answer holds", async () => {
    await using server = await DnsServer.start();
    server.reply(name, { answers: [srvRecord(name, { target: "localhost", port: 1 }, 1)] });
    await using _ = watch(server).watching;
    await server.asked(1);
    const began = performance.now();
    await server.asked(2);
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  test("tells nothing where everything is as it was known", async () => {
    await using server = await DnsServer.start();
    server.reply(name, ports(1, 2));
    const { watching, changes } = watch(server, { initial: ["tcp://localhost:2", "tcp://localhost:1"] });
    await server.asked(3);
    await watching.close();
    expect(changes).toEqual([]);
  });

  test("keeps what is known through failures, and warns once for each row of them", async () => {
    await using server = await DnsServer.start();
    const failure: DnsReply = { rcode: 2 };
    const silence: DnsReply = { silent: true };
    server.reply(name, ports(1), failure, failure, silence, silence, ports(1), failure);
    const { watching, changes, warnings } = watch(server);
    await eventually(() => warnings.length === 2, "the second warning");
    await server.asked(server.queries.length + 2);
    await watching.close();
    expect(changes).toEqual([["1"]]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/nobody could answer .* \(SERVFAIL\)/);
  });

  test("asks later and later while it fails", async () => {
    await using server = await DnsServer.start();
    server.reply(name, { rcode: 2 });
    const { watching } = watch(server);
    await server.asked(2 * 5);
    const began = performance.now();
    await server.asked(2 * 6);
    expect(performance.now() - began).toBeGreaterThan(16 * 20 - 50);
    await watching.close();
  });

  test("leaves nothing open, whether it is closed or aborted, while it asks or while it waits", async () => {
    for (const reply of [{ silent: true }, ports(1)] as const) {
      for (const end of ["close", "abort"]) {
        await using server = await DnsServer.start();
        server.reply(name, reply);
        const controller = new AbortController();
        const { watching } = watch(server, { signal: controller.signal });
        await server.asked(1);
        if (end === "abort") controller.abort();
        await withTimeout(Promise.all([watching.close(), watching.close()]), "the end", 1000);
      }
    }
  });

  test("with a signal that has fired does not begin", async () => {
    await using server = await DnsServer.start();
    const { watching } = watch(server, { signal: AbortSignal.abort() });
    await withTimeout(watching.close(), "the end");
    expect(server.queries).toEqual([]);
  });
});

const none = { target: ".", port: 0 };

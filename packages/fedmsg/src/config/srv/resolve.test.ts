import { codeOf, DnsServer, expectNoLeaks, srvRecord } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { resolveSrvEndpoints } from "./resolve.ts";

expectNoLeaks();

const domains = Array.from({ length: 30 }, (_, n) => `d${n}.example.com`);

/** A server that knows the first 29 of 30 domains, once it was asked for all. */
async function startServer(): Promise<DnsServer> {
  const server = await DnsServer.start();
  const after = server.asked(30);
  domains.slice(0, 29).forEach((domain, n) => {
    const name = `_fedmsg._tcp.${domain}`;
    server.reply(name, { answers: [srvRecord(name, { target: "localhost", port: n + 1 })], after });
  });
  server.reply("_fedmsg._tcp.d29.example.com", { rcode: 3, after });
  return server;
}

describe("resolveSrvEndpoints", () => {
  test("asks for all domains at once, and warns of those without an answer", async () => {
    await using server = await startServer();
    const warnings: string[] = [];
    const noted: string[] = [];
    const onProcessWarning = (warning: Error) => noted.push(warning.message);
    process.on("warning", onProcessWarning);
    const found = await resolveSrvEndpoints([...domains, ...domains], {
      servers: [server.address],
      signal: new AbortController().signal,
      onWarning: (text) => warnings.push(text),
      tryMs: 10_000,
    });
    process.off("warning", onProcessWarning);
    expect([...found.keys()]).toEqual(domains.slice(0, 29));
    expect(found.get("d7.example.com")).toEqual({ addresses: ["tcp://localhost:8"], ttlSeconds: 60 });
    expect(warnings).toEqual([expect.stringContaining("_fedmsg._tcp.d29.example.com: there is no such name")]);
    expect(noted).toEqual([]);
    expect(server.queries).toHaveLength(30);
  });

  test("says nothing and finds nothing where there is nobody to ask, or nothing to ask for", async () => {
    expect(await resolveSrvEndpoints(["example.com"], { servers: [] })).toEqual(new Map());
    expect(await resolveSrvEndpoints([])).toEqual(new Map());
  });

  test("is given up when the signal fires", async () => {
    await using server = await DnsServer.start();
    server.reply("_fedmsg._tcp.example.com", { silent: true });
    const controller = new AbortController();
    const options = { servers: [server.address], signal: controller.signal };
    const code = codeOf(resolveSrvEndpoints(["example.com"], options));
    await server.asked(1);
    controller.abort();
    expect(await code).toBe("FEDMSG_ABORTED");
  });
});

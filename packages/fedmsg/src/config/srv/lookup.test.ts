import { codeOf, type DnsReply, DnsServer, expectNoLeaks, srvRecord, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { lookupSrv } from "./lookup.ts";

expectNoLeaks();

const name = "_fedmsg._tcp.example.com";

/** Looks example.com up at a server that says this. Where an answer is expected, it may take its time. */
async function ask(...replies: readonly DnsReply[]) {
  await using server = await DnsServer.start();
  server.reply(name, ...replies);
  const tryMs = replies.some(({ silent }) => silent) ? 50 : 2000;
  const result = await lookupSrv("example.com", { servers: [server.address], tryMs });
  return { result, server, queries: server.queries, address: server.address };
}

const one: DnsReply = { answers: [srvRecord(name, { target: "app01.example.com", port: 3000 }, 300)] };
const foundOne = { found: true, addresses: ["tcp://app01.example.com:3000"], ttlSeconds: 300, note: undefined };

describe("lookupSrv", () => {
  test("finds addresses, the preferred ones first, and how long they hold", async () => {
    const answers = [
      srvRecord(name, { target: "backup.example.com.", port: 3001, priority: 20, weight: 1 }, 600),
      srvRecord(name, { target: "app01.example.com.", port: 3000, priority: 10, weight: 1 }, 300),
      srvRecord(name, { target: "app01.example.com", port: 3000, priority: 20, weight: 1 }, 900),
    ];
    const { result, queries } = await ask({ answers });
    const addresses = ["tcp://app01.example.com:3000", "tcp://backup.example.com:3001"];
    expect(result).toEqual({ found: true, addresses, ttlSeconds: 300, note: undefined });
    expect(queries).toMatchObject([{ name, type: "SRV", over: "udp", edns: true }]);
  });

  test("draws by weight with the source of chance that it is given", async () => {
    await using server = await DnsServer.start();
    const answers = ["a", "b"].map((target) => srvRecord(name, { target, port: 1, weight: 50 }));
    server.reply(name, { answers });
    const first = async (drawn: number) => {
      const result = await lookupSrv("example.com.", { servers: [server.address], random: () => drawn });
      return result.found && result.addresses[0];
    };
    expect([await first(0.2), await first(0.8)]).toEqual(["tcp://a:1", "tcp://b:1"]);
  });

  test.each([
    [0, 5],
    [86_401, 86_400],
    [0x80000000, 5],
  ])("takes a TTL of %j for %j s", async (ttl, ttlSeconds) => {
    const { result } = await ask({ answers: [srvRecord(name, { target: "a", port: 1 }, ttl)] });
    expect(result).toMatchObject({ found: true, ttlSeconds });
  });

  test("follows CNAME records in the answer, whose TTL counts, too", async () => {
    const alias = (from: string, to: string, ttl: number) => ({ type: "CNAME", name: from, data: to, ttl }) as const;
    const other = "_fedmsg._tcp.other.example.org";
    const answers = [srvRecord(other, { target: "a", port: 1 }, 60), alias("x.y", other, 30), alias(name, "X.Y", 40)];
    expect((await ask({ answers })).result).toMatchObject({ addresses: ["tcp://a:1"], ttlSeconds: 30 });
    const { result } = await ask({ answers: [alias(name, "x.y", 60), alias("x.y", name, 60)] });
    expect(result).toMatchObject({ found: false });
  });

  test("takes a target of `.` for a service that is not offered", async () => {
    const { result } = await ask({ answers: [srvRecord(name, { target: ".", port: 0 }, 120)] });
    const note = expect.stringContaining("the domain says that it offers no such service");
    expect(result).toEqual({ found: true, addresses: [], ttlSeconds: 120, note });
  });

  test("asks again over TCP where the answer was truncated", async () => {
    const many = Array.from({ length: 100 }, (_, n) => srvRecord(name, { target: `app${n}.example.com`, port: 1 }));
    const { result, queries } = await ask({ answers: many, truncated: true });
    expect(result.found && result.addresses).toHaveLength(100);
    expect(queries.map(({ over }) => over)).toEqual(["udp", "tcp"]);
  });

  test("asks without EDNS where a server does not understand it", async () => {
    const { result, queries } = await ask({ rcode: 1 }, one);
    expect(result).toEqual(foundOne);
    expect(queries.map(({ edns }) => edns)).toEqual([true, false]);
    expect(new Set(queries.map(({ id, port }) => `${id} ${port}`)).size).toBe(2);
  });

  test("goes on to the next server after a silent one, a dead one and one that cannot answer", async () => {
    await using silent = await DnsServer.start();
    await using failing = await DnsServer.start();
    await using working = await DnsServer.start();
    const dead = await DnsServer.start();
    await dead[Symbol.asyncDispose]();
    silent.reply(name, { silent: true });
    failing.reply(name, { rcode: 2 });
    working.reply(name, one);
    const servers = [silent, dead, failing, working].map(({ address }) => address);
    expect(await lookupSrv("example.com", { servers: ["nonsense", ...servers], tryMs: 300 })).toEqual(foundOne);
    expect([silent, failing, working].map(({ queries }) => queries.length)).toEqual([1, 1, 1]);
  });
});

describe("a lookup without an answer", () => {
  test("tells that there is no such name, and when to ask again", async () => {
    const data = { mname: "ns.example.com", rname: "root.example.com", minimum: 900 };
    const authorities = [{ type: "SOA", name: "example.com", ttl: 1800, data } as const];
    const { result, address, queries } = await ask({ rcode: 3, authorities });
    const why =
      `srv_endpoints: "example.com": ${address} was asked for the SRV records of ${name}: ` +
      "there is no such name (NXDOMAIN); publish them, or remove the domain from srv_endpoints";
    expect(result).toEqual({ found: false, why, retrySeconds: 900 });
    expect(queries).toHaveLength(1);
  });

  test("tells that there are no such records", async () => {
    const { result } = await ask({ answers: [srvRecord("_fedmsg._tcp.other.org", { target: "a", port: 1 })] });
    expect(result).toMatchObject({ found: false, retrySeconds: 60, why: expect.stringContaining("there are none") });
  });

  test("tells what each server said, after two rounds", async () => {
    await using refusing = await DnsServer.start();
    const { result, address, queries } = await ask({ rcode: 2 });
    expect(result).toEqual({
      found: false,
      why:
        `srv_endpoints: "example.com": nobody could answer for the SRV records of ${name}: ${address} (SERVFAIL); ` +
        "check these servers, or give others in srv_servers",
    });
    expect(queries).toHaveLength(2);
    const servers = [refusing.address, "dns.example.com:53"];
    const why = expect.stringMatching(/127\.0\.0\.1:\d+ \(REFUSED\), dns\.example\.com:53 \(not an IP address/);
    expect(await lookupSrv("example.com", { servers })).toEqual({ found: false, why });
    const nobody = await lookupSrv("example.com", { servers: [] });
    expect(nobody).toMatchObject({ why: expect.stringContaining("no DNS server is known") });
  });

  test("ends in time where nobody says anything", async () => {
    const { result, queries } = await ask({ silent: true });
    expect(result).toMatchObject({ found: false, why: expect.stringContaining("no answer in time") });
    expect(queries).toHaveLength(2);
  });

  test.each(["", ".", "a..b", "-a.example", "exa mple.com", "bücher.example", "x".repeat(64), "a.".repeat(126)])(
    "is not even tried for %j",
    async (domain) => {
      const why = expect.stringContaining("not a domain name");
      expect(await lookupSrv(domain, { servers: ["127.0.0.1:1"] })).toEqual({ found: false, why });
    },
  );

  test("is given up when the signal fires, over UDP and over TCP", async () => {
    await using server = await DnsServer.start();
    const replies: DnsReply[] = [{ silent: true }, { truncated: true }];
    for (const reply of replies) {
      server.reply(name, reply, { silent: true });
      const controller = new AbortController();
      const before = server.queries.length;
      const options = { servers: [server.address], signal: controller.signal, tryMs: 10_000 };
      const code = codeOf(lookupSrv("example.com", options));
      await server.asked(before + (reply.truncated ? 2 : 1));
      controller.abort();
      expect(await withTimeout(code, "the end", 1000)).toBe("FEDMSG_ABORTED");
    }
    const options = { servers: [server.address], signal: AbortSignal.abort() };
    expect(await codeOf(lookupSrv("example.com", options))).toBe("FEDMSG_ABORTED");
  });
});

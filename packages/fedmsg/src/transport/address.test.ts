import { processorMs } from "@fedmsg/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FedmsgError } from "../errors.ts";
import { formatAddress, parseAddress } from "./address.ts";

describe("parseAddress takes an address apart", () => {
  test.each([
    ["tcp://127.0.0.1:2003", { scheme: "tcp", host: "127.0.0.1", port: 2003 }],
    ["tcp://app01.example.org:1", { scheme: "tcp", host: "app01.example.org", port: 1 }],
    ["tcp://app_01:65535", { scheme: "tcp", host: "app_01", port: 65535 }],
    ["tcp://[::1]:2003", { scheme: "tcp", host: "::1", port: 2003 }],
    ["tcp://[fe80::1%eth0]:2003", { scheme: "tcp", host: "fe80::1%eth0", port: 2003 }],
    ["ipc:///run/fedmsg.sock", { scheme: "ipc", path: "/run/fedmsg.sock" }],
    [`ipc://${"é".repeat(53)}`, { scheme: "ipc", path: "é".repeat(53) }],
  ])("%s", (address, parts) => {
    expect(parseAddress(address, "connect")).toEqual(parts);
    expect(parseAddress(address, "bind")).toEqual(parts);
    expect(formatAddress(parseAddress(address, "bind"))).toBe(address);
  });

  test("only a socket that listens may leave host or port open", () => {
    expect(parseAddress("tcp://*:2003", "bind")).toEqual({ scheme: "tcp", host: "*", port: 2003 });
    expect(parseAddress("tcp://127.0.0.1:*", "bind")).toEqual({ scheme: "tcp", host: "127.0.0.1", port: "*" });
    expect(parseAddress("tcp://127.0.0.1:0", "bind")).toEqual({ scheme: "tcp", host: "127.0.0.1", port: "*" });
    for (const address of ["tcp://*:2003", "tcp://127.0.0.1:*", "tcp://127.0.0.1:0"]) {
      expect(() => parseAddress(address, "connect")).toThrow(/to connect, both host and port must be given/);
    }
  });
});

test.each([
  ["http://127.0.0.1:2003", "it must be tcp://HOST:PORT"],
  ["tcp://127.0.0.1", "it must be tcp://HOST:PORT"],
  ["tcp://-a:1", "it must be tcp://HOST:PORT"],
  ["tcp://a:1\n", "it must be tcp://HOST:PORT"],
  ["tcp://127.0.0.1:65536", "the port is 65536"],
  ["tcp://127.0.0.1:99999999999999999999", "the port is 99999999999999999999"],
  ["ipc://", "the path is 0 bytes long"],
  [`ipc:///${"é".repeat(54)}`, "the path is 109 bytes long, it must be from 1 to 107"],
])("parseAddress refuses %j and says: %s", (address, why) => {
  const refused = (() => {
    try {
      return parseAddress(address, "bind");
    } catch (error) {
      return error as FedmsgError;
    }
  })();
  expect(refused).toBeInstanceOf(FedmsgError);
  expect(refused).toMatchObject({ code: "FEDMSG_ADDRESS_INVALID" });
  expect((refused as FedmsgError).message).toContain(JSON.stringify(address));
  expect((refused as FedmsgError).message).toContain(why);
});

describe("whatever the text", () => {
  const pieces = fc.constantFrom(
    "tcp://",
    "ipc://",
    "[",
    "]",
    ":",
    "*",
    "::1",
    "a.b",
    "127.0.0.1",
    "99999",
    "0",
    "\n",
    "%",
  );
  const almost = fc.array(fc.oneof(pieces, fc.string({ unit: "binary", maxLength: 3 })), { maxLength: 8 });
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    almost.map((parts) => parts.join("")),
    almost.map((parts) => `tcp://${parts.join("")}`),
  );

  test("parseAddress returns parts or throws FEDMSG_ADDRESS_INVALID", () => {
    fc.assert(
      fc.property(texts, fc.constantFrom("bind" as const, "connect" as const), (address, use) => {
        try {
          expect(parseAddress(address, use)).toHaveProperty("scheme");
        } catch (error) {
          expect(error).toBeInstanceOf(FedmsgError);
          expect(error).toHaveProperty("code", "FEDMSG_ADDRESS_INVALID");
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("what parseAddress takes comes out of formatAddress the same to it", () => {
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
    );
    const addresses = fc.tuple(host, fc.integer({ min: 1, max: 65535 })).map(([name, port]) => `tcp://${name}:${port}`);
    fc.assert(
      fc.property(addresses, (address) => {
        const parsed = parseAddress(address, "connect");
        expect(parseAddress(formatAddress(parsed), "connect")).toEqual(parsed);
        expect(formatAddress(parsed)).toBe(address);
      }),
    );
  });

  test("a long one takes no long time", () => {
    const began = processorMs();
    for (const piece of ["a.", "a-", "0", ":", "["]) {
      expect(() => parseAddress(`tcp://${piece.repeat(100_000)}!`, "connect")).toThrow(FedmsgError);
    }
    expect(processorMs() - began).toBeLessThan(1000);
  });
});

import { type DnsReply, DnsServer, expectNoLeaks, processorMs, srvRecord } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { lookupSrv } from "./lookup.ts";

expectNoLeaks();

const name = "_fedmsg._tcp.example.com";

async function ask(reply: DnsReply, tryMs = 2000) {
  await using server = await DnsServer.start();
  server.reply(name, reply);
  return await lookupSrv("example.com", { servers: [server.address], tryMs });
}

const real = srvRecord(name, { target: "real.example.com", port: 1 });

/** The answer, changed, and with another host in it. */
function forge(change: (packet: Buffer) => void): (answer: Buffer) => Buffer {
  return (answer) => {
    const forged = Buffer.from(answer);
    const at = forged.indexOf("\x04real");
    forged.write("\x04evil", at, "latin1");
    change(forged);
    return forged;
  };
}

/** Where the first letter of the question's name stands. */
const questionByte = 13;

describe("what is not the answer is as if it had not come", () => {
  test.each<[string, (packet: Buffer) => void]>([
    ["of another number", (packet) => packet.writeUInt16BE(packet.readUInt16BE(0) ^ 1, 0)],
    ["that is a question itself", (packet) => packet.writeUInt16BE(packet.readUInt16BE(2) & 0x7fff, 2)],
    ["of another operation", (packet) => packet.writeUInt16BE(packet.readUInt16BE(2) | 0x2800, 2)],
    ["to a question about another name", (packet) => packet.write("X", questionByte)],
    ["to a question about another type", (packet) => packet.writeUInt16BE(1, 12 + name.length + 2)],
    ["to a question about another class", (packet) => packet.writeUInt16BE(3, 12 + name.length + 4)],
    ["to no question", (packet) => packet.writeUInt16BE(0, 4)],
    ["to two questions", (packet) => packet.writeUInt16BE(2, 4)],
    ["that ends too early", (packet) => packet.writeUInt16BE(7, 6)],
  ])("a datagram %s", async (_, change) => {
    const result = await ask({ answers: [real], spoofs: [{ packet: forge(change) }] });
    expect(result).toMatchObject({ found: true, addresses: ["tcp://real.example.com:1"] });
  });

  test("a datagram from another port, however right it looks", async () => {
    const result = await ask({ answers: [real], spoofs: [{ packet: forge(() => {}), elsewhere: true }] });
    expect(result).toMatchObject({ found: true, addresses: ["tcp://real.example.com:1"] });
  });

  test("while the same datagram from the server's port would do", async () => {
    const result = await ask({ answers: [real], spoofs: [{ packet: forge(() => {}) }] });
    expect(result).toMatchObject({ found: true, addresses: ["tcp://evil.example.com:1"] });
  });

  test("rubbish of any length", async () => {
    const lengths = [0, 1, 11, 12, 13, 40, 500];
    const spoofs = lengths.map((length) => ({
      packet: (answer: Buffer) => Buffer.concat([answer.subarray(0, Math.min(length, 12)), Buffer.alloc(length, 0xc0)]),
    }));
    expect(await ask({ answers: [real], spoofs })).toMatchObject({ addresses: ["tcp://real.example.com:1"] });
  });

  test("the question's name may come back in another case", async () => {
    const mangle = (answer: Buffer) => {
      answer.write("FEDMSG", questionByte + 1);
      return answer;
    };
    expect(await ask({ answers: [real], mangle })).toMatchObject({ addresses: ["tcp://real.example.com:1"] });
  });
});

/** Adds a record with a chain of 7,900 pointers that leads to the question's name, and 60,000 bytes of records at its end. */
function withPointers(answer: Buffer): Buffer {
  const question = answer.subarray(0, 12 + name.length + 2 + 4);
  const chain = Buffer.alloc(2 * 7900);
  const start = question.byteLength + 11;
  for (let n = 0; n < chain.byteLength; n += 2) chain.writeUInt16BE(0xc000 | (n === 0 ? 12 : start + n - 2), n);
  const unknownType = Buffer.from([0, 0xff, 0x00, 0, 1, 0, 0, 0, 60, chain.byteLength >> 8, chain.byteLength & 0xff]);
  const record = Buffer.from([0, 0, 0, 33, 0, 1, 0, 0, 0, 60, 0, 9, 0, 0, 0, 0, 0, 1, 1, 0x74, 0]);
  record.writeUInt16BE(0xc000 | (start + chain.byteLength - 2));
  const records = Array.from({ length: 2000 }, () => record);
  question.writeUInt16BE(1 + records.length, 6);
  return Buffer.concat([question, unknownType, chain, ...records]);
}

describe("hostile records", () => {
  test.each(["a b.example", "a/b", "x:1", "-a", "a-", "tcp://x", "a\nb", "ü.example", "a\0b"])(
    "the target %j is passed over",
    async (target) => {
      const answers = [srvRecord(name, { target, port: 1 }), real];
      const note = expect.stringMatching(/not a host name/);
      expect(await ask({ answers, truncated: true })).toMatchObject({ addresses: ["tcp://real.example.com:1"], note });
    },
  );

  test("port 0 is passed over; where nothing else is there, that is told", async () => {
    const zero = srvRecord(name, { target: "zero.example.com", port: 0 });
    const note = expect.stringContaining("zero.example.com has port 0; what is usable is used");
    expect(await ask({ answers: [zero, real] })).toMatchObject({ addresses: ["tcp://real.example.com:1"], note });
    const why = expect.stringContaining("none of the 1 is usable (the target zero.example.com has port 0)");
    expect(await ask({ answers: [zero] })).toMatchObject({ found: false, why });
  });

  test("of 1,000 records 256 are taken", async () => {
    const answers = Array.from({ length: 1000 }, (_, n) => srvRecord(name, { target: `t${n}`, port: 1 }));
    const result = await ask({ answers, truncated: true });
    expect(result.found && result.addresses).toHaveLength(256);
    expect(result).toMatchObject({ note: expect.stringContaining("there are over 256 records") });
  });

  test("a count of 65,535 records that are not there is no answer", async () => {
    const mangle = (answer: Buffer) => {
      answer.writeUInt16BE(0xffff, 6);
      return answer;
    };
    const why = expect.stringContaining("no answer in time");
    expect(await ask({ answers: [real], mangle }, 50)).toMatchObject({ found: false, why });
  });

  test.each([
    ["to itself", 0],
    ["forwards", 2],
  ])("a name that points %s is no answer", async (_, distance) => {
    const mangle = (answer: Buffer) => {
      const target = answer.lastIndexOf("\x04real");
      answer.writeUInt16BE(0xc000 | (target + distance), target);
      return answer;
    };
    expect(await ask({ answers: [real], mangle }, 50)).toMatchObject({ found: false });
  });

  test("names at the end of a long chain of pointers cost no time", async () => {
    const began = processorMs();
    const result = await ask({ truncated: true, mangle: withPointers });
    expect(result.found && result.addresses).toEqual(["tcp://t:1"]);
    expect(processorMs() - began).toBeLessThan(2000);
  });

  test("an answer over TCP that is cut, or cannot be read, is none", async () => {
    const cut = await ask({ answers: [real], truncated: true, cut: true });
    expect(cut).toMatchObject({ found: false, why: expect.stringContaining("closed the TCP connection") });
    const truncatedTwice = (answer: Buffer) => {
      answer.writeUInt16BE(answer.readUInt16BE(2) | 0x200, 2);
      return answer;
    };
    const unread = await ask({ answers: [real], mangle: truncatedTwice });
    expect(unread).toMatchObject({ found: false, why: expect.stringContaining("cannot be read") });
  });
});

import { describe, expect, test } from "vitest";
import { Collector, encode, everyByte, hex, pushReused } from "../../test/support/collect.ts";
import type { FrameBatch } from "./batch.ts";
import { encodePing } from "./commands.ts";
import { FrameDecoder, type FrameSink } from "./decoder.ts";
import { encodeMessage } from "./frames.ts";

const text = (...parts: string[]) => parts.map((part) => Buffer.from(part));
const messages = (...list: string[][]) => encode(list.map((parts) => ({ message: text(...parts) })));
const strings = (batch: Iterable<readonly Buffer[]>) => [...batch].map((frames) => frames.map(String));
const abc = messages(["a1", "a2"], ["b1"], ["c1", "", "c3"]);

/** Calls `look` with each batch of a stream. */
function each(stream: Buffer, cuts: readonly number[], look: (batch: FrameBatch) => void): void {
  pushReused(new FrameDecoder({ messages: look, command: () => {} }), stream, cuts);
}

describe("what stays", () => {
  test("what keep() gave is untouched by what the chunk is used for afterwards, at every cut", () => {
    for (const cuts of [[], everyByte(abc), ...everyByte(abc).map((cut) => [cut])]) {
      const kept: Buffer[][] = [];
      each(abc, cuts, (batch) => kept.push(...batch.keep()));
      expect(strings(kept), `cut at ${cuts}`).toEqual([["a1", "a2"], ["b1"], ["c1", "", "c3"]]);
    }
  });

  test("what keep() gave is untouched by filters and leads that come later", () => {
    each(abc, [], (batch) => {
      const kept = batch.keep();
      batch.filter(() => false);
      batch.lead(Buffer.from("me"));
      expect(strings(kept)).toEqual([["a1", "a2"], ["b1"], ["c1", "", "c3"]]);
    });
  });

  test("keep() copies the messages of a chunk together, and no more than these", () => {
    let size = 0;
    each(abc, [], (batch) => {
      batch.filter((chunk, start) => chunk[start] === 0x62);
      size = batch.keep()[0]?.[0]?.buffer.byteLength ?? 0;
    });
    expect(size).toBe("b1".length);
  });

  test("a batch is empty after the callback", () => {
    for (const cuts of [[], [5]]) {
      const batches: FrameBatch[] = [];
      each(abc, cuts, (batch) => batches.push(batch));
      for (const batch of batches) {
        expect([batch.length, batch.byteLength, strings(batch), batch.keep()]).toEqual([0, 0, [], []]);
        expect(() => batch.frame(0, 0)).toThrow(RangeError);
        expect(() => batch.text(0, 0)).toThrow(RangeError);
        expect(() => batch.frameLength(0, 0)).toThrow(RangeError);
      }
    }
  });

  test("what is out of range is an error, also where an earlier batch had something", () => {
    each(messages(["a", "b"], ["c"]), [], () => {});
    each(messages(["x"]), [], (batch) => {
      for (const [message, frame] of [
        [0, 1],
        [1, 0],
        [-1, 0],
        [0, -1],
      ] as const) {
        expect(() => batch.frame(message, frame)).toThrow(RangeError);
        expect(() => batch.text(message, frame)).toThrow(RangeError);
        expect(() => batch.frameLength(message, frame)).toThrow(RangeError);
      }
      expect(() => batch.message(1)).toThrow(RangeError);
    });
  });
});

describe("filter, select and lead", () => {
  test("filter sees the bounds of each first frame and leaves out what is not wanted", () => {
    const seen: string[] = [];
    each(abc, [], (batch) => {
      batch.filter((chunk, start, end) => {
        seen.push(chunk.toString("latin1", start, end));
        return seen.length !== 2;
      });
      expect(strings(batch)).toEqual([
        ["a1", "a2"],
        ["c1", "", "c3"],
      ]);
      expect(strings(batch.keep())).toEqual([
        ["a1", "a2"],
        ["c1", "", "c3"],
      ]);
      expect([batch.length, batch.byteLength]).toEqual([2, 8]);
    });
    expect(seen).toEqual(["a1", "b1", "c1"]);
  });

  test("filter works on a message that came in pieces", () => {
    const heard: string[][] = [];
    const wanted = (chunk: Buffer, start: number, end: number) => chunk.toString("latin1", start, end) !== "b1";
    each(abc, everyByte(abc), (batch) => {
      batch.filter(wanted);
      heard.push(...strings(batch));
    });
    expect(heard).toEqual([
      ["a1", "a2"],
      ["c1", "", "c3"],
    ]);
  });

  test("nothing is left when nothing is wanted", () => {
    for (const cuts of [[], everyByte(abc)]) {
      each(abc, cuts, (batch) => {
        batch.filter(() => false);
        expect([batch.length, batch.byteLength, strings(batch), batch.keep()]).toEqual([0, 0, [], []]);
      });
    }
  });

  test("select asks by number", () => {
    each(abc, [], (batch) => {
      batch.select((n) => n !== 1);
      expect(strings(batch)).toEqual([
        ["a1", "a2"],
        ["c1", "", "c3"],
      ]);
      batch.select((n) => n === 1);
      expect(strings(batch.keep())).toEqual([["c1", "", "c3"]]);
    });
  });

  test("lead puts a frame in front of each message, in all views, at every cut", () => {
    for (const cuts of [[], everyByte(abc), ...everyByte(abc).map((cut) => [cut])]) {
      const collector = new Collector();
      each(abc, cuts, (batch) => {
        batch.lead(Buffer.from("me"));
        collector.messages(batch);
      });
      expect(collector.texts, `cut at ${cuts}`).toEqual([
        ["me", "a1", "a2"],
        ["me", "b1"],
        ["me", "c1", "", "c3"],
      ]);
    }
  });

  test("filter leaves the lead aside and looks at the first frame that came", () => {
    each(abc, [], (batch) => {
      batch.lead(Buffer.from("me"));
      batch.filter((chunk, start, end) => chunk.toString("latin1", start, end) === "c1");
      expect(strings(batch.keep())).toEqual([["me", "c1", "", "c3"]]);
    });
  });

  test("a lead lasts for one callback", () => {
    const heard: string[][] = [];
    let calls = 0;
    each(Buffer.concat([messages(["a"]), encodePing(), messages(["b"])]), [], (batch) => {
      if (calls++ === 0) batch.lead(Buffer.from("me"));
      heard.push(...strings(batch));
    });
    expect(heard).toEqual([["me", "a"], ["b"]]);
  });
});

describe("stop", () => {
  const stream = Buffer.concat([messages(["a"]), encodePing(), messages(["b"]), encodePing(), messages(["c"])]);

  /** Notes what comes and stops at the n-th. */
  function stoppingAt(n: number): { heard: string[]; decoder: FrameDecoder } {
    const heard: string[] = [];
    const note = (what: string) => {
      heard.push(what);
      if (heard.length === n) decoder.stop();
    };
    const decoder = new FrameDecoder({
      messages: (batch) => note(batch.text(0, 0)),
      command: () => note("PING"),
    });
    return { heard, decoder };
  }

  test("in a callback, nothing more is given out, at every cut", () => {
    for (let n = 1; n <= 5; n++) {
      for (const cuts of [[], everyByte(stream), ...everyByte(stream).map((cut) => [cut])]) {
        const { heard, decoder } = stoppingAt(n);
        pushReused(decoder, stream, cuts);
        expect(heard, `stopped at ${n}, cut at ${cuts}`).toEqual(["a", "PING", "b", "PING", "c"].slice(0, n));
      }
    }
  });

  test("between two chunks, the rest of a message that was begun is not given out", () => {
    for (const cut of everyByte(abc)) {
      const collector = new Collector();
      const decoder = new FrameDecoder(collector);
      decoder.push(abc.subarray(0, cut));
      const before = collector.heard.length;
      decoder.stop();
      decoder.push(abc.subarray(cut));
      expect(collector.heard.length, `cut at ${cut}`).toBe(before);
    }
  });

  test("after it, a fault is not told any more", () => {
    const decoder = new FrameDecoder({ messages: () => decoder.stop(), command: () => {} });
    decoder.push(Buffer.concat([messages(["a"]), encodePing()]));
    expect(() => decoder.push(hex("ff ff ff"))).not.toThrow();
  });
});

describe("sinks that fail, and sinks within sinks", () => {
  const failing: FrameSink = {
    messages: () => {
      throw new Error("no");
    },
    command: () => {
      throw new Error("no");
    },
  };

  test("other decoders go on after a sink has thrown, wherever it did", () => {
    for (const bytes of [messages(["a"]), encodePing(), Buffer.concat([messages(["a"]), encodePing()]), abc]) {
      for (const cuts of [[], [1], [3], everyByte(bytes)]) {
        expect(() => pushReused(new FrameDecoder(failing), bytes, cuts)).toThrow("no");
        const collector = new Collector();
        pushReused(new FrameDecoder(collector), abc, []);
        pushReused(new FrameDecoder(collector), abc, everyByte(abc));
        expect(collector.texts).toHaveLength(6);
      }
    }
  });

  test("a sink may push into another decoder and goes on reading its own batch", () => {
    for (const cuts of [[], [1], [5], [9], everyByte(abc)]) {
      const inner = new Collector();
      const innermost = new Collector();
      const outer: string[][] = [];
      each(abc, cuts, (batch) => {
        new FrameDecoder({
          messages: (nested) => {
            new FrameDecoder(innermost).push(messages(["deep"]));
            inner.messages(nested);
          },
          command: () => {},
        }).push(messages(["x"], ["y", "z"], ["w"], ["v"]));
        outer.push(...strings(batch.keep()));
      });
      expect(outer).toEqual([["a1", "a2"], ["b1"], ["c1", "", "c3"]]);
      expect(new Set(inner.texts.map(String))).toEqual(new Set(["x", "y,z", "w", "v"]));
    }
  });

  test("a sink may push into another decoder between the frames of a message", () => {
    const collector = new Collector();
    const stream = Buffer.concat([hex("01 01 61"), encodePing(), encodeMessage(text("b"))]);
    const decoder = new FrameDecoder({
      messages: (batch) => collector.messages(batch),
      command: () => pushReused(new FrameDecoder(new Collector()), abc, [4]),
    });
    pushReused(decoder, stream, []);
    expect(collector.texts).toEqual([["a", "b"]]);
  });
});

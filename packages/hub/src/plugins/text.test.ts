import { FedmsgError } from "fedmsg";
import { expect, test } from "vitest";
import { describeThrown, show, stackOf } from "./text.ts";

test("an error is described with its place; one of ours by its message alone", () => {
  expect(describeThrown(new TypeError("no"))).toMatch(/^TypeError: no \(.*text\.test\.ts:\d+:\d+\)$/);
  expect(describeThrown(new FedmsgError("FEDMSG_CLOSED", "it is closed"))).toBe("it is closed");
  expect(describeThrown("a text")).toBe("a text");
  expect(describeThrown(undefined)).toBe("undefined");
});

test("what cannot be looked at is described all the same", () => {
  const never = () => {
    throw new Error("do not look");
  };
  const hostile = new Proxy({}, { get: never, getPrototypeOf: never, ownKeys: never });
  expect(describeThrown(hostile)).toBe("something was thrown that cannot be described");
  expect(stackOf(hostile, 100)).toBe("something was thrown that cannot be described");
  expect(show(hostile).length).toBeLessThanOrEqual(101);
});

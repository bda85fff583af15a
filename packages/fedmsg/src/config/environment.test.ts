import { homedir, hostname } from "node:os";
import { expect, test } from "vitest";
import { localAddressFor, loginName, shortHostname, surroundings } from "./environment.ts";

test("the short host name has no dot", () => {
  expect(hostname().startsWith(shortHostname())).toBe(true);
  expect(shortHostname()).not.toContain(".");
});

test.each([
  [{ LOGNAME: "a", USER: "b", LNAME: "c", USERNAME: "d" }, "a"],
  [{ LOGNAME: "", USER: "b", LNAME: "c", USERNAME: "d" }, "b"],
  [{ LNAME: "c", USERNAME: "d" }, "c"],
  [{ USERNAME: "d" }, "d"],
])("the login name comes from the first variable that is set: %j", (env, expected) => {
  expect(loginName(env)).toBe(expected);
});

test("without variables the system is asked for the login name", () => {
  expect(loginName({})).toMatch(/./);
});

test("a host that is here has an address to listen on", async () => {
  expect(await localAddressFor("127.0.0.1")).toBe("127.0.0.1");
  expect(await localAddressFor("127.1.2.3")).toBe("127.1.2.3");
  expect(await localAddressFor("localhost")).toMatch(/^127\.|^::1$/);
  expect(await localAddressFor("[::1]")).toBe("::1");
});

test("wildcards are taken as they are", async () => {
  expect(await localAddressFor("*")).toBe("*");
  expect(await localAddressFor("0.0.0.0")).toBe("0.0.0.0");
  expect(await localAddressFor("[::]")).toBe("::");
});

test("another host, and one that nobody knows, have none", async () => {
  expect(await localAddressFor("192.0.2.1")).toBeUndefined();
  expect(await localAddressFor("no-such-host.invalid")).toBeUndefined();
});

test("what the caller knows replaces what the process says", () => {
  expect(surroundings({ env: { HOME: "/h" }, cwd: "/c" })).toEqual({
    env: { HOME: "/h" },
    cwd: "/c",
    home: "/h",
    hostname: hostname(),
  });
  expect(surroundings({ hostname: "app01" }).hostname).toBe("app01");
  expect(surroundings({ env: {} }).home).toBe(homedir());
  expect(surroundings()).toMatchObject({ env: process.env, cwd: process.cwd() });
});

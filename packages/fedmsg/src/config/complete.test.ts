import { describe, expect, test } from "vitest";
import { FedmsgError } from "../errors.ts";
import { completeConfig, configOrigin, isLoadedConfig } from "./complete.ts";

describe("completeConfig", () => {
  test("makes a configuration that is known to be complete", () => {
    const config = completeConfig({ name: "mybus" });
    expect(isLoadedConfig(config)).toBe(true);
    expect(isLoadedConfig({ ...config })).toBe(false);
    expect(isLoadedConfig(null)).toBe(false);
    expect(completeConfig(config)).toBe(config);
  });

  test("replaces whole keys of the base and keeps the others", () => {
    const base = completeConfig({ endpoints: { a: "tcp://a:1" }, environment: "stg", own: 1 });
    const config = completeConfig({ endpoints: { b: "tcp://b:1" }, name: undefined }, base);
    expect(config).toMatchObject({ endpoints: { b: ["tcp://b:1"] }, environment: "stg", own: 1 });
    expect(Object.keys(config.endpoints)).toEqual(["b"]);
    expect(base.endpoints).toEqual({ a: ["tcp://a:1"] });
  });

  test("null brings the default back", () => {
    const base = completeConfig({ environment: "stg", name: "x" });
    const config = completeConfig({ environment: null, name: null }, base);
    expect(config.environment).toBe("dev");
    expect(config.name).toBeUndefined();
  });

  test("relay_outbound goes into the endpoints that are there", () => {
    const base = completeConfig({ endpoints: { a: "tcp://a:1" } });
    const config = completeConfig({ relay_outbound: "tcp://r:1" }, base);
    expect(config.endpoints).toEqual({ a: ["tcp://a:1"], relay_outbound: ["tcp://r:1"] });
    expect("relay_outbound" in config).toBe(false);
    expect(completeConfig({ relay_outbound: "tcp://r:1", endpoints: {} }, base).endpoints).toEqual({
      relay_outbound: ["tcp://r:1"],
    });
    expect(completeConfig({ relay_outbound: "tcp://r:1" }).endpoints).toEqual({ relay_outbound: ["tcp://r:1"] });
  });

  test("reports all problems in one error", () => {
    expect(() => completeConfig({ active: "yes", endpoints: { a: "x" } })).toThrow(
      new FedmsgError(
        "FEDMSG_CONFIG_INVALID",
        'option: active: found "yes"; wanted true or false\n' +
          'option: endpoints.a: found "x"; wanted an address such as tcp://host:port, or a list of them',
      ),
    );
  });

  test("refuses data without an end", () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(() => completeConfig({ circular })).toThrow("option: nested deeper than 64 levels");
  });

  test("does not freeze or change what it is given, and keeps objects that are not data", () => {
    class Store {}
    const store = new Store();
    const given = { endpoints: { a: ["tcp://a:1"] }, store, list: [{ x: 1 }] };
    const config = completeConfig(given) as Readonly<Record<string, unknown>>;
    given.endpoints.a.push("tcp://a:2");
    given.list.push({ x: 2 });
    expect(config).toMatchObject({ endpoints: { a: ["tcp://a:1"] }, list: [{ x: 1 }] });
    expect(config.store).toBe(store);
    expect(Object.isFrozen(store)).toBe(false);
  });
});

test("configOrigin tells options from defaults", () => {
  const base = completeConfig({ endpoints: { a: "tcp://a:1" } });
  const config = completeConfig({ name: "x", relay_outbound: "tcp://r:1" }, base);
  expect(configOrigin(config, "name")).toBe("option");
  expect(configOrigin(config, "endpoints", "relay_outbound")).toBe("option");
  expect(configOrigin(config, "endpoints", "b")).toBeUndefined();
  expect(configOrigin(config, "environment")).toBe("default");
  expect(configOrigin(config, "gpg_home")).toBeUndefined();
  expect(configOrigin({}, "environment")).toBeUndefined();
});

describe("keys that must agree", () => {
  const outbox = "sqlite:/tmp/outbox.db";
  const relay_confirm = ["tcp://relay:9942"];
  test.each([
    [
      { outbox, replay_window: 3600 },
      /^option: replay_window: found 3600; wanted 0, or outbox_max_age from 1 to 3600: it is 604800/,
    ],
    [{ outbox, replay_window: 3600, outbox_max_age: 3601 }, /it is 3601/],
    [{ outbox, replay_window: 3600, outbox_max_age: 0 }, /it is 0, without limit/],
  ])("an outbox keeps for longer than replay_window allows: %j", (given, message) => {
    const complete = () => completeConfig({ relay_confirm, ...given });
    expect(complete).toThrow(expect.objectContaining({ code: "FEDMSG_CONFIG_INVALID" }));
    expect(complete).toThrow(message);
  });

  test("it is found over two layers, and only where there is an outbox", () => {
    const base = completeConfig({ relay_confirm, replay_window: 3600 });
    expect(() => completeConfig({ outbox }, base)).toThrow("outbox_max_age");
    expect(completeConfig({ outbox, outbox_max_age: 3600 }, base)).toMatchObject({ outbox_max_age: 3600 });
    expect(completeConfig({ outbox, relay_confirm })).toMatchObject({ outbox_max_age: 604_800, replay_window: 0 });
  });

  test("an outbox that no relay would empty is refused, whichever of the keys is changed last", () => {
    const refusal = /^option: outbox: found no address in relay_confirm; wanted /;
    expect(() => completeConfig({ outbox })).toThrow(refusal);
    expect(() => completeConfig({ outbox, relay_confirm: [] })).toThrow(refusal);
    const base = completeConfig({ outbox, relay_confirm });
    expect(() => completeConfig({ relay_confirm: [] }, base)).toThrow(refusal);
    expect(completeConfig({ outbox: null, relay_confirm: [] }, base)).toMatchObject({ outbox: null });
  });

  test.each(["/tmp/outbox.db", "mysql:outbox", "sqlite:"])("an outbox must name a file as sqlite: does: %s", (url) => {
    const refusal = /^option: outbox: found a text; wanted sqlite: and a path/;
    expect(() => completeConfig({ outbox: url, relay_confirm })).toThrow(refusal);
  });
});

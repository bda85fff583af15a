/**
 * The bus behind `publish()` and `tailMessages()`: one for each process and worker thread, as modules are. It opens by
 * itself when it is first needed, and again after `destroy()` (the Python implementation fails then, `behaviour.md`
 * §22.22).
 */

import type { ConfigInput } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import { type Bus, type ConnectOptions, openBus, type PublishOptions, type Receipt } from "./bus.ts";
import { callerPackage } from "./identity.ts";
import type { Received } from "./received.ts";
import type { StatusEvent } from "./status.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

/** Options of {@link publish}: what to publish, and any keys of the configuration that shall differ. */
export interface DefaultPublishOptions extends PublishOptions {
  /** Key of `endpoints` to publish under. Default: `<package of the caller>.<short host name>`. */
  readonly name?: string;
  readonly [key: string]: unknown;
}

/** Options of {@link tailMessages}: any keys of the configuration beside its own. */
export interface TailOptions {
  /** One topic pattern, or several. Default: everything. */
  readonly topic?: string | readonly string[];
  /** Listen on the addresses of `endpoints` instead of connecting to them. Default false. */
  readonly passive?: boolean;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  /**
   * Hears what happens beside the messages, for instance which were refused, and why. Default: nobody does. What it
   * throws ends the process, as of any listener.
   */
  readonly onEvent?: (event: StatusEvent) => void;
  readonly [key: string]: unknown;
}

/** Buses by what was asked for: "" is the default one. */
const buses = new Map<string, Promise<Bus>>();

/**
 * Opens the default bus now, which gives subscribers time to connect before the first message.
 *
 * @throws FedmsgError FEDMSG_ALREADY_INITIALIZED while it is open, and what `connect` throws
 */
export async function init(options: ConnectOptions = {}): Promise<Bus> {
  const caller = callerPackage();
  if (buses.has("")) {
    throw new FedmsgError("FEDMSG_ALREADY_INITIALIZED", "the default bus is open already; call destroy() first");
  }
  return remember("", openBus(options, caller));
}

/**
 * Publishes one message on the default bus, which it opens if need be. Where `name` or keys of the configuration are
 * given, a bus of that name and configuration is opened once and kept beside it.
 *
 * The default bus does not keep the process alive: a script may end after the last `publish`.
 *
 * @throws FedmsgError what `connect` and `Bus.publish` throw
 * @example
 * ```ts
 * await publish({ topic: "testing", modname: "test", msg: { test: "Hello World" } });
 * ```
 */
export async function publish(options: DefaultPublishOptions): Promise<Receipt> {
  const bus = await busFor(options);
  return bus.publish(options);
}

/**
 * Iterates over the messages of everybody whom the configuration lists, until the loop is left or `signal` fires. Unless
 * `validate_signatures` is false, only over those that are signed; `onEvent` hears of the others.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID, FEDMSG_CONFIG_UNREADABLE, FEDMSG_ADDRESS_INVALID, FEDMSG_UNSUPPORTED, at the
 *   first step; never because of a message
 * @example
 * ```ts
 * for await (const { name, endpoint, topic, message } of tailMessages()) console.log(topic, message.msg);
 * ```
 */
export function tailMessages(options: TailOptions = {}): AsyncIterableIterator<Received, undefined> {
  const { topic, passive, signal, onEvent, ...overrides } = options;
  const caller = callerPackage();
  const topics = topic === undefined ? [] : typeof topic === "string" ? [topic] : topic;
  const subscribeOptions = { topics, ...(passive !== undefined && { passive }), ...(signal && { signal }) };
  const bus = openTail(overrides, caller);
  if (onEvent) void bus.then((open) => tell(open, onEvent), noop);
  return new Tail(bus, subscribeOptions);
}

/** Whoever takes the first step hears why there is no bus. */
function noop(): void {}

async function tell(bus: Bus, onEvent: (event: StatusEvent) => void): Promise<void> {
  for await (const event of bus.status()) onEvent(event);
}

/** A bus that only listens, with the default bus's configuration where there is one. */
async function openTail(overrides: ConfigInput, caller: string): Promise<Bus> {
  const base = await buses.get("")?.catch(() => undefined);
  return openBus({ config: { ...base?.config, ...overrides, mute: true } }, caller);
}

/** Steps straight to the subscription's queue: a generator would cost as much again as receiving. */
class Tail implements AsyncIterableIterator<Received, undefined> {
  readonly #bus: Promise<Bus>;
  readonly #messages: Promise<AsyncIterableIterator<Received, undefined>>;
  #opened: AsyncIterableIterator<Received, undefined> | undefined;

  constructor(bus: Promise<Bus>, options: SubscribeOptions) {
    this.#bus = bus;
    this.#messages = bus.then((open) => open.subscribe(options)[Symbol.asyncIterator]());
    this.#messages.catch(() => {}); // The first step tells.
  }

  next(): Promise<IteratorResult<Received, undefined>> {
    return this.#opened ? this.#opened.next() : this.#firstStep();
  }

  async return(): Promise<IteratorResult<Received, undefined>> {
    const bus = await this.#bus.catch(() => undefined);
    await bus?.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #firstStep(): Promise<IteratorResult<Received, undefined>> {
    this.#opened = await this.#messages;
    return this.#opened.next();
  }
}

/** Sends what was accepted and closes the default bus and those beside it. Does nothing where none is open. */
export async function destroy(): Promise<void> {
  const open = [...buses.values()];
  buses.clear();
  const settled = await Promise.allSettled(open);
  await Promise.all(settled.map((result) => (result.status === "fulfilled" ? result.value.drain() : undefined)));
}

/** What `publish` reads itself; every other option is a key of the configuration. */
const ownOptions = new Set(["topic", "modname", "msg", "pre_fire_hook", "signal"]);

function busFor(options: DefaultPublishOptions): Promise<Bus> {
  let key = "";
  for (const option in options) {
    if (ownOptions.has(option) || options[option] === undefined) continue;
    key = JSON.stringify(differingOptions(options));
    break;
  }
  return buses.get(key) ?? remember(key, openDiffering(options, callerPackage()));
}

function differingOptions(options: DefaultPublishOptions): [option: string, value: unknown][] {
  return Object.entries(options).filter(([option, value]) => !ownOptions.has(option) && value !== undefined);
}

/** A bus with the configuration and name of the default one, where that is open, but for what is given. */
async function openDiffering(options: DefaultPublishOptions, caller: string): Promise<Bus> {
  const differing = Object.fromEntries(differingOptions(options));
  const base = Object.keys(differing).length > 0 ? await buses.get("")?.catch(() => undefined) : undefined;
  const { name = base?.name, ...overrides } = differing as ConfigInput;
  return openBus({ config: { ...base?.config, ...overrides }, ...(name != null && { name }) }, caller);
}

/** A bus that could not be opened, or that was closed, is opened anew the next time. */
function remember(key: string, opening: Promise<Bus>): Promise<Bus> {
  buses.set(key, opening);
  const forget = () => {
    if (buses.get(key) === opening) buses.delete(key);
  };
  opening.then((bus) => bus.closed.then(forget), forget);
  return opening;
}

import { FedmsgError } from "fedmsg";
import {
  type EndpointsListener,
  LiveEndpoints,
  localAddressFor,
  parseAddress,
  type ReplayServer,
  socketOptions,
  startReplayServer,
  type Transport,
} from "fedmsg/plugin";
import { type Daemon, type DaemonOptions, forwardEvent, listenFor, nameKey, toDaemon, transportOf } from "./daemon.ts";
import { Forwarder, type ForwarderInput } from "./forwarder.ts";

const portKey = "fedmsg.consumers.gateway.port";

/**
 * Starts a gateway: one public address that carries everything that is said on the bus, for listeners who cannot reach
 * the services themselves (`fedmsg/consumers/gateway.py`). It connects to everything in `endpoints`, follows the domains of
 * `srv_endpoints` as the DNS changes, and publishes on `fedmsg.consumers.gateway.port` of `fedmsg.consumers.gateway.interface` (default `*`).
 *
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, naming the key
 */
export async function startGateway(options: DaemonOptions): Promise<Daemon> {
  const { config, onEvent } = options;
  const transport = await transportOf(options);
  const port = config[portKey];
  const host = config["fedmsg.consumers.gateway.interface"];
  let outbound = "";
  const replay: ReplayServer[] = [];
  const endReplay = () => Promise.all(replay.map((server) => server.close()));
  const output = transport.createPublisher({
    ...socketOptions(config),
    highWaterMark: config["fedmsg.consumers.gateway.high_water_mark"],
    onEvent: forwardEvent("gateway", () => outbound, onEvent),
  });
  try {
    const address = `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
    outbound = (await listenFor(output, address, [portKey], config)).endpoint;
    await startReplay(options, replay);
    const inputs = new Inputs(transport, options, Number(outbound.replace(/^.*:/, "")));
    await inputs.connectAll();
    const forwarder = new Forwarder({ inputs: inputs.all, output, bodyBytesMax: config.bodyBytesMax, onEvent });
    inputs.follow(forwarder);
    const inbound = inputs.all.map(({ endpoint }) => endpoint);
    const beforeEnd = async () => {
      await Promise.all([inputs.unfollow(), endReplay()]);
    };
    return toDaemon(forwarder, output, { inbound, outbound }, { beforeEnd });
  } catch (error) {
    await Promise.all([output.close(), endReplay()]);
    throw error;
  }
}

/** Takes questions for the journals of others, and passes them on (`replay_upstream`). */
async function startReplay({ config, onEvent }: DaemonOptions, started: ReplayServer[]): Promise<void> {
  for (const [name, address] of Object.entries(config.replay_upstream ?? {})) {
    const journal = config.replay_endpoints?.[name];
    try {
      if (journal === undefined) {
        throw new FedmsgError(
          "FEDMSG_NO_ENDPOINT",
          `replay_endpoints lists no ${JSON.stringify(name)} to pass requests on to`,
        );
      }
      const server = await startReplayServer({
        journal,
        address,
        onEvent: (event) => {
          if (event.type !== "failed") return;
          onEvent?.({
            type: "warning",
            name,
            detail: `${journal} does not answer: ${FedmsgError.from(event.error).message}`,
          });
        },
      });
      started.push(server);
      if (await isOwn(journal, Number(server.address.replace(/^.*:/, "")))) {
        throw new FedmsgError(
          "FEDMSG_ADDRESS_INVALID",
          `it would pass on to itself: replay_endpoints has ${journal} for it`,
        );
      }
      onEvent?.({ type: "listening", name, endpoint: server.address, note: `passes on what ${journal} is asked` });
    } catch (error) {
      throw nameKey(error, ["replay_upstream", name], config);
    }
  }
}

/** Everybody who publishes, and the sockets that are connected to them. */
class Inputs {
  /** In the order of the configuration. */
  all: ForwarderInput[] = [];
  readonly #transport: Transport;
  readonly #options: DaemonOptions;
  readonly #ownPort: number;
  readonly #endpoints: LiveEndpoints;
  #onChange: EndpointsListener | undefined;

  constructor(transport: Transport, options: DaemonOptions, ownPort: number) {
    const { config, onEvent } = options;
    this.#transport = transport;
    this.#options = options;
    this.#ownPort = ownPort;
    this.#endpoints = new LiveEndpoints(config, { emit: (event) => onEvent?.(event) });
  }

  /** Connects to whoever is listed. */
  async connectAll(): Promise<void> {
    const { config } = this.#options;
    const sources: [name: string, endpoint: string][] = [];
    for (const [name, addresses] of this.#endpoints.list()) {
      for (const [n, endpoint] of addresses.entries()) {
        try {
          if (!(await isOwn(endpoint, this.#ownPort))) sources.push([name, endpoint]);
        } catch (error) {
          throw nameKey(error, ["endpoints", name, n], config);
        }
      }
    }
    this.all = sources.map(([name, endpoint]) => this.#connect(name, endpoint));
  }

  /** From now on `forwarder` has the inputs that the DNS names. */
  follow(forwarder: Forwarder): void {
    this.#onChange = (name, addresses) => void this.#change(forwarder, name, addresses);
    this.#endpoints.follow(this.#onChange);
  }

  /** Takes `follow` back. Idempotent. */
  async unfollow(): Promise<void> {
    if (this.#onChange) await this.#endpoints.unfollow(this.#onChange);
    this.#onChange = undefined;
  }

  async #change(forwarder: Forwarder, name: string, addresses: readonly string[]): Promise<void> {
    const present = this.all.filter((input) => input.name === name);
    const gone = present.filter(({ endpoint }) => !addresses.includes(endpoint));
    this.all = this.all.filter((input) => !gone.includes(input));
    for (const input of gone) void forwarder.remove(input);
    for (const endpoint of addresses) {
      if (present.some((input) => input.endpoint === endpoint)) continue;
      if (await isOwn(endpoint, this.#ownPort)) continue;
      if (!this.#onChange) return; // It ended while we asked.
      const input = this.#connect(name, endpoint);
      this.all.push(input);
      forwarder.add(input);
    }
  }

  #connect(name: string, endpoint: string): ForwarderInput {
    const { config, onEvent } = this.#options;
    const socket = this.#transport.createSubscriber({
      ...socketOptions(config),
      onEvent: forwardEvent(name, () => endpoint, onEvent),
    });
    socket.subscribe("");
    socket.connect(endpoint);
    return { name, endpoint, socket };
  }
}

/** A gateway that is listed in the endpoints it serves would forward its own messages for ever. */
async function isOwn(endpoint: string, ownPort: number): Promise<boolean> {
  const address = parseAddress(endpoint, "connect");
  return address.scheme === "tcp" && address.port === ownPort && (await localAddressFor(address.host)) !== undefined;
}

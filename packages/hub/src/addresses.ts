/** What daemons say of addresses: where they listen, and which key of the configuration has them. */

import { FedmsgError, type StatusEvent } from "fedmsg";
import { type Config, configOrigin } from "fedmsg/config";
import { cutWarning, type Listening, listen, type Publisher, type SocketEvent } from "fedmsg/plugin";

/** Where the configuration has something, for instance `["relay_inbound", 0]`. */
export type KeyPath = readonly [key: string, ...rest: (string | number)[]];

/**
 * Listens on an address, as it is written; an error names the key it came from.
 *
 * @param path where the configuration has it
 */
export async function listenFor(
  socket: Pick<Publisher, "bind">,
  address: string,
  path: KeyPath,
  config: Config,
): Promise<Listening> {
  try {
    return await listen(socket, address, "refuse");
  } catch (error) {
    throw nameKey(error, path, config);
  }
}

/** Puts the key that an address came from, and where the key was given, in front of an error. */
export function nameKey(error: unknown, path: KeyPath, config: Config): FedmsgError {
  const { code, message } = FedmsgError.from(error);
  const key = path.map((step, n) => (n === 0 ? step : formatStep(step))).join("");
  const origin = configOrigin(config, ...path) ?? "default";
  const from = origin === "default" ? "a default" : `from ${origin}`;
  return new FedmsgError(code, `${key} (${from}): ${message}`, { cause: error });
}

function formatStep(step: string | number): string {
  return typeof step === "string" && /^\w+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** Turns what a publishing socket tells into what a daemon tells. */
export function forwardEvent(
  name: string,
  endpoint: () => string,
  tell: (event: StatusEvent) => void,
): (event: SocketEvent) => void {
  return (event) => {
    if (event.type === "unresolved") {
      tell({ type: "disconnected", name, endpoint: endpoint(), detail: event.detail });
    } else if (event.type === "dropped") {
      tell({ type: "dropped", name, endpoint: endpoint(), count: event.count });
    } else if (event.type === "cut") {
      tell(cutWarning(name, event));
    } else if (event.type !== "waiting") tell({ type: event.type, name, endpoint: endpoint() });
  };
}

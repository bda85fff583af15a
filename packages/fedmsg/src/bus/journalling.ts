/**
 * A publisher with a journal, where the configuration asks for one (`persistent_store`): what it sends is kept, listed by
 * heartbeats, and can be asked for at its address in `replay_endpoints`.
 */

import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { Journal } from "../replay/journal.ts";
import { JournalledPublisher } from "../replay/journalled.ts";
import {
  type ReplayServer,
  type ReplayServerEvent,
  type ReplayServerOptions,
  startReplayServer,
} from "../replay/server.ts";
import { listen } from "../transport/listen.ts";
import type { Frames, Publisher } from "../transport/transport.ts";
import { importStore } from "./store-package.ts";

/** What a journalled publisher is called, and where it is. */
export interface JournallingOptions {
  readonly config: Config;
  /** The key of `endpoints` that it publishes as. */
  readonly name: string;
  /** The address that it listens on. */
  readonly endpoint: string;
  readonly publisher: Publisher;
  /** Makes the frames of a heartbeat. */
  readonly encode: (topic: string, msg: unknown) => Frames;
  readonly onWarning: (detail: string) => void;
}

/** A journalled publisher, and where it can be asked. */
export interface Journalling {
  readonly publisher: JournalledPublisher;
  /** Absent where `replay_endpoints` lists no address for it. */
  readonly replayAddress: string | undefined;
}

/**
 * Opens the journal and answers questions about it; nothing where none is asked for. Where it throws, `publisher` is open still.
 *
 * @throws FedmsgError FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED (`@fedmsg/store` is not installed, or the URL is of another kind),
 *   FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT
 */
export async function openJournalling(options: JournallingOptions): Promise<Journalling | undefined> {
  const { config, name, endpoint, publisher, encode, onWarning } = options;
  if (config.persistent_store === null) return undefined;
  const location = locate(config.persistent_store, name, endpoint);
  const reopen = () => openStore(location, config, onWarning);
  const journal = await reopen();
  let journalled: JournalledPublisher | undefined;
  let replay: ReplayServer | undefined;
  try {
    const served = {
      journal: () => journalled?.journal ?? journal,
      beats: (from: number, to: number) => journalled?.digest(from, to),
    };
    replay = await serve(config, name, served, onWarning);
  } catch (error) {
    await journal.close();
    throw error;
  }
  journalled = new JournalledPublisher({ publisher, journal, reopen, replay, encode, onWarning });
  return { publisher: journalled, replayAddress: replay?.address };
}

/** `{name}` and `{port}` keep the journals of several publishers apart: each has one writer. */
function locate(url: string, name: string, endpoint: string): string {
  if (!url.startsWith("sqlite:")) {
    const wanted = "wanted sqlite: and a path, such as sqlite:/var/lib/fedmsg/{name}-{port}.db";
    throw new FedmsgError("FEDMSG_UNSUPPORTED", `persistent_store: found another kind of URL, ${wanted}`);
  }
  const port = /:(\d+)$/.exec(endpoint)?.[1] ?? "0";
  return url.replaceAll("{name}", name.replace(/[^\w.-]/g, "_")).replaceAll("{port}", port);
}

/** Answers at the address of `replay_endpoints`: on that host if it is this machine, else on every interface. */
async function serve(
  config: Config,
  name: string,
  served: Pick<ReplayServerOptions, "journal" | "beats">,
  onWarning: (detail: string) => void,
): Promise<ReplayServer | undefined> {
  const address = config.replay_endpoints?.[name];
  if (address === undefined) return undefined;
  const key = `replay_endpoints[${JSON.stringify(name)}]`;
  let server: ReplayServer | undefined;
  const onEvent = (event: ReplayServerEvent) => {
    if (event.type === "failed") onWarning(`${key}: ${FedmsgError.from(event.error).message}`);
  };
  const bind = async (bindable: string) => {
    server = await startReplayServer({ ...served, address: bindable, onEvent });
    return server.address;
  };
  try {
    const { note } = await listen({ bind }, address, "everywhere");
    if (note !== undefined) onWarning(`${key}: ${note}`);
    return server;
  } catch (error) {
    const { code, message } = FedmsgError.from(error);
    const more = code === "FEDMSG_ADDRESS_IN_USE" ? "; each publisher needs a name, and an address, of its own" : "";
    throw new FedmsgError(code, `${key}: ${message}${more}`, { cause: error });
  }
}

async function openStore(location: string, config: Config, onWarning: (detail: string) => void): Promise<Journal> {
  const { openJournal } = await importStore("persistent_store");
  const { journal_sync: sync, journal_max_age: maxAge, journalBytesMax: bytesMax } = config;
  return openJournal(location, {
    sync,
    maxAgeMs: maxAge > 0 ? Math.max(1, maxAge * 1000) : undefined,
    bytesMax: bytesMax > 0 ? bytesMax : undefined,
    onEvent: ({ detail }) => onWarning(detail),
  });
}

import { FedmsgError } from "../errors.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
import { importStore } from "./store-package.ts";

/**
 * Opens the outbox of a publisher, and begins to empty it.
 *
 * @param options `name` is what stands for `{name}` in its path
 * @throws FedmsgError FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED (`@fedmsg/store` is not installed, or the URL is of another kind)
 */
export async function openOutbox(options: OutboxOptions & { readonly name: string }): Promise<Outbox> {
  const { config, name, onWarning } = options;
  const location = locate(config.outbox as string, name);
  const { openJournal } = await importStore("outbox");
  const open = async () => {
    try {
      return await openJournal(location, {
        sync: config.journal_sync,
        maxAgeMs: undefined, // Nothing goes that is not confirmed, unless it is told.
        bytesMax: undefined,
        onEvent: ({ detail }) => onWarning(`outbox: ${detail}`),
      });
    } catch (error) {
      const { code, message } = FedmsgError.from(error);
      throw new FedmsgError(code, `outbox: ${message}`, { cause: error });
    }
  };
  const journal = await open();
  try {
    return new Outbox(options, journal, open);
  } catch (error) {
    await journal.close();
    const { code, message } = FedmsgError.from(error);
    throw new FedmsgError(code, `outbox: ${message}; what is in it is not published yet`, { cause: error });
  }
}

function locate(url: string, name: string): string {
  if (url.startsWith("sqlite:")) return url.replaceAll("{name}", name.replace(/[^\w.-]/g, "_"));
  const wanted = "wanted sqlite: and a path, such as sqlite:/var/lib/fedmsg/outbox-{name}.db";
  throw new FedmsgError("FEDMSG_UNSUPPORTED", `outbox: found another kind of URL, ${wanted}`);
}

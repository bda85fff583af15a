import { FedmsgError } from "../errors.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
import { otherProcessError } from "./outbox-errors.ts";
import { importStore } from "./store-package.ts";

/**
 * Opens the outbox of a publisher, and begins to empty it.
 *
 * @param options `name` is what stands for `{name}` in its path
 * @throws FedmsgError FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED (`@fedmsg/store` is not installed)
 */
export async function openOutbox(options: OutboxOptions & { readonly name: string }): Promise<Outbox> {
  const { config, name, onWarning } = options;
  const location = (config.outbox as string).replaceAll("{name}", name.replace(/[^\w.-]/g, "_"));
  const { openJournal, isLocked } = await importStore("outbox");
  const open = async () => {
    try {
      return await openJournal(location, {
        sync: config.journal_sync,
        maxAgeMs: undefined, // Nothing goes that is not confirmed, unless it is told.
        bytesMax: undefined,
        onEvent: ({ detail }) => onWarning(`outbox: ${detail}`),
      });
    } catch (error) {
      if (isLocked(error)) throw otherProcessError(location.replace(/^sqlite:/, ""), error);
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

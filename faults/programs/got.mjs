/** The rows that whoever receives writes, and the judge counts: one for each message, and nothing that would hide a second one. */

const table = "CREATE TABLE IF NOT EXISTS got (p INTEGER, n INTEGER, at INTEGER)";

/**
 * @param {import("fedmsg/plugin").Transaction} transaction
 * @param {{ readonly p: number, readonly n: number }} message
 */
export function writeGot(transaction, { p, n }) {
  transaction.run(table);
  transaction.run("INSERT INTO got VALUES (?, ?, ?)", p, n, Math.round(performance.timeOrigin + performance.now()));
}

/** What a message of the publishers says. @param {import("fedmsg").Received} received @returns {{ p: number, n: number }} */
export function numbersOf({ message }) {
  return /** @type {any} */ (message.msg ?? {});
}

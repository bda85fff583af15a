import { defineConsumer } from "fedmsg/plugin";

/** Who did what, and when: a row for everything that is said on the bus, each message once, whatever happens. */
export default defineConsumer({
  name: "audit",
  durable: true,
  consume: ({ topic, message, signer }, { commit }) =>
    commit((db) => {
      const who = signer ?? message.username ?? null; // The name on the certificate; else what the message says of itself.
      db.run("CREATE TABLE IF NOT EXISTS audit (at REAL, who TEXT, topic TEXT, msg TEXT)");
      const msg = JSON.stringify(message.msg ?? null);
      db.run("INSERT INTO audit VALUES (?, ?, ?, ?)", message.timestamp ?? null, who, topic, msg);
    }),
});

/** Preloaded into commands that know nothing of the runner: they end with it. */

process.on("disconnect", () => process.exit(0));
process.channel?.unref();

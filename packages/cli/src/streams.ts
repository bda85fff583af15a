/**
 * Decides, once for every command, what happens where stdout or stderr cannot be written to. A reader that has gone
 * away (`| head`) has what it wanted: the program ends, quietly. Where nobody hears what stderr says, work goes on.
 */
export function watchStreams(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    process.stderr.write(`cannot write to stdout: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on("error", () => {});
}

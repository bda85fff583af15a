import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg config convert`: from the old Python files to YAML. */
const configConvert: CommandDefinition = {
  name: "config convert",
  description:
    "Turns Python configuration files into YAML files of the same names, comments included, and proves that both say the same by reading both. No Python is run. An existing YAML file is never overwritten, and nothing is written where anything cannot be read.",
  arguments: [{ syntax: "<paths...>", description: "files ending in .py, and folders of them" }],
  options: [
    { flags: "--to <folder>", description: "where to write; without it beside each file" },
    { flags: "--retire", description: "afterwards rename each x.py to x.py.old, which is not read any more" },
    { flags: "--dry-run", description: "print the YAML instead of writing it" },
  ],
  examples: [
    ["fedmsg config convert /etc/fedmsg.d --to ./fedmsg.d", "a whole folder, the old one untouched"],
    ["fedmsg config convert /etc/fedmsg.d --retire", "in place: from now on the YAML counts"],
    ["fedmsg config convert base.py --dry-run", "shows what would come out"],
  ],
  run: async (context) => (await import("../run/config-convert.ts")).run(context),
};

export default configConvert;

import type { CommandDefinition } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";

/** `fedmsg completion`: scripts for shells. */
export function createCompletion(table: CommandTable): CommandDefinition {
  return {
    name: "completion",
    description:
      "Prints a script with which a shell completes the commands, their flags and what these take, for fedmsg and for fedmsg-tail and its like. One's own commands of the present configuration are in it; print it again when they change. Completing a word runs nothing of fedmsg.",
    arguments: [{ syntax: "<shell>", description: "which shell", choices: ["bash", "zsh", "fish"] }],
    examples: [
      ["fedmsg completion bash > /etc/bash_completion.d/fedmsg", "for everybody; bash-completion reads it there"],
      ["source <(fedmsg completion bash)", "for this shell alone, or in ~/.bashrc"],
      ["fedmsg completion zsh > /usr/local/share/zsh/site-functions/_fedmsg", "a folder of $fpath, for every zsh"],
      ["fedmsg completion fish > ~/.config/fish/completions/fedmsg.fish", "where fish looks for it"],
    ],
    run: async (context) => (await import("../run/completion.ts")).run(context, table),
  };
}

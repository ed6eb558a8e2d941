// `confab completions` makes a script for a shell to complete commands, flags and values, from the command table. Pure.
import type { Shell } from "../config/config.ts";
import { COMMANDS } from "../config/command_table.ts";
import type { CommandSpec, Flag } from "../config/flags.ts";

const MAKERS: Record<Shell, () => string> = { bash: makeBash, zsh: makeZsh, fish: makeFish };

const commands = Object.entries<CommandSpec>(COMMANDS);

/** Returns the script, which the shell evaluates. */
export function makeCompletions(shell: Shell): string {
  return MAKERS[shell]();
}

/** Makes a script for bash 3.2 (macOS) and later. In bash, `=` is a word of its own, and the value after it is another. */
function makeBash(): string {
  const cases = commands.flatMap(([name, command]) => [
    ...flagsOf(command).flatMap(([flag, { value, choices }]) => {
      const generator = choices
        ? `-W ${quote(choices.join(" "))}`
        : value === "DIR"
        ? "-d"
        : value === "FILE"
        ? "-f"
        : undefined;
      if (!value) return [];
      return `    ${quote(`${name} --${flag}`)}) ${
        generator ? `_confab_words ${generator}` : ":"
      } ;;`;
    }),
    `    ${quote(`${name} `)}*) _confab_choose ${quote(command.choices?.join(" ") ?? "")} ${
      quote(flagsOf(command).map(([flag]) => `--${flag}`).join(" "))
    } ;;`,
  ]);
  return `# bash completion of confab
_confab_words() {
  local IFS=$'\\n'
  [ "$1" = -W ] && set -- -W "\${2// /$IFS}" || compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$@" -- "$cur"))
}
_confab_choose() {
  case $1$cur in ""|*-*) set -- "$2" ;; esac
  _confab_words -W "$1"
}
_confab() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=serve
  if [ "$cur" = = ]; then cur=; elif [ "$prev" = = ]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  case \${COMP_WORDS[1]} in
    ${commands.map(([name]) => name).join("|")})
      [ "$COMP_CWORD" -gt 1 ] && command=\${COMP_WORDS[1]} ;;
  esac
  COMPREPLY=()
  case "$COMP_CWORD $cur" in
    "1 -"*) ;;
    "1 "*) _confab_words -W ${quote(commands.map(([name]) => name).join(" "))}; return ;;
  esac
  case "$command $prev" in
${cases.join("\n")}
  esac
}
complete -F _confab confab`;
}

function makeZsh(): string {
  const cases = commands.map(([name, command]) => {
    const specs = flagsOf(command).map(([flag, { help, short, value, choices }]) => {
      const names = [short && `-${short}`, `--${flag}`].filter(Boolean) as string[];
      const action = choices
        ? `(${choices.join(" ")})`
        : value === "DIR"
        ? "_files -/"
        : value === "FILE"
        ? "_files"
        : " ";
      const rest = `[${escapeZsh(help)}]${value ? `:${escapeZsh(value)}:${action}` : ""}`;
      return names.map((name) => quote(`(${names.join(" ")})${name}${rest}`)).join(" ");
    });
    const args = command.args.map((arg, i) => {
      const action = i === 0 && command.choices ? `(${command.choices.join(" ")})` : " ";
      return quote(`${arg.startsWith("[") ? "::" : ":"}${escapeZsh(arg)}:${action}`);
    });
    return `    ${name}) _arguments ${[...specs, ...args].join(" \\\n      ")} ;;`;
  });
  const descriptions = commands.map(([name, { summary }]) =>
    quote(`${name}:${escapeZsh(summary)}`)
  );
  return `#compdef confab
_confab() {
  local command=serve
  local -a commands=(
    ${descriptions.join("\n    ")}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  if [[ $words[2] == (${commands.map(([name]) => name).join("|")}) ]]; then
    command=$words[2]
    shift words
    (( CURRENT-- ))
  fi
  case $command in
${cases.join("\n")}
  esac
}
compdef _confab confab`;
}

function makeFish(): string {
  const names = commands.map(([name]) => name).join(" ");
  const lines = commands.flatMap(([name, command]) => {
    const isHere = name === "serve"
      ? `not __fish_seen_subcommand_from ${names.replace("serve ", "")}`
      : `__fish_seen_subcommand_from ${name}`;
    return [
      `complete -c confab -n __fish_use_subcommand -a ${name} -d ${quoteFish(command.summary)}`,
      ...flagsOf(command).map(([flag, { help, short, value, choices }]) => {
        const words = choices
          ? `-x -a ${quoteFish(choices.join(" "))}`
          : value === "DIR"
          ? "-x -a '(__fish_complete_directories)'"
          : value === "FILE"
          ? "-r -F"
          : value && "-x";
        const parts = [`-l ${flag}`, short && `-s ${short}`, words, `-d ${quoteFish(help)}`];
        return `complete -c confab -n ${quoteFish(isHere)} ${parts.filter(Boolean).join(" ")}`;
      }),
      ...(command.choices
        ? [`complete -c confab -n ${quoteFish(isHere)} -a ${quoteFish(command.choices.join(" "))}`]
        : []),
    ];
  });
  return ["# fish completion of confab", "complete -c confab -f", ...lines].join("\n");
}

function flagsOf(command: CommandSpec): [string, Flag][] {
  return Object.entries(command.flags);
}

/** Quotes a text as one word of bash or zsh, on one line. */
function quote(text: string): string {
  return `'${text.replaceAll("\n", " ").replaceAll("'", "'\\''")}'`;
}

function quoteFish(text: string): string {
  return `'${text.replaceAll("\n", " ").replaceAll(/['\\]/g, "\\$&")}'`;
}

/** Escapes the colons and brackets that are special in a zsh specification. */
function escapeZsh(text: string): string {
  return text.replaceAll(/[:[\]]/g, "\\$&");
}

import type { Argument, Command, Option } from 'commander'
import { connectorNames, asObject, asText } from './answers.ts'
import { clientOf } from './client-options.ts'
import { kinds } from './commands/get.ts'
import type { RestClient } from './rest-client.ts'

/** Longer nobody waits for a key press. */
const timeoutMs = 1000
/** Tells the shell to complete file names. */
const files = ':files'

/** Prints the script that a shell sources; it asks `millrace __complete` at each key press, so it never goes stale. */
export function printScript(shell: string): void {
  process.stdout.write(scripts[shell]!)
}

/**
 * Prints what may stand in place of the last word, a line each, with a tab before its meaning; `:files` alone means file names. Everything
 * comes from the definition of the verbs, names from the worker. Never fails: a completion has nobody to tell.
 */
export async function complete(program: Command, words: readonly string[]): Promise<void> {
  const lines = await candidates(program, words.slice(0, -1), words.at(-1) ?? '').catch(() => [])
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`)
}

async function candidates(program: Command, before: readonly string[], word: string): Promise<readonly string[]> {
  let command = program
  let given = 0
  let pending: Option | undefined
  const urls: string[] = []
  for (const text of before) {
    if (pending !== undefined) {
      if (pending.long === '--url') urls.push(text)
      pending = undefined
    } else if (text.startsWith('-')) {
      const option = command.options.find((one) => one.long === text || one.short === text)
      pending = option !== undefined && (option.required || option.optional) ? option : undefined
    } else {
      const found = given === 0 ? command.commands.find((one) => one.name() === text || one.aliases().includes(text)) : undefined
      if (found === undefined) given++
      else command = found
    }
  }
  const starting = (lines: readonly string[]) => lines.filter((line) => line.startsWith(word))
  if (pending !== undefined) return pending.argChoices === undefined ? optionValues(pending, urls, starting) : starting(pending.argChoices)
  if (word.startsWith('-')) return starting(optionLines(command))
  const verbs =
    given > 0
      ? []
      : command
          .createHelp()
          .visibleCommands(command)
          .map((one) => `${one.name()}\t${one.description()}`)
  const values = await argumentValues(defaultOf(command), given, before, urls)
  return starting(verbs).concat(values[0] === files ? values : starting(values))
}

/** `offsets <connector>` stands for `offsets show <connector>`. */
function defaultOf(command: Command): Command {
  const { _defaultCommandName: name } = command as unknown as { readonly _defaultCommandName?: string | null }
  return command.commands.find((one) => one.name() === name) ?? command
}

function optionLines(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option) => (option.long ? [`${option.long}\t${option.description}`] : []))
}

async function optionValues(
  option: Option,
  urls: readonly string[],
  starting: (lines: readonly string[]) => readonly string[],
): Promise<readonly string[]> {
  if (option.long === '--connector') return starting(await connectorNames(clientFor(urls)))
  return /<(file|folder|dir)/.test(option.flags) ? [files] : []
}

async function argumentValues(
  command: Command,
  given: number,
  before: readonly string[],
  urls: readonly string[],
): Promise<readonly string[]> {
  const last = command.registeredArguments.at(-1)
  const argument: Argument | undefined = command.registeredArguments[given] ?? (last?.variadic ? last : undefined)
  if (argument === undefined) return []
  if (argument.argChoices !== undefined) return argument.argChoices
  const name = argument.name()
  if (name === 'connector') return without(await connectorNames(clientFor(urls)), before)
  if (name === 'kind') return Object.keys(kinds)
  if (name === 'class') return classes(clientFor(urls))
  if (name === 'logger') return Object.keys(asObject(await clientFor(urls).call('GET', '/admin/loggers')))
  if (name === 'level') return ['trace', 'debug', 'info', 'warn', 'error', 'off']
  if (name === 'kind-or-connector') return ['connector', 'plugin', ...(await connectorNames(clientFor(urls)).catch(() => []))]
  if (name === 'name') return before.some((word) => /^plugins?$/.test(word)) ? classes(clientFor(urls)) : connectorNames(clientFor(urls))
  return ['file', 'config', 'samples', 'settings', 'connectors'].includes(name) ? [files] : []
}

async function classes(client: RestClient): Promise<readonly string[]> {
  const answer = await client.call('GET', '/connector-plugins?connectorsOnly=false')
  return Array.isArray(answer) ? [...new Set(answer.map((entry) => asText(asObject(entry)['class'])))] : []
}

function without(names: readonly string[], given: readonly string[]): readonly string[] {
  return names.filter((name) => !given.includes(name))
}

function clientFor(urls: readonly string[]): RestClient {
  return clientOf({ timeout: timeoutMs, ...(urls.length === 0 ? {} : { url: urls }) }, 0)
}

const scripts: Readonly<Record<string, string>> = {
  bash: `# bash completion of millrace: source <(millrace completion bash)
_millrace() {
  local IFS=$'\\n' line word
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then
      compopt -o filenames 2>/dev/null
      COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    elif [[ -n $line ]]; then
      printf -v word '%q' "\${line%%$'\\t'*}"
      COMPREPLY+=("$word")
    fi
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _millrace millrace
`,
  zsh: `#compdef millrace
# zsh completion of millrace: source <(millrace completion zsh)
_millrace() {
  local line word tab=$'\\t'
  local -a found
  for line in "\${(@f)$("$words[1]" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ':files' ]]; then
      _files
    elif [[ -n $line ]]; then
      word=\${line%%$tab*}
      word=\${word//:/\\\\:}
      if [[ $line == *$tab* ]]; then
        found+=("$word:\${line#*$tab}")
      else
        found+=("$word")
      fi
    fi
  done
  (( $#found )) && _describe 'millrace' found
}
compdef _millrace millrace
`,
  fish: `# fish completion of millrace: millrace completion fish | source
function __millrace_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] __complete -- $words[2..] 2>/dev/null)
    if test "$line" = ':files'
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c millrace -f -a '(__millrace_complete)'
`,
}

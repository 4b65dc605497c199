import { plain } from './output/terminal.ts'

/**
 * Exit codes of the `millrace` command: `done`; `failed`: the worker refused, a connector is not in the wanted state, a dry run found
 * something to do; `wrong`: the command line, a file or a config is wrong; `unreachable`: no worker gave a usable answer.
 */
export const exitCodes = { done: 0, failed: 1, wrong: 2, unreachable: 3 } as const

/** What was asked for did not come about. The message is all that a person needs; no trace is printed. */
export class FailedError extends Error {
  override readonly name = 'FailedError'
  readonly exitCode = exitCodes.failed
}

/** The command was called wrongly, or a file or config that it was given is wrong. The message names the fault and the way out. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly exitCode = exitCodes.wrong
}

/** Errors whose message says everything; any other is a bug, and its trace is needed. */
const told = ['RestError', 'ConfigError', 'StartError', 'BadRequestError', 'NotFoundError', 'ConflictError', 'PreviewBrokenError']

/** Prints an error that ended the command, and sets the exit code. An error class may bring its own as `exitCode`; then its message is told alone. */
export function tell(error: unknown): void {
  const { name, message, stack, cause, exitCode } = error as Error & { readonly exitCode?: unknown }
  const known = typeof exitCode === 'number'
  process.stderr.write(`millrace: ${known || told.includes(name) ? plain(message, true) : (stack ?? String(error))}\n`)
  const isWrong = name === 'ConfigError' || (cause as Error | undefined)?.name === 'ConfigError'
  process.exitCode = known ? exitCode : isWrong ? exitCodes.wrong : exitCodes.failed
}

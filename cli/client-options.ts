import { InvalidArgumentError, Option, type Command } from 'commander'
import { restClient, type RestClient } from './rest-client.ts'

/** Options of every verb that asks a worker. */
export interface ClientOptions {
  readonly url?: readonly string[]
  /** Milliseconds. */
  readonly timeout?: number
  readonly output: 'table' | 'json'
}

const defaultUrl = 'http://127.0.0.1:8083'

/** Adds --url, --timeout and --output to a verb. */
export function withClient(command: Command): Command {
  return withUrl(command)
    .option('--timeout <time>', 'how long one request may take, such as 500ms, 30s or 2m (default: 30s)', duration)
    .addOption(new Option('-o, --output <format>', 'for people or for programs').choices(['table', 'json']).default('table'))
}

/** Adds --url alone. */
export function withUrl(command: Command): Command {
  return command.option(
    '--url <url>',
    `a worker, ours or Kafka Connect's; repeated: the first that can be reached (default: $MILLRACE_URL or ${defaultUrl})`,
    (url: string, before: readonly string[] | undefined) => [...(before ?? []), url],
  )
}

/** The client that the options and the environment (MILLRACE_URL, MILLRACE_USER, MILLRACE_PASSWORD) ask for. */
export function clientOf({ url, timeout }: Partial<ClientOptions>, patienceMs?: number): RestClient {
  const { MILLRACE_URL: known, MILLRACE_USER: user, MILLRACE_PASSWORD: password } = process.env
  const urls = url ?? (known ?? '').split(',').flatMap((one) => one.trim() || [])
  return restClient(urls.length === 0 ? defaultUrl : urls, {
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(user ? { user, password: password ?? '' } : {}),
    ...(patienceMs === undefined ? {} : { patienceMs }),
  })
}

/** Parses a time with its unit into milliseconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  const ms = match === null ? 0 : Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h']
  if (ms < 1 || ms > 2 ** 31 - 1) throw new InvalidArgumentError('write it with its unit, such as 500ms, 30s or 2m')
  return ms
}

/** Parses a whole number of at least 0. */
export function natural(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is needed')
  return Number(text)
}

/** Parses a whole number above 0. */
export function positive(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number <= 0) throw new InvalidArgumentError('a whole number above 0 is needed')
  return number
}

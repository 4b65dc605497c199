import { readFileSync } from 'node:fs'
import { asObject, asText, connectorPath, listOf, objectOf } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { FailedError, UsageError } from '../exit.ts'
import { note, printJsonText, printLines, spelled } from '../output/print.ts'
import { table } from '../output/table.ts'
import { canAsk, confirm, plain } from '../output/terminal.ts'
import type { RestClient } from '../rest-client.ts'
import { whileStopped } from './states.ts'

export interface OffsetChangeOptions extends ClientOptions {
  /** Stop the connector for it, and bring it back to its state. */
  readonly stop?: boolean
  readonly yes?: boolean
}

const stopMs = 60_000

/** Where a connector stands: a line for each source partition. */
export async function showOffsets(name: string, options: ClientOptions): Promise<void> {
  const client = clientOf(options)
  const path = connectorPath(name, '/offsets')
  const text = await client.text('GET', path)
  if (options.output === 'json') return printJsonText(text)
  const answer = objectOf(client, path, text === '' ? undefined : JSON.parse(text, spelled))
  const entries = listOf(client, path, answer['offsets']).map(asObject)
  if (entries.length === 0) return note(`Connector ${name} has no offsets yet`)
  printLines(
    table(
      ['PARTITION', 'OFFSET'],
      entries.map(({ partition, offset }) => [memberText(partition), memberText(offset)]),
    ),
  )
}

/** Sets offsets from a file in the form that `offsets show --output json` gives, or a list of its entries. The connector must be stopped. */
export async function setOffsets(name: string, file: string, options: OffsetChangeOptions): Promise<void> {
  const body = offsetsBody(file)
  await change(name, options, async (client, path) => void (await client.text('PATCH', path, body)))
  if (options.output !== 'json') printLines([`${plain(name)}: offsets set`])
}

/** Forgets where the connector stands: it begins anew. The connector must be stopped. */
export async function resetOffsets(name: string, options: OffsetChangeOptions): Promise<void> {
  if (!options.yes && canAsk() && !(await confirm(`Forget where ${plain(name)} stands, so that it begins anew?`))) {
    throw new FailedError('Nothing was changed')
  }
  await change(name, options, async (client, path) => void (await client.call('DELETE', path)))
  if (options.output !== 'json') printLines([`${plain(name)}: offsets reset`])
}

async function change(name: string, options: OffsetChangeOptions, act: (client: RestClient, path: string) => Promise<void>): Promise<void> {
  const client = clientOf(options)
  const path = connectorPath(name, '/offsets')
  if (options.stop) return whileStopped(client, name, stopMs, () => act(client, path))
  try {
    await act(client, path)
  } catch (error) {
    if (!/STOPPED state/.test((error as Error).message)) throw error
    throw new FailedError(`Connector ${plain(name)} must be stopped first: millrace stop, or --stop here, which also brings it back`, { cause: error }) // prettier-ignore
  }
}

/** The file's text, whose numbers keep their digits. */
function offsetsBody(file: string): string {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  try {
    return Array.isArray(JSON.parse(text)) ? `{"offsets":${text}}` : text
  } catch (error) {
    throw new UsageError(`${file} is not valid JSON: ${(error as Error).message}`, { cause: error })
  }
}

/** "kafka_topic=orders kafka_partition=0"; what has members of its own is JSON. */
function memberText(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return Object.entries(asObject(value))
    .map(([key, member]) => `${key}=${asText(JSON.stringify(member)).replace(/^"([^"\\ ]*)"$/, '$1')}`)
    .join(' ')
}

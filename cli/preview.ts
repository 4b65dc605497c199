import { readFileSync } from 'node:fs'
import { previewLocally } from '../config/local-preview.ts'
import { readConfigFile, readConnectorFile, readSettings } from '../config/settings.ts'
import { ConfigError } from '../core/index.ts'
import type { PreviewOrder } from '../core/runtime/control.ts'
import { isTreeObject, readTree, treeText, type Tree } from '../core/runtime/preview/exact-tree.ts'
import { spelled } from './output/print.ts'
import { hasColours } from './output/terminal.ts'
import { isRefused, previewPicture } from './preview-picture.ts'
import type { RestClient } from './rest-client.ts'

export interface PreviewOptions {
  readonly connector?: string
  /** Records to read from the source, in place of samples. */
  readonly live?: number
  /** The connector's newest dead letters, in place of samples. */
  readonly deadLetters?: number
  /** Milliseconds. */
  readonly timeout: number
  readonly output: string
  /** Without a worker. */
  readonly local: boolean
  /** Worker settings for `local`. */
  readonly settings?: string
}

/**
 * Shows what transforms do to records: over a worker's REST API, or without a worker. The exit code is 1 where a record is rejected.
 * Throws a ConfigError for files that cannot be read, else what the client or the preview throws.
 */
export async function preview(
  client: RestClient,
  configFile: string | undefined,
  sampleFile: string | undefined,
  options: PreviewOptions,
): Promise<void> {
  const order: PreviewOrder = {
    connector: options.connector ?? null,
    config: configFile === undefined ? {} : readConfig(configFile),
    samples: sampleFile === undefined ? [] : readSamples(sampleFile).map(treeText),
    live: options.live ?? null,
    letters: options.deadLetters ?? null,
    timeoutMs: options.timeout,
  }
  if (options.local && order.connector !== null) {
    throw fault('connector', '--local has no worker that would know a connector; give its config as a file instead')
  }
  const answer = options.local ? await previewLocally(order, readSettings(options.settings)) : await ask(client, order)
  const tree = readTree(answer)
  const text =
    options.output === 'json' ? JSON.stringify(JSON.parse(answer, spelled), null, 2) : previewPicture(tree, hasColours()).join('\n')
  process.stdout.write(`${text}\n`)
  if (isRefused(tree)) process.exitCode = 1
}

function ask(client: RestClient, { connector, config, samples, live, letters, timeoutMs }: PreviewOrder): Promise<string> {
  const members = [
    ...(connector === null ? [] : [`"connector":${JSON.stringify(connector)}`]),
    `"config":${JSON.stringify(config)}`,
    ...(samples.length === 0 ? [] : [`"records":[${samples.join(',')}]`]),
    ...(live === null ? [] : [`"live":{"records":${live}}`]),
    ...(letters === null ? [] : [`"deadLetters":{"records":${letters}}`]),
    `"timeoutMs":${timeoutMs}`,
  ]
  return client.text('POST', '/api/v1/transforms/preview', `{${members.join(',')}}`)
}

/** A connector's file, or any part of a config: a preview needs neither a name nor a connector. */
function readConfig(file: string): Readonly<Record<string, string>> {
  const text = readText(file)
  const tree = /^\s*\{/.test(text) ? parse(text, file) : null
  return isTreeObject(tree) && isTreeObject(tree['config']) ? readConnectorFile(file).config : readConfigFile(file)
}

/** A sample, a list of them, `{"records": [...]}`, or a sample on each line. */
function readSamples(file: string): readonly Tree[] {
  const text = readText(file)
  let tree: Tree
  try {
    tree = readTree(text)
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '')
    if (lines.length < 2) throw fault(file, `${file} is not valid JSON: ${(error as Error).message}`)
    return lines.map((line, index) => parse(line, `Line ${index + 1} of ${file}`))
  }
  const list = isTreeObject(tree) && Array.isArray(tree['records']) ? tree['records'] : tree
  return Array.isArray(list) ? (list as readonly Tree[]) : [list]
}

function parse(text: string, place: string): Tree {
  try {
    return readTree(text)
  } catch (error) {
    throw fault(place, `${place} is not valid JSON: ${(error as Error).message}`)
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw fault(file, `Cannot read ${file}: ${(error as Error).message}`)
  }
}

function fault(key: string, message: string): ConfigError {
  return new ConfigError([{ key, message }])
}

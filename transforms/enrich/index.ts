import { ConfigError, type Transform, type TransformContext } from '../../core/index.ts'
import { refuse } from '../config-fault.ts'
import { everyItem, parsePath } from '../field-path.ts'
import { keyAndValue, otherSide, shortNames, type Side } from '../side.ts'
import { choicesOf, typesOf } from './columns.ts'
import { enrichConfig, type EnrichConfig } from './config.ts'
import { EnrichTransform } from './enrich.ts'
import { fileLookup } from './file-lookup.ts'
import { httpLookup } from './http-lookup.ts'
import { kafkaLookup } from './kafka-lookup.ts'
import type { Lookup } from './lookup.ts'
import { postgresLookup } from './postgres-lookup.ts'
import { keyReader } from './record-key.ts'
import type { LookupSettings } from './lookup-settings.ts'

/**
 * `io.millrace.transforms.Enrich$Key` and `$Value`: look a key up in a Postgres table, a compacted Kafka topic, a file or an HTTP endpoint, once
 * per batch, and add fields of what is found. Tombstones pass. Nothing is opened before the first batch.
 */
export const enrich = keyAndValue(
  'io.millrace.transforms.Enrich',
  'Looks a key up in Postgres, Kafka, a file or an HTTP endpoint, and adds fields of what is found',
  enrichConfig,
  createEnrich,
  shortNames('Enrich'),
  ['kafka'],
)

function createEnrich(config: EnrichConfig, side: Side, context?: TransformContext): Transform {
  const paths = config.key.map((text) => parsePath(text, 'own'))
  const choices = choicesOf(config.fields)
  const into = config.into === '' ? undefined : config.into
  const inner = config.join.toLowerCase() === 'inner'
  const missing = config.missing.toLowerCase() as 'null' | 'keep' | 'error'
  if (choices.length === 0 && into === undefined) {
    refuse('fields', undefined, 'no field is named, so all of them are taken, and need a struct: set "into", or name fields')
  }
  if (inner && missing !== 'null') refuse('missing', config.missing, 'join=inner drops what is not found; set join=left to say otherwise')
  const keyColumns = config['lookup.key'].length > 0 ? config['lookup.key'] : paths.map(({ steps }) => lastName(steps))
  if (paths.length > 0 && keyColumns.length !== paths.length) {
    refuse('lookup.key', config['lookup.key'].join(','), `it has ${keyColumns.length} names, but "key" has ${paths.length} fields`)
  }
  const settings: LookupSettings = { config, keyColumns, choices, types: typesOf(config.types), context }
  const keySide = config['key.of'] === undefined || config['key.of'].toLowerCase() === side.name.toLowerCase() ? side : otherSide(side)
  return new EnrichTransform(
    {
      side,
      readKey: keyReader(paths, keySide),
      into,
      missing: inner ? 'drop' : missing,
      cacheBytes: config['cache.bytes'],
      ttlMs: forever(config['cache.ttl.ms']),
      missingTtlMs: forever(config['cache.missing.ttl.ms']),
    },
    lookupOf(settings),
  )
}

function lookupOf(settings: LookupSettings): Lookup {
  const { lookup } = settings.config
  switch (lookup.toLowerCase()) {
    case 'postgres':
      return postgresLookup(settings)
    case 'kafka':
      return kafkaLookup(settings)
    case 'file':
      return fileLookup(settings)
    case 'http':
      return httpLookup(settings)
    default:
      throw new ConfigError([{ key: 'lookup', value: lookup, message: `There is no lookup "${lookup}"` }])
  }
}

function lastName(steps: readonly (string | typeof everyItem)[]): string {
  return steps.at(-1) as string
}

function forever(ms: number): number {
  return ms < 0 ? Infinity : ms
}

import { type ConfigKey, defineConfig } from '../../../core/index.ts'

function needless(doc: string): ConfigKey & { readonly type: 'string' } {
  return { type: 'string', importance: 'low', doc: `Known from existing configs, and without effect: ${doc}` }
}

function refused(reason: string): ConfigKey & { readonly type: 'string' } {
  return { type: 'string', importance: 'low', unsupported: reason, doc: `Known from existing configs, and refused: ${reason}.` }
}

/** Keys of Confluent's S3 sink that mean nothing here, and those that would change what its user gets. */
export const knownKeys = defineConfig({
  'schema.generator.class': needless('folders need no schemas.'),
  's3.part.retries': needless('s3.retry.timeout.ms bounds the attempts.'),
  's3.retry.backoff.ms': needless('s3.retry.timeout.ms bounds the attempts.'),
  'enable.conditional.writes': needless('the journal makes every flush whole or nothing.'),
  'max.files.scan.limit': needless('the journal makes every flush whole or nothing.'),
  'json.decimal.format': {
    type: 'string',
    default: 'NUMERIC',
    oneOf: ['NUMERIC'],
    importance: 'low',
    doc: 'JSON files have decimals as numbers with all their digits.',
  },
  's3.ssea.name': refused("set the bucket's default encryption instead"),
  's3.sse.kms.key.id': refused("set the bucket's default encryption instead"),
  's3.sse.customer.key': refused("keys of customers are not sent; set the bucket's default encryption instead"),
  's3.acl.canned': refused("objects get no lists of their own; set the bucket's policy instead"),
  's3.credentials.provider.class': refused(
    'Java classes cannot run here; leave it out for the usual chain of AWS, or give aws.access.key.id',
  ),
  'keys.format.class': refused('keys are not written; put them into the value by a transform'),
  'headers.format.class': refused('headers are not written; put them into the value by a transform (HeaderToValue)'),
  'store.kafka.keys': refused('keys are not written; put them into the value by a transform'),
  'store.kafka.headers': refused('headers are not written; put them into the value by a transform (HeaderToValue)'),
})

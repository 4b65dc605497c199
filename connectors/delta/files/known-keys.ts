import { type ConfigKey, defineConfig } from '../../../core/index.ts'

type TextKey = ConfigKey & { readonly type: 'string' }

function needless(doc: string): TextKey {
  return { type: 'string', importance: 'low', doc: `Known from existing configs, and without effect: ${doc}` }
}

function refused(reason: string): TextKey {
  return { type: 'string', importance: 'low', unsupported: reason, doc: `Known from existing configs, and refused: ${reason}.` }
}

/** Existing configs may spell out these values, which say what is done here; another one would change what its user gets. */
function only(values: readonly string[], reason: string): TextKey {
  return {
    type: 'string',
    importance: 'low',
    doc: `Known from existing configs; only ${values.map((value) => value || '(empty)').join(' or ')}: ${reason}.`,
    check: (given: string) => (values.includes(given.toLowerCase()) ? undefined : reason),
  }
}

const journal = 'the journal makes every flush whole or nothing.'
const retries = 's3.retry.timeout.ms bounds the attempts.'
const avro = 'Avro files are not written.'

/** Keys of Confluent's S3 sink that mean nothing here, and those that would change what its user gets. */
export const knownKeys = defineConfig({
  'schema.generator.class': needless('folders need no schemas.'),
  'schema.cache.size': needless('schemas are compared, not turned into others.'),
  'connect.meta.data': needless(avro),
  'avro.codec': needless(avro),
  'enhanced.avro.schema.support': needless(avro),
  'allow.optional.map.keys': needless(avro),
  's3.part.retries': needless(retries),
  's3.retry.backoff.ms': needless(retries),
  'retry.backoff.ms': needless(retries),
  'shutdown.timeout.ms': needless('the runtime says how long a task may take to end.'),
  's3.elastic.buffer.enable': needless('rows wait on the disk.'),
  's3.elastic.buffer.init.capacity': needless('rows wait on the disk.'),
  's3.send.digest': needless('the signature covers the content.'),
  's3.http.send.expect.continue': needless('requests are sent at once.'),
  'enable.conditional.writes': needless('no file is ever replaced.'),
  'max.files.scan.limit': needless(journal),
  's3.object.behavior.on.tagging.error': only(['fail'], 'tags are written with the object, so an object without them is never there'),
  'json.decimal.format': only(['numeric'], 'JSON files have decimals as numbers with all their digits; leave it out or say NUMERIC'),
  'schema.compatibility': only(
    ['none'],
    'a record with another schema begins a new file and is never bent to an older or newer one; leave it out or say NONE',
  ),
  's3.schema.partition.affix.type': only(
    ['none'],
    "names of schemas are no part of folders; use a transform that puts them into the topic's name",
  ),
  's3.sse.customer.key': refused('keys of customers are not sent; use s3.ssea.name=aws:kms with s3.sse.kms.key.id'),
  's3.credentials.provider.class': {
    type: 'string',
    importance: 'low',
    doc: "Known from existing configs; only Amazon's default chain, which is used where aws.access.key.id is not given.",
    check: (name: string) =>
      /(^|\.)Default(AWS)?CredentialsProvider(Chain)?$/.test(name)
        ? undefined
        : 'Java classes cannot run here; leave it out for the usual chain of AWS (which takes on roles by its shared config), or give aws.access.key.id',
  },
  's3.credentials.provider.sts.role.arn': refused('name the role in the shared config of AWS (role_arn), which the usual chain reads'),
  's3.credentials.provider.sts.role.session.name': refused(
    'name the role in the shared config of AWS (role_arn), which the usual chain reads',
  ),
  's3.credentials.provider.sts.role.external.id': refused(
    'name the role in the shared config of AWS (role_arn), which the usual chain reads',
  ),
  's3.proxy.url': refused('requests go straight to the store; route them there by the network'),
  's3.proxy.user': refused('requests go straight to the store; route them there by the network'),
  's3.proxy.password': { ...refused('requests go straight to the store; route them there by the network'), type: 'password' },
  'store.kafka.keys': only(['false'], 'keys are not written; put them into the value by a transform'),
  'store.kafka.headers': only(['false'], 'headers are not written; put them into the value by a transform (HeaderToValue)'),
  'keys.format.class': needless('keys are not written.'),
  'headers.format.class': needless('headers are not written.'),
  'tombstone.encoded.partition': needless('records without a value are rejected or left out, as behavior.on.null.values says.'),
})

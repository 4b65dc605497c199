import { type ConfigIssue, type ConfigOf, defineConfig } from '../../../core/index.ts'

/** How an S3 store is reached: keys of every sink that writes to one. */
export const s3Config = defineConfig({
  's3.endpoint': {
    type: 'string',
    importance: 'medium',
    doc: 'URL of an S3-compatible store, for example http://127.0.0.1:9000. Not given: Amazon S3 of the region.',
    check: (url: string) => (/^https?:\/\/[^\s/]+\/?$/i.test(url) ? undefined : 'must be a URL like https://host:port, without a path'),
  },
  's3.region': {
    type: 'string',
    importance: 'medium',
    doc: "The bucket's region. Not given: AWS_REGION or the shared AWS config; with s3.endpoint us-east-1.",
  },
  's3.path.style': {
    type: 'boolean',
    importance: 'low',
    doc: 'true: the bucket stands in the path of a URL, not in its host name. Not given: true with s3.endpoint, else false.',
  },
  'aws.access.key.id': {
    type: 'string',
    importance: 'medium',
    doc:
      'Access key. Not given: the usual chain of AWS (environment, shared credentials file, container, instance). ' +
      'Any writer of the lake needs s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket and s3:AbortMultipartUpload.',
  },
  'aws.secret.access.key': { type: 'password', importance: 'medium', doc: 'Secret that belongs to aws.access.key.id.' },
  'aws.session.token': { type: 'password', importance: 'low', doc: 'Token of temporary credentials, where they have one.' },
  's3.part.size': {
    type: 'int',
    default: 26_214_400,
    min: 5_242_880,
    importance: 'low',
    doc: 'Bytes of one part: larger files go up in several. Each table that is written holds one part in memory.',
  },
  's3.request.timeout.ms': {
    type: 'int',
    default: 30_000,
    min: 100,
    importance: 'low',
    doc: 'How long one request may take, in ms, before it is given up and tried again.',
  },
  's3.retry.timeout.ms': {
    type: 'int',
    default: 60_000,
    min: 0,
    importance: 'low',
    doc: 'How long a request that fails for reasons that may pass (5xx, throttling, network) is repeated, in ms; then the runtime tries the flush again.',
  },
  's3.ssea.name': {
    type: 'string',
    default: '',
    oneOf: ['', 'AES256', 'aws:kms', 'aws:kms:dsse'],
    importance: 'low',
    doc: "How the store encrypts what is written. Not given: as the bucket's default says.",
  },
  's3.sse.kms.key.id': { type: 'string', importance: 'low', doc: 'With s3.ssea.name=aws:kms: the key. Not given: the key of AWS for S3.' },
  's3.acl.canned': {
    type: 'string',
    oneOf: [
      'private',
      'public-read',
      'public-read-write',
      'authenticated-read',
      'aws-exec-read',
      'bucket-owner-read',
      'bucket-owner-full-control',
    ],
    importance: 'low',
    doc: 'Access list of what is written. Not given: none; buckets of today refuse lists, and have a policy instead.',
  },
  's3.wan.mode': { type: 'boolean', default: false, importance: 'low', doc: "Amazon's accelerated endpoint." },
  's3.cache.bytes': {
    type: 'long',
    default: 1024 ** 3,
    min: 0,
    importance: 'low',
    doc:
      'Bytes of data files kept in the temporary folder between flushes, so that look-ups of changed rows and compactions need not fetch them. ' +
      'While a flush runs there may be more: every file that it reads.',
  },
})

export type S3Config = ConfigOf<typeof s3Config>

/** Faults of keys that do not go together. */
export function s3Issues(config: S3Config): readonly ConfigIssue[] {
  const id = config['aws.access.key.id'] !== undefined
  const secret = config['aws.secret.access.key'] !== undefined
  if (config['s3.sse.kms.key.id'] !== undefined && !config['s3.ssea.name'].startsWith('aws:kms')) {
    return [{ key: 's3.sse.kms.key.id', message: 's3.sse.kms.key.id counts with s3.ssea.name=aws:kms only; give both or neither' }]
  }
  if (id && !secret) {
    return [{ key: 'aws.secret.access.key', message: 'aws.access.key.id is given without aws.secret.access.key; give both or neither' }]
  }
  if (!id && (secret || config['aws.session.token'] !== undefined)) {
    return [{ key: 'aws.access.key.id', message: 'A secret or a token is given without aws.access.key.id; give all of them or none' }]
  }
  return []
}

import { RetriableError, ConfigError, type ConfigIssue } from '../../core/index.ts'
import { ElasticsearchClient, type Answer } from './client.ts'
import type { ElasticsearchConfig } from './config.ts'

/** What no single key shows: keys that exclude each other, and whether a server answers and knows the user. */
export async function validateElasticsearch(config: ElasticsearchConfig): Promise<readonly ConfigIssue[]> {
  const issues = together(config)
  return issues.length > 0 ? issues : reachIssues(config)
}

function together(config: ElasticsearchConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const say = (key: keyof ElasticsearchConfig & string, message: string) => issues.push({ key, value: shown(config[key]), message })
  const is = (key: 'write.method' | 'behavior.on.null.values' | 'data.stream.type', value: string) => config[key].toUpperCase() === value
  const byKey = !config['key.ignore'] || config['document.id.fields'].length > 0
  const streaming = !is('data.stream.type', 'NONE') || /DATASTREAM$/i.test(config['external.resource.usage'])
  if ((config['connection.username'] === undefined) !== (config['connection.password'] === undefined)) {
    say('connection.username', 'connection.username and connection.password belong together; one of them is missing')
  }
  if (config['connection.api.key'] !== undefined && config['connection.username'] !== undefined) {
    say('connection.username', 'connection.api.key and connection.username are both given; give one')
  }
  if (is('write.method', 'UPSERT') && !byKey)
    say('write.method', 'With key.ignore=true each record is a document of its own, so write.method=UPSERT has nothing to update')
  if (is('behavior.on.null.values', 'DELETE') && config['key.ignore']) {
    say(
      'behavior.on.null.values',
      'With key.ignore=true nothing tells which document a tombstone deletes; set key.ignore=false, or behavior.on.null.values=ignore',
    )
  }
  if (is('write.method', 'UPSERT') && config['external.version.header'] !== undefined) {
    say('external.version.header', 'Elasticsearch knows no external versions of updates; set write.method=INSERT')
  }
  if (streaming && is('write.method', 'UPSERT')) say('write.method', 'A data stream only takes new documents; set write.method=INSERT')
  if (streaming && is('behavior.on.null.values', 'DELETE'))
    say('behavior.on.null.values', 'A data stream deletes no documents by id; set behavior.on.null.values=ignore')
  if (!is('data.stream.type', 'NONE') && config['data.stream.dataset'] === '')
    say('data.stream.dataset', 'data.stream.dataset is missing, which with data.stream.type names the data stream')
  if (config['max.buffered.records'] < config['batch.size']) {
    say(
      'max.buffered.records',
      `max.buffered.records must be at least batch.size (${config['batch.size']}), or no batch would ever be full`,
    )
  }
  return issues
}

function shown(value: unknown): string | null {
  return value === undefined ? null : String(value)
}

/** Any index that a user may not see is answered with 403, one that does not exist with 404: both need a known user. */
async function reachIssues(config: ElasticsearchConfig): Promise<readonly ConfigIssue[]> {
  const urls = config['connection.url'].join(',')
  const issue = (message: string): readonly ConfigIssue[] => [{ key: 'connection.url', value: urls, message }]
  let answer: Answer
  try {
    using client = new ElasticsearchClient(config)
    answer = await client.request('GET', '/_cluster/health?filter_path=status')
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    if (!(error instanceof RetriableError)) throw error
    return issue(`No server can be reached at ${urls}: ${error.message}`)
  }
  if (answer.status === 401) {
    const key = config['connection.api.key'] === undefined ? 'connection.username' : 'connection.api.key'
    return [
      {
        key,
        message: `The server at ${urls} does not accept the ${key === 'connection.username' ? 'user and password' : 'API key'} (status 401)`,
      },
    ]
  }
  // Without the right to see the cluster a user may still write; a task tells.
  if (answer.status < 300 || answer.status === 403 || answer.status === 429 || answer.status >= 500) return []
  return issue(`What answers at ${urls} is not Elasticsearch or OpenSearch: status ${answer.status} for /_cluster/health`)
}

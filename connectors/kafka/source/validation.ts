import type { ConfigIssue, Logger } from '../../../core/index.ts'
import { clientSettings } from '../config/client-settings.ts'
import { openClient } from '../client/open.ts'
import { subscriptionOf, type KafkaSourceConfig } from './settings.ts'

/** Longest time that a check of a config waits for the cluster. Milliseconds. */
const reachMaxMs = 10_000

/** What no single key shows: which of two keys is given, and whether the cluster can be reached with these settings. */
export async function validateKafkaSource(config: KafkaSourceConfig): Promise<readonly ConfigIssue[]> {
  const issues = [...topicIssues(config), ...timeIssues(config)]
  return issues.length > 0 ? issues : reachIssues(config)
}

function topicIssues(config: KafkaSourceConfig): readonly ConfigIssue[] {
  const named = (config.topics ?? []).length > 0
  const matched = (config['topics.regex'] ?? '') !== ''
  if (named !== matched) return []
  const message = named
    ? 'topics and topics.regex are mutually exclusive options, but both are set.'
    : 'Must configure one of topics or topics.regex'
  return ['topics', 'topics.regex'].map((key) => ({ key, value: String(config[key as 'topics'] ?? ''), message }))
}

function timeIssues(config: KafkaSourceConfig): readonly ConfigIssue[] {
  const beat = config['heartbeat.interval.ms']
  const session = config['session.timeout.ms']
  if (beat < session) return []
  const message = `Invalid value ${beat} for configuration heartbeat.interval.ms: it must be lower than session.timeout.ms (${session}), usually a third of it`
  return [{ key: 'heartbeat.interval.ms', value: String(beat), message }]
}

/** A topic that does not exist is no fault: it is waited for, as in Kafka Connect. */
async function reachIssues(config: KafkaSourceConfig): Promise<readonly ConfigIssue[]> {
  const late = Promise.withResolvers<readonly ConfigIssue[]>()
  const servers = String(config['bootstrap.servers'])
  const issue = (why: string) => [
    { key: 'bootstrap.servers', value: servers, message: `The Kafka cluster at ${servers} cannot be read: ${why}` },
  ]
  const timer = setTimeout(() => late.resolve(issue(`no answer within ${reachMaxMs / 1000} s`)), reachMaxMs)
  const asked = reach(config).then(
    () => [],
    (error: unknown) => issue(error instanceof Error ? error.message : String(error)),
  )
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

async function reach(config: KafkaSourceConfig): Promise<void> {
  await using client = await openClient(clientSettings(config), silent)
  await subscriptionOf(config).topics(client, 0)
}

const silent: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

import type { ConfigIssue, Logger } from '../../../core/index.ts'
import { openClient } from '../client/open.ts'
import { clientSettings } from '../config/client-settings.ts'
import type { KafkaSinkConfig } from './config.ts'
import { producerIssues } from './producer-keys.ts'
import { topicGroups } from './topic-creation.ts'

/** Longest time that a check of a config waits for the cluster. Milliseconds. */
const reachMaxMs = 10_000

/** What no single key shows: keys that exclude each other, the groups of topic.creation.*, and whether the cluster can be reached. */
export async function validateKafkaSink(
  config: KafkaSinkConfig,
  given: Readonly<Record<string, string>> = {},
): Promise<readonly ConfigIssue[]> {
  const family = { ...given, ...(JSON.parse(config['topic.creation'] ?? '{}') as Readonly<Record<string, string>>) }
  const issues = [...producerIssues(config), ...topicGroups(family).issues]
  return issues.length > 0 ? issues : reachIssues(config)
}

async function reachIssues(config: KafkaSinkConfig): Promise<readonly ConfigIssue[]> {
  const late = Promise.withResolvers<readonly ConfigIssue[]>()
  const servers = config['bootstrap.servers'].join(',')
  const issue = (why: string) => [
    { key: 'bootstrap.servers', value: servers, message: `The Kafka cluster at ${servers} cannot be reached: ${why}` },
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

async function reach(config: KafkaSinkConfig): Promise<void> {
  await using _ = await openClient(clientSettings(config), silent)
}

const silent: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

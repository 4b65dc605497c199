import { ConfigError, type ConfigIssue } from '../../../core/index.ts'
import { Session } from './session.ts'
import { settingsIssues, settingsOf, type SinkConfig } from './settings.ts'

/** Longest time that one host gets to answer while a config is checked. Milliseconds. */
const answerMsMax = 3_000

/** What is wrong between keys, and what the server refuses for good. A server that is only away may come back: that is no fault of the config. */
export async function sinkIssues(config: SinkConfig): Promise<readonly ConfigIssue[]> {
  const issues = settingsIssues(config)
  if (issues.length > 0) return issues
  const hosts = settingsOf(config).connections.map((host) => ({ ...host, connectTimeoutMs: Math.min(host.connectTimeoutMs, answerMsMax) }))
  try {
    await using session = await Session.open(hosts)
    await session.query('SELECT 1')
    return []
  } catch (error) {
    return error instanceof ConfigError ? error.issues : []
  }
}

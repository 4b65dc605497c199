import type { ConfigIssue } from '../../../core/index.ts'
import type { NewTopic } from '../client/port.ts'
import { topicPattern, type TopicPattern } from '../source/topic-pattern.ts'

/** A group of topics that are created alike (KIP-158). */
export interface TopicGroup {
  readonly name: string
  /** -1: the broker's default. */
  readonly partitions: number
  readonly replicationFactor: number
  /** Settings of the topic itself (`cleanup.policy`, `retention.ms` ...), as the broker names them. */
  readonly config: Readonly<Record<string, string>>
  matches(topic: string): boolean
}

const prefix = 'topic.creation.'
/** Keys of the family that belong to no group. */
const own = ['topic.creation.groups', 'topic.creation.enable', 'topic.creation']

/**
 * The groups that `topic.creation.*` describes, in the order in which they are tried, `default` last; empty: there are no such keys. All
 * faults at once, by key.
 */
export function topicGroups(given: Readonly<Record<string, string>>): {
  readonly groups: readonly TopicGroup[]
  readonly issues: readonly ConfigIssue[]
} {
  const keys = Object.keys(given).filter((key) => key.startsWith(prefix) && !own.includes(key))
  const names = splitList(given['topic.creation.groups'] ?? '')
  if (keys.length === 0 && names.length === 0) return { groups: [], issues: [] }
  const issues: ConfigIssue[] = []
  const fault = (key: string, message: string) => {
    issues.push({ key, value: given[key] ?? null, message })
  }
  for (const name of new Set(names)) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) {
      fault(
        'topic.creation.groups',
        `Invalid value [${names.join(', ')}] for configuration topic.creation.groups: Duplicate alias provided.`,
      )
    }
  }
  const count = (group: string, part: string, inherited: number | undefined) => {
    const key = `${prefix}${group}.${part}`
    const text = given[key]?.trim()
    if (text === undefined) {
      if (inherited !== undefined) return inherited
      fault(key, `Missing required configuration "${key}" which has no default value.`)
      return -1
    }
    const value = /^[+-]?\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= 1 || value === -1) return value
    fault(key, `Invalid value ${given[key]} for configuration ${key}: Value must be at least 1, or -1 for the broker's default`)
    return -1
  }
  const replication = count('default', 'replication.factor', undefined)
  const partitions = count('default', 'partitions', undefined)
  const known = new Set(['default', ...names])
  for (const key of keys) {
    if (![...known].some((name) => key.startsWith(`${prefix}${name}.`))) {
      fault(key, `Configuration ${key} names a group that topic.creation.groups does not list; list it there, or correct the name`)
    }
  }
  const groups = [...new Set(names.filter((name) => name !== 'default')), 'default'].map((name): TopicGroup => {
    const isDefault = name === 'default'
    const include = isDefault ? undefined : patterns(given, `${prefix}${name}.include`, fault)
    const exclude = isDefault ? undefined : patterns(given, `${prefix}${name}.exclude`, fault)
    return {
      name,
      partitions: isDefault ? partitions : count(name, 'partitions', partitions),
      replicationFactor: isDefault ? replication : count(name, 'replication.factor', replication),
      config: settingsOf(given, `${prefix}${name}.`),
      matches: (topic) => isDefault || (!exclude!.some((one) => one(topic)) && include!.some((one) => one(topic))),
    }
  })
  return { groups, issues }
}

/** How to create this topic: as the first group that it matches says; without groups, all by the broker's defaults. */
export function newTopic(topic: string, groups: readonly TopicGroup[]): NewTopic {
  const group = groups.find((one) => one.matches(topic))
  if (group === undefined) return { name: topic, partitions: -1, replicationFactor: -1, config: {} }
  return { name: topic, partitions: group.partitions, replicationFactor: group.replicationFactor, config: group.config }
}

function settingsOf(given: Readonly<Record<string, string>>, start: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(given)
      .filter(([key]) => key.startsWith(start))
      .map(([key, value]) => [key.slice(start.length), value] as const)
      .filter(([key]) => !['include', 'exclude', 'partitions', 'replication.factor'].includes(key)),
  )
}

/** The whole name must match one of them, as in Java. */
function patterns(
  given: Readonly<Record<string, string>>,
  key: string,
  fault: (key: string, message: string) => void,
): readonly TopicPattern[] {
  return splitList(given[key] ?? '').flatMap((pattern) => {
    try {
      return [topicPattern(pattern)]
    } catch (error) {
      fault(key, `Invalid value ${given[key]} for configuration ${key}: Invalid regex ${pattern}: ${(error as Error).message}`)
      return []
    }
  })
}

function splitList(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.trim().split(/\s*,\s*/)
}

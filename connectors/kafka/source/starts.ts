import { ConfigError, type Logger } from '../../../core/index.ts'
import type { CommittedOffset, KafkaClient, TopicPartition } from '../client/port.ts'
import type { Place } from './place.ts'
import { keyOf, readMetadata, type Position } from './position.ts'

/** Where one partition is read from, and to. */
export interface Start extends TopicPartition {
  readonly key: string
  readonly position: Position
  /** True: the position is a decision of now, which a restart must find again. */
  readonly noted: boolean
}

export interface StartSettings {
  readonly group: string
  /** Where to begin without a saved position. */
  readonly start: Place
  /** Where to begin a partition that `start` gives no offset for. */
  readonly reset: 'earliest' | 'latest' | 'none'
  /** Where a bounded run ends; undefined: never. */
  readonly end: { readonly place: Place; readonly setting: string } | undefined
  readonly readCommitted: boolean
  /** True: the runtime's position wins over the group's, whoever wrote that. */
  readonly exact: boolean
}

/** What the runtime knows of the past. */
export interface Past {
  readonly saved: ReadonlyMap<string, Position>
  /** Partitions that were there when the task began; undefined: it begins now. */
  readonly seen: ReadonlySet<string> | undefined
  /** Topic ids of the partitions that the task had before. */
  readonly ids: ReadonlyMap<string, string>
  /** Called for a partition whose topic was made anew since `offset` was read; throws unless that is tolerated. */
  readonly madeAnew: (place: TopicPartition, offset: number) => void
}

/**
 * Decides where partitions are read from. The group's offset counts where somebody else than us wrote it: a person reset it with Kafka's
 * tools, another consumer worked on, or Kafka Connect ran this connector before. Else the greater one of the group's and the runtime's:
 * after a crash between saving and committing the group is behind.
 */
export async function resolveStarts(
  client: KafkaClient,
  partitions: readonly TopicPartition[],
  settings: StartSettings,
  past: Past,
  log: Logger,
): Promise<readonly Start[]> {
  const group = new Map((await client.groups.committed(settings.group, null)).map((one) => [keyOf(one), one]))
  const ids = await client.topicIds([...new Set(partitions.map(({ topic }) => topic))])
  const known = new Set([...past.saved.keys(), ...group.keys()])
  const knownTopics = new Set([...group.values()].map(({ topic }) => topic))
  for (const key of past.saved.keys()) knownTopics.add((JSON.parse(key) as { kafka_topic: string }).kafka_topic)
  const chosen = partitions.map((place) => {
    const key = keyOf(place)
    const topicId = ids.get(place.topic)
    const { saved, committed, anew } = ofThisTopic(past.saved.get(key), group.get(key), past.ids.get(key), topicId)
    if (anew !== undefined) past.madeAnew(place, anew)
    const offset = chooseOffset(place, committed, saved?.offset, settings.exact, log)
    // A partition that is younger than the reading of its topic is read from its first record: "latest" would lose the ones before now.
    const young = !known.has(key) && (knownTopics.has(place.topic) || (past.seen !== undefined && !past.seen.has(key)))
    const begin = anew === undefined ? () => beginOf(place, settings, young) : () => ({ timestamp: -2 })
    return { place, key, topicId, offset, saved, begin: offset === undefined ? begin() : undefined }
  })
  const asked = await lookUp(
    client,
    chosen.flatMap(({ place, begin }) => (begin === undefined ? [] : [{ ...place, begin }])),
    settings.readCommitted,
  )
  const starts = chosen.map(({ place, key, topicId, offset, saved }) => ({
    place,
    key,
    topicId,
    saved,
    offset: offset ?? asked.get(key)!,
    noted: offset === undefined,
  }))
  return withEnds(client, starts, settings)
}

interface Kept {
  readonly saved: Position | undefined
  readonly committed: CommittedOffset | undefined
  /** The next offset of a topic of that name that is no more, where nothing is known of the new one. */
  readonly anew: number | undefined
}

/** Leaves out the offsets that count in a topic of the same name that was deleted. Brokers forget the group's with the topic, if not at once. */
function ofThisTopic(
  saved: Position | undefined,
  committed: CommittedOffset | undefined,
  had: string | undefined,
  now: string | undefined,
): Kept {
  const noted = committed && readMetadata(committed.metadata).topicId
  const before = had ?? saved?.topicId ?? noted
  if (now === undefined || before === undefined || before === now) return { saved, committed, anew: undefined }
  if (committed && (noted === undefined || noted === now)) return { saved: undefined, committed, anew: undefined }
  return { saved: undefined, committed: undefined, anew: saved?.offset ?? committed?.offset ?? 0 }
}

function chooseOffset(
  { topic, partition }: TopicPartition,
  committed: CommittedOffset | undefined,
  saved: number | undefined,
  exact: boolean,
  log: Logger,
): number | undefined {
  if (committed === undefined) return saved
  if (saved === undefined) return committed.offset
  if (readMetadata(committed.metadata).ours) return exact ? saved : Math.max(committed.offset, saved)
  if (committed.offset !== saved) {
    const said = `The group's offset of ${topic}-${partition} is ${committed.offset}, set by Kafka's tools or another consumer; ours is ${saved}`
    const chosen = exact ? 'reading goes on at ours, which the sink keeps (change it over the REST API)' : "reading goes on at the group's"
    log.warn({ topic, partition, group: committed.offset, saved }, `${said}: ${chosen}`)
  }
  return exact ? saved : committed.offset
}

/** A time, -1 (end), -2 (first), or an offset that a person gave. */
type Begin = { readonly timestamp: number } | { readonly offset: number }

function beginOf({ topic, partition }: TopicPartition, { start, reset, group }: StartSettings, young: boolean): Begin {
  const given = start.kind === 'offsets' ? start.offsets.get(topic)?.get(partition) : undefined
  if (given !== undefined) return { offset: given }
  if (start.kind === 'timestamp') return { timestamp: start.ms }
  const kind = start.kind === 'offsets' ? reset : start.kind
  if (kind === 'earliest' || (kind === 'latest' && young)) return { timestamp: -2 }
  if (kind === 'latest') return { timestamp: -1 }
  const message = `Consumer group ${group} has no offset for ${topic}-${partition}, and auto.offset.reset=none forbids to choose one; set the group's offset with Kafka's tools, or "start"`
  throw new ConfigError([{ key: 'auto.offset.reset', value: 'none', message }])
}

async function lookUp(
  client: KafkaClient,
  asked: readonly (TopicPartition & { readonly begin: Begin })[],
  readCommitted: boolean,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  const times: (TopicPartition & { readonly timestamp: number })[] = []
  for (const { topic, partition, begin } of asked) {
    if ('offset' in begin) found.set(keyOf({ topic, partition }), begin.offset)
    else times.push({ topic, partition, timestamp: begin.timestamp })
  }
  for (const [key, offset] of await offsetsAt(client, times, readCommitted)) found.set(key, offset)
  return found
}

/** Offsets by key; the end where no record is as young as asked for. */
async function offsetsAt(
  client: KafkaClient,
  asked: readonly (TopicPartition & { readonly timestamp: number })[],
  readCommitted: boolean,
): Promise<ReadonlyMap<string, number>> {
  if (asked.length === 0) return new Map()
  const answers = await client.offsetsAt(asked, readCommitted)
  const late = answers.filter(({ offset }) => offset < 0).map(({ topic, partition }) => ({ topic, partition, timestamp: -1 }))
  const ends = late.length === 0 ? [] : await client.offsetsAt(late, readCommitted)
  return new Map([...answers, ...ends].map((answer) => [keyOf(answer), answer.offset]))
}

interface Begun {
  readonly place: TopicPartition
  readonly key: string
  readonly topicId: string | undefined
  readonly saved: Position | undefined
  readonly offset: number
  readonly noted: boolean
}

async function withEnds(client: KafkaClient, starts: readonly Begun[], settings: StartSettings): Promise<readonly Start[]> {
  const { end, readCommitted } = settings
  if (end === undefined)
    return starts.map(({ place, key, topicId, offset, noted }) => ({ ...place, key, position: { offset, ...idOf(topicId) }, noted }))
  const { place: where, setting } = end
  const unknown = starts.filter(({ saved }) => saved?.end?.setting !== setting)
  const timestamp = where.kind === 'timestamp' ? where.ms : -1
  const asked = where.kind === 'offsets' ? [] : unknown.map(({ place }) => ({ ...place, timestamp }))
  const found = await offsetsAt(client, asked, readCommitted)
  return starts.map(({ place, key, topicId, saved, offset, noted }) => {
    const id = idOf(topicId)
    if (saved?.end?.setting === setting) return { ...place, key, position: { offset, end: saved.end, ...id }, noted }
    // Without an offset of its own a partition is not read at all.
    const stop = where.kind === 'offsets' ? (where.offsets.get(place.topic)?.get(place.partition) ?? offset) : found.get(key)!
    return { ...place, key, position: { offset, end: { offset: stop, setting }, ...id }, noted: true }
  })
}

function idOf(topicId: string | undefined): { readonly topicId?: string } {
  return topicId === undefined ? {} : { topicId }
}

import type { Logger, TaskContext } from '../../contract/context.ts'
import type { SinkTask } from '../../contract/sink.ts'
import { createConverters, loadSink, type PluginLoader } from '../parts.ts'
import type { TaskSpec } from '../protocol.ts'
import { RetryingSink, type Retry } from '../retry.ts'
import { FolderBox } from './folder-box.ts'
import type { LetterBox } from './letter.ts'
import { FolderReader, type LetterReader } from './letter-reader.ts'
import type { LetterTopicSpec } from './letter-topic.ts'
import { OrderlyBox } from './orderly-box.ts'
import { TopicBox } from './topic-box.ts'
import { TopicReader } from './topic-reader.ts'

export interface LettersParts {
  readonly converters: TaskContext['converters']
  readonly retry: Retry
  readonly log: Logger
  readonly redact: (text: string) => string
  readonly kill: AbortSignal
}

/** A task's dead letters: where they go, and how they are read again. A topic that cannot be reached fails here, not with the first letter. */
export async function openLetters(
  spec: TaskSpec,
  loader: PluginLoader,
  parts: LettersParts,
): Promise<{ readonly letters: LetterBox; readonly reader: LetterReader }> {
  const { connector, task } = spec
  const { folder, fileBytesMax, topic } = spec.tolerance.deadLetters
  const { redact, kill } = parts
  const reader = readerOf(spec, loader, parts.log)
  if (topic === null || !spec.tolerance.all) {
    return { letters: new OrderlyBox(new FolderBox(folder, { connector, task }, fileBytesMax, redact)), reader }
  }
  const sink = new RetryingSink(await openSink(topic, spec, loader, parts), parts.retry)
  const box = new TopicBox(sink, { ...topic, connector, task, redact, kill }, parts.converters)
  return { letters: new OrderlyBox(box), reader }
}

/** By what a redrive names: files end with .jsonl, partitions with a number. */
function readerOf({ connector, tolerance }: TaskSpec, loader: PluginLoader, log: Logger): LetterReader {
  const { folder, topic } = tolerance.deadLetters
  const files = new FolderReader(folder, connector, log)
  const messages = topic && new TopicReader(topic, connector, loader, log)
  return {
    read(spans, span, at) {
      if (spans[0] === undefined || spans[0].unit.endsWith('.jsonl')) return files.read(spans, span, at)
      if (messages) return messages.read(spans, span, at)
      throw new Error(
        `A redrive reads the dead letters of ${spans[0].unit}, but the config names no topic any more: set errors.deadletterqueue.topic.name again, or reset the connector's offsets`,
      )
    },
  }
}

async function openSink(topic: LetterTopicSpec, spec: TaskSpec, loader: PluginLoader, { log }: LettersParts): Promise<SinkTask> {
  const { part, config } = await loadSink(topic.sink, loader)
  const converters = await createConverters({ key: topic.bytes, value: topic.bytes, header: topic.bytes }, loader)
  const sink = await part.create(config, {
    connector: spec.connector,
    task: spec.task,
    generation: spec.generation,
    log,
    converters,
    reject: (_, error) =>
      Promise.reject(new Error(`A dead letter cannot be written to the topic ${topic.topic}: ${error.message}`, { cause: error })),
    report: () => {}, // The task's progress is that of its ends.
  })
  try {
    await sink.open?.()
    return sink
  } catch (error) {
    await sink[Symbol.asyncDispose]()
    throw error
  }
}

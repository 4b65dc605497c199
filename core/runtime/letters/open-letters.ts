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
  const reader = new FolderReader(folder, connector, parts.log)
  if (topic === null || !spec.tolerance.all) {
    return { letters: new OrderlyBox(new FolderBox(folder, { connector, task }, fileBytesMax, redact)), reader }
  }
  const sink = new RetryingSink(await openSink(topic, spec, loader, parts), parts.retry)
  const box = new TopicBox(sink, { ...topic, connector, task, redact, kill }, parts.converters)
  return { letters: new OrderlyBox(box), reader }
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

import type { Stage } from './letters/letter.ts'
import type { TaskSpec } from './protocol.ts'

/** What Connect calls the stages of this task, and the class that works at each. */
export interface TaskStages {
  /** The stage at which the source rejects, where it does not say itself. */
  readonly source: Stage
  readonly sink: Stage
  classAt(stage: Stage, step?: string): string
}

/** Writing to Kafka and reading from it have names of their own, as `put` and `poll` are a plugin's in Connect. */
export function stagesOf({ source, sink, steps, converters }: TaskSpec): TaskStages {
  const isKafka = (name: string) => /\bkafka\.Kafka(?:Source|Sink)Connector$/.test(name)
  return {
    source: isKafka(source.class) ? 'KAFKA_CONSUME' : 'TASK_POLL',
    sink: isKafka(sink.class) ? 'KAFKA_PRODUCE' : 'TASK_PUT',
    classAt(stage, step) {
      switch (stage) {
        case 'KEY_CONVERTER':
          return converters.key?.class ?? ''
        case 'VALUE_CONVERTER':
          return converters.value?.class ?? ''
        case 'HEADER_CONVERTER':
          return converters.header?.class ?? ''
        case 'TRANSFORMATION':
          return steps.find(({ alias }) => alias === step)?.transform.class ?? ''
        case 'TASK_POLL':
        case 'KAFKA_CONSUME':
          return source.class
        case 'TASK_PUT':
        case 'KAFKA_PRODUCE':
          return sink.class
        default:
          return stage satisfies never
      }
    },
  }
}

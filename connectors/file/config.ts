import { defineConfig } from '../../core/index.ts'

const formats = ['lines', 'json'] as const

/** Settings of the file source; `file`, `topic` and `batch.size` as Kafka Connect's FileStreamSource has them. */
export const fileSourceConfig = defineConfig({
  file: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'Path of the file to follow. It may come later; a directory, pipe or device is refused. Standard input is not read.',
    check: pathFault,
  },
  topic: { type: 'string', required: true, importance: 'high', doc: 'The topic to publish data to', check: nonEmpty },
  'batch.size': { type: 'int', default: 2000, min: 1, importance: 'low', doc: 'The maximum number of lines in one batch.' },
  format: {
    type: 'string',
    default: 'lines',
    oneOf: formats,
    importance: 'medium',
    doc: 'lines: each line is a text. json: each line is a value for value.converter (JsonConverter with schemas.enable=false for plain JSON); empty lines are passed over.',
  },
  'line.max.bytes': {
    type: 'int',
    default: 1_048_576,
    min: 1,
    max: 268_435_456,
    importance: 'low',
    doc: 'Longest line in bytes; a longer one fails the task.',
  },
})

/** Settings of the file sink; `file` as Kafka Connect's FileStreamSink has it. */
export const fileSinkConfig = defineConfig({
  file: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'Path of the file that lines are appended to; beside it stands <file>.offsets, which makes them exact after a crash. Standard output is not written.',
    check: pathFault,
  },
  format: {
    type: 'string',
    default: 'lines',
    oneOf: formats,
    importance: 'medium',
    doc: 'lines: the text of each value. json: an object of topic, partition, key, value, headers and timestamp for each record, values as the converters write them.',
  },
})

function nonEmpty(value: string): string | undefined {
  return value === '' ? 'String may not be empty' : undefined
}

function pathFault(path: string): string | undefined {
  if (path === '') return 'String may not be empty'
  return path.includes('\0') ? 'String may not contain NUL characters' : undefined
}

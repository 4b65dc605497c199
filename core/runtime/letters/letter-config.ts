import { defineConfig } from '../../contract/config-def.ts'

/** Connect's keys of the dead letter topic: there, sink connectors have them; here, source connectors, too. */
export const letterTopicConfig = defineConfig({
  'errors.deadletterqueue.topic.name': {
    type: 'string',
    default: '',
    importance: 'medium',
    group: 'Error Handling',
    width: 'medium',
    displayName: 'Dead Letter Queue Topic Name',
    doc: 'The topic used as the dead letter queue for records that result in an error. Blank: errors.deadletterqueue.path is used.',
  },
  'errors.deadletterqueue.topic.replication.factor': {
    type: 'short',
    default: 3,
    importance: 'medium',
    group: 'Error Handling',
    width: 'medium',
    displayName: 'Dead Letter Queue Topic Replication Factor',
    doc: "Replication factor used to create the dead letter queue topic when it doesn't already exist.",
  },
  'errors.deadletterqueue.context.headers.enable': {
    type: 'boolean',
    default: false,
    importance: 'medium',
    group: 'Error Handling',
    width: 'medium',
    displayName: 'Enable Error Context Headers',
    doc: 'If true, headers with the error context are added to the messages written to the dead letter queue.',
  },
})

/** The runtime's own keys of dead letters. */
export const letterConfig = defineConfig({
  'errors.deadletterqueue.path': {
    type: 'string',
    default: null,
    importance: 'medium',
    group: 'Error Handling',
    width: 'long',
    displayName: 'Dead letter queue directory',
    doc: "Directory in which rejected records are kept as JSON lines, where no dead letter topic is named. Default: the worker's dead letter directory.",
  },
  'errors.deadletterqueue.file.max.bytes': {
    type: 'long',
    default: 64 * 1024 * 1024,
    min: 1,
    importance: 'low',
    group: 'Error Handling',
    width: 'short',
    displayName: 'Dead letter file size',
    doc: 'A file of dead letters that has reached this many bytes is left, and the next one begun. Nothing is deleted.',
  },
  'errors.redrive.max': {
    type: 'int',
    default: 3,
    min: 1,
    importance: 'low',
    group: 'Error Handling',
    width: 'short',
    displayName: 'Redrive attempts',
    doc: 'A dead letter that was redriven this often, and failed again each time, is not redriven any more.',
  },
})

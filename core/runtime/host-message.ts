import type { FromHost } from './protocol.ts'

const fields: Readonly<Record<FromHost['type'], Readonly<Record<string, 'number' | 'string' | 'object'>>>> = {
  ready: {},
  state: { id: 'number', state: 'string' },
  beat: { beats: 'object', residentBytes: 'number' },
  topics: { id: 'number', topics: 'object' },
  ended: { id: 'number' },
  fatal: { failure: 'object' },
  load: { call: 'number', connector: 'string' },
  save: { call: 'number', connector: 'string', offsets: 'object' },
  at: { call: 'number', place: 'string' },
  answer: { call: 'number' },
}

/** Whether what a host sent has the shape of a message: a host that plugins broke may send anything. */
export function isFromHost(message: unknown): message is FromHost {
  if (typeof message !== 'object' || message === null) return false
  const { type } = message as { type?: unknown }
  if (typeof type !== 'string' || !Object.hasOwn(fields, type)) return false
  return Object.entries(fields[type as FromHost['type']]).every(([name, kind]) => {
    const value = (message as Record<string, unknown>)[name]
    return typeof value === kind && value !== null
  })
}

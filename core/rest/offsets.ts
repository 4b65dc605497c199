import { BadRequestError, NotFoundError } from '../contract/errors.ts'
import type { Json } from '../contract/json.ts'
import type { ConnectorInfo, Control, OffsetEntry } from '../runtime/control.ts'
import { ok, type Call, type Route } from './route.ts'
import { isObject, kindOf, plainJson, type JsonBody } from './strict-json.ts'

/** GET, PATCH and DELETE of a connector's offsets (KIP-875), with Connect's checks in Connect's order. */
export function offsetRoutes(control: Control): readonly Route[] {
  const path = '/connectors/:connector/offsets'
  return [
    {
      method: 'GET',
      path,
      answer: async (call) => {
        const entries = await control.offsets(existing(control, call).name)
        return ok({ offsets: entries.map(({ partition, offset }) => ({ partition, offset })) })
      },
    },
    {
      method: 'PATCH',
      path,
      answer: async (call) => {
        const sent = sentOffsets(call.body())
        const info = stopped(control, call)
        await control.alterOffsets(info.name, readsKafka(info) ? sent.map(kafkaOffset) : sent)
        return ok({ message: 'The offsets for this connector have been altered successfully' })
      },
    },
    {
      method: 'DELETE',
      path,
      answer: async (call) => {
        await control.resetOffsets(stopped(control, call).name)
        return ok({ message: 'The offsets for this connector have been reset successfully' })
      },
    },
  ]
}

function existing(control: Control, call: Call): ConnectorInfo {
  const name = call.param('connector')
  const info = control.find(name)
  if (!info) throw new NotFoundError(`Connector ${name} not found`)
  return info
}

function stopped(control: Control, call: Call): ConnectorInfo {
  const info = existing(control, call)
  const { connector, tasks } = control.status(info.name)
  if (connector.state === 'STOPPED' && tasks.length === 0) return info
  throw new BadRequestError(
    `Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/${info.name}/stop' endpoint`,
  )
}

/** A sink connector whose other end is Kafka: its partitions are Kafka's. */
function readsKafka({ type, config }: ConnectorInfo): boolean {
  const source = config['source.class']
  return type === 'sink' && (source === undefined || /kafka/i.test(source))
}

function sentOffsets(body: JsonBody | undefined): readonly OffsetEntry[] {
  const none = new BadRequestError('Partitions / offsets need to be provided for an alter offsets request')
  if (body === undefined || body === null) throw none
  if (!isObject(body)) throw new BadRequestError(`The request body must be an object {"offsets": […]}; it is ${kindOf(body)}`)
  const unknown = Object.keys(body).find((field) => field !== 'offsets')
  if (unknown !== undefined) throw new BadRequestError(`Unrecognized field "${unknown}": the request body may have "offsets" alone`)
  const { offsets } = body
  if (offsets === undefined || offsets === null) throw none
  if (!Array.isArray(offsets)) throw new BadRequestError(`"offsets" must be a list of {"partition", "offset"}; it is ${kindOf(offsets)}`)
  if (offsets.length === 0) throw none
  return (offsets as readonly JsonBody[]).map(sentEntry)
}

function sentEntry(entry: JsonBody, at: number): OffsetEntry {
  const place = `Entry ${at + 1} of "offsets"`
  if (!isObject(entry)) throw new BadRequestError(`${place} must be an object {"partition", "offset"}; it is ${kindOf(entry)}`)
  const unknown = Object.keys(entry).find((field) => field !== 'partition' && field !== 'offset')
  if (unknown !== undefined) throw new BadRequestError(`${place} has an unrecognized field "${unknown}"`)
  const { partition, offset } = entry
  if (!isObject(partition)) throw new BadRequestError(`${place}: "partition" must be an object; it is ${kindOf(partition)}`)
  if (offset !== undefined && offset !== null && !isObject(offset)) {
    throw new BadRequestError(`${place}: "offset" must be an object, or null to reset the partition; it is ${kindOf(offset)}`)
  }
  return { partition: objectJson(partition), offset: offset ? objectJson(offset) : null }
}

function objectJson(body: { readonly [key: string]: JsonBody }): Readonly<Record<string, Json>> {
  return plainJson(body) as Readonly<Record<string, Json>>
}

/** Checks as Connect's SinkUtils does; numbers may come as text, further keys are left out. */
function kafkaOffset({ partition, offset }: OffsetEntry): OffsetEntry {
  if (!Object.hasOwn(partition, 'kafka_topic') || !Object.hasOwn(partition, 'kafka_partition')) {
    throw new BadRequestError("The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'")
  }
  const { kafka_topic: topic, kafka_partition: number } = partition
  if (topic === null || typeof topic === 'object') throw new BadRequestError('Kafka topic names must be valid strings and may not be null')
  if (number === null) throw new BadRequestError('Kafka partitions must be valid numbers and may not be null')
  const partitionNumber = integer(number!, 'partition', 'Partition', 2_147_483_647)
  const place = { kafka_topic: String(topic), kafka_partition: partitionNumber }
  if (offset === null) return { partition: place, offset: null }
  if (!Object.hasOwn(offset, 'kafka_offset')) {
    throw new BadRequestError("The offset for a sink connector should either be null or contain the key 'kafka_offset'")
  }
  return { partition: place, offset: { kafka_offset: integer(offset['kafka_offset']!, 'offset', 'Offset', Number.MAX_SAFE_INTEGER) } }
}

function integer(value: Json, kind: string, title: string, max: number): number {
  const text = String(value)
  const number = Number(text)
  if (/^[+-]?\d{1,19}$/.test(text) && number >= 0 && number <= max) return number
  throw new BadRequestError(
    `Failed to parse the following Kafka ${kind} value in the provided offsets: '${text}'. ${title} values for sink connectors need to be integers.`,
  )
}

import { asObject, asText } from '../answers.ts'
import { RestError, segment, type RestClient } from '../rest-client.ts'

/** The keys of a stored config that its plugins define as passwords. A plugin that the worker does not have (any more) adds none. */
export async function secretKeys(client: RestClient, config: Readonly<Record<string, string>>): Promise<ReadonlySet<string>> {
  const ends = [
    ['connector.class', ''],
    ['sink.class', 'sink.'],
    ['source.class', 'source.'],
  ] as const
  const keys = ends.map(async ([key, prefix]) => {
    const name = config[key]
    return name ? (await passwords(client, name)).map((password) => prefix + password) : []
  })
  return new Set((await Promise.all(keys)).flat())
}

async function passwords(client: RestClient, name: string): Promise<readonly string[]> {
  try {
    const answer = await client.call('GET', `/connector-plugins/${segment(name)}/config`)
    const keys = Array.isArray(answer) ? answer.map(asObject) : []
    return keys.flatMap((key) => (key['type'] === 'PASSWORD' ? [asText(key['name'])] : []))
  } catch (error) {
    if (error instanceof RestError && error.status !== 0) return [] // Unknown plugin, or a worker before Connect 3.2: names tell what is secret.
    throw error
  }
}

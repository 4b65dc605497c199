import { ElasticsearchClient } from '../../connectors/elasticsearch/client.ts'
import { elasticsearchConfig } from '../../connectors/elasticsearch/config.ts'
import { parseConfig } from '../../core/index.ts'

const rows = 2000

/** Bulk requests of 2000 documents each, with keys as ids and offsets as versions, as the sink sends them. */
export function bulkBodies(index: string, count: number, document: (n: number) => string): readonly Buffer[] {
  return Array.from({ length: Math.ceil(count / rows) }, (_, b) => {
    const lines = Array.from({ length: Math.min(rows, count - b * rows) }, (__, n) => line(index, b * rows + n, document))
    return Buffer.from(lines.join(''))
  })
}

/**
 * Sends bodies that are there already: what the server, and the client's connections, can do without anything of ours. Gives documents a
 * second; `times`: how often each body is sent.
 */
export async function bulkLoop(url: string, bodies: readonly Buffer[], inFlight: number, times = 1): Promise<number> {
  const { config } = parseConfig(elasticsearchConfig, { 'connection.url': url, 'read.timeout.ms': '60000' })
  using client = new ElasticsearchClient(config)
  let next = 0
  const began = performance.now()
  const sending = async () => {
    while (next < bodies.length * times) {
      const bytes = bodies[next++ % bodies.length]!
      const answer = await client.request('POST', '/_bulk?filter_path=errors', { type: 'application/x-ndjson', bytes })
      if (answer.status !== 200) throw new Error(answer.text)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, sending))
  return (bodies.length * times * rows) / ((performance.now() - began) / 1000)
}

function line(index: string, n: number, document: (n: number) => string): string {
  return `{"index":{"_index":"${index}","_id":"k${n}","version":${n},"version_type":"external"}}\n${document(n)}\n`
}

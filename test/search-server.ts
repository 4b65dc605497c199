/** A server of Elasticsearch's API that a test started. `stop` and dispose remove its folder; `kill` and `start` leave it, and it keeps its port. */
export interface SearchServer extends AsyncDisposable {
  readonly url: string
  /** Starts it (again). Resolves when it takes requests. */
  start(): Promise<void>
  /** As a crash: SIGKILL to the server itself. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** One call of its API; the answer's JSON whatever its status is. */
  call(method: string, path: string, body?: object): Promise<Record<string, any>>
  /** All documents of an index (at most 10,000) by id, after a refresh. */
  documents(index: string): Promise<Map<string, any>>
  count(index: string): Promise<number>
}

/** As `SearchServer.call`. */
export async function callServer(url: string, method: string, path: string, body?: object): Promise<Record<string, any>> {
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await fetch(url + path, { method, headers: { 'content-type': 'application/json' }, ...content })
  return (await answer.json()) as Record<string, any>
}

/** As `SearchServer.documents`. */
export async function documentsOf(url: string, index: string): Promise<Map<string, any>> {
  await callServer(url, 'POST', `/${index}/_refresh`)
  const answer = await callServer(url, 'POST', `/${index}/_search`, { size: 10_000, version: true })
  const hits: readonly { readonly _id: string; readonly _source: unknown }[] = answer['hits']?.hits ?? []
  return new Map(hits.map((hit) => [hit._id, hit._source]))
}

/** As `SearchServer.count`. */
export async function countOf(url: string, index: string): Promise<number> {
  await callServer(url, 'POST', `/${index}/_refresh`)
  return (await callServer(url, 'GET', `/${index}/_count`))['count'] as number
}

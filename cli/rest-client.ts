/** Talks to a worker's REST API, ours or any Kafka Connect's. */
export interface RestClient {
  /** The parsed answer; undefined for an empty one. Throws a RestError for anything but a 2xx. */
  call(method: string, path: string, body?: unknown): Promise<unknown>
  /** JSON text in, JSON text out: numbers keep their spelling. */
  text(method: string, path: string, body?: string): Promise<string>
}

/** An answer that is not a success: its status and what the worker said. */
export class RestError extends Error {
  override readonly name = 'RestError'
  readonly status: number
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

const timeoutMs = 30_000

/** A client for the worker at `url`, such as http://127.0.0.1:8083. */
export function restClient(url: string): RestClient {
  const exchange = async (method: string, path: string, body?: string): Promise<string> => {
    const response = await reach(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body }),
    })
    const text = await response.text()
    if (!response.ok) throw new RestError(response.status, messageOf(text) ?? `${method} ${path} answered ${response.status}`)
    return text
  }
  return {
    async call(method, path, body) {
      const text = await exchange(method, path, body === undefined ? undefined : JSON.stringify(body))
      return text === '' ? undefined : JSON.parse(text)
    },
    text: exchange,
  }
}

async function reach(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    throw new RestError(0, `No worker answers at ${url.origin}: start one with "millrace worker", or name another with --url`, {
      cause: error,
    })
  }
}

function messageOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { message?: string }).message
  } catch {
    return undefined // Not JSON: some proxy's page; the caller names the status instead.
  }
}

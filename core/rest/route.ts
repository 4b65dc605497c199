import type { JsonBody } from './strict-json.ts'

/** One endpoint, as data: the server mounts it, the OpenAPI test walks over it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Segments that begin with a colon are parameters; they arrive percent-decoded and opaque. */
  readonly path: string
  /** Errors that it throws become `{error_code, message}` (problem.ts). */
  readonly answer: (call: Call) => Answer | Promise<Answer>
}

/** What an endpoint sees of a request. */
export interface Call {
  param(name: string): string
  readonly query: URLSearchParams
  /** Parses the body on demand: endpoints without one ignore what clients send. undefined: empty. Throws a BadRequestError. */
  body(): JsonBody | undefined
  /** Scheme and authority under which the client reached this worker, for absolute links. */
  readonly origin: string
}

export interface Answer {
  readonly status: number
  /** Sent as JSON; absent: an empty answer. */
  readonly body?: unknown
  /** In its place: a body that is JSON text already. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** 200 with a body. */
export function ok(body: unknown): Answer {
  return { status: 200, body }
}

/** Java's Boolean.parseBoolean, as Connect reads its flags: only "true" in any case is true. */
export function flag(query: URLSearchParams, name: string, absent: boolean): boolean {
  const given = query.get(name)
  return given === null || (given === '' && absent) ? absent : given.toLowerCase() === 'true'
}

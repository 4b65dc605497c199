import type { Server } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import type { Logger } from '../contract/context.ts'
import type { Control } from '../runtime/control.ts'
import type { Registry } from '../runtime/registry.ts'
import type { Validation } from '../runtime/validation.ts'
import type { SentConfig } from './connector-body.ts'
import { connectorRoutes } from './connectors.ts'
import { createGate } from './gate.ts'
import { deadLetterRoutes } from './dead-letters.ts'
import { healthRoutes, type WorkerIdentity } from './health.ts'
import { isPublic, listen, listenerOf, serverFor } from './listeners.ts'
import { loggerRoutes, type LoggerLevels } from './loggers.ts'
import { offsetRoutes } from './offsets.ts'
import { overviewRoutes } from './overview.ts'
import { pluginPackageRoutes } from './plugin-packages.ts'
import { pluginRoutes } from './plugins.ts'
import { previewRoutes } from './preview.ts'
import { Problem, problemOf, refusal } from './problem.ts'
import { responseHeaders } from './response-headers.ts'
import { ok, type Answer, type Call, type Route } from './route.ts'
import { defaultRestSettings, type RestSettings } from './settings.ts'
import { parseBody } from './strict-json.ts'

export interface ServerParts {
  readonly control: Control
  readonly registry: Registry
  /** Validates a config, possibly with null values in it (core/runtime/validation.ts). */
  validate(config: SentConfig): Promise<Validation>
  readonly loggers: LoggerLevels
  readonly identity: WorkerIdentity
  readonly log: Logger
  /** What differs from `defaultRestSettings`. */
  readonly settings?: Partial<RestSettings>
}

/** The REST API of a worker: Kafka Connect's public endpoints, and ours under /api/v1. */
export interface RestServer extends AsyncDisposable {
  /** The application without a socket: its `inject` serves tests and embedding. */
  readonly app: FastifyInstance
  readonly routes: readonly Route[]
  /** Listens on all of `listeners`; resolves with their URLs, real ports in them. */
  listen(): Promise<readonly string[]>
  /** Ends idle connections at once and busy ones within a second. */
  close(): Promise<void>
}

/** Builds the server; listening begins with `listen`. Throws a ConfigError for wrong settings. */
export async function createServer(parts: ServerParts): Promise<RestServer> {
  const settings = { ...defaultRestSettings, ...parts.settings }
  const listeners = listenerOf(settings.listeners)
  const routes = routesOf(parts, settings)
  const app = application(parts, settings, routes)
  await app.ready()
  const servers: Server[] = []
  const close = async () => {
    await Promise.all(servers.splice(0).map(closeServer))
    await app.close()
  }
  return {
    app,
    routes,
    listen: async () => {
      const urls: string[] = []
      for (const listener of listeners) {
        const server = await serverFor(listener, settings, app.routing)
        servers.push(server)
        urls.push(await listen(server, listener))
        if (isPublic(listener)) {
          const text = 'The REST API has no authentication and listens on an address that other machines can reach'
          parts.log.warn({ listener: listener.text }, text)
        }
      }
      return urls
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function routesOf(parts: ServerParts, settings: RestSettings): readonly Route[] {
  const { control, registry, identity } = parts
  const { topicTracking, topicReset } = settings
  const routes: readonly Route[] = [
    ...healthRoutes(control, identity),
    ...connectorRoutes({ control, topicTracking, topicReset, issues: async (config) => (await parts.validate(config)).issues }),
    ...offsetRoutes(control),
    ...pluginRoutes({ registry, validate: async (config) => (await parts.validate(config)).configInfos }),
    ...pluginPackageRoutes(control),
    ...(settings.admin ? loggerRoutes(parts.loggers) : []),
    ...deadLetterRoutes(control),
    ...previewRoutes(control),
    ...overviewRoutes(control, identity, (config) => parts.validate(config)),
  ]
  // Built at the first request for it: a worker's start does not wait for its documentation.
  const document: Route = {
    method: 'GET',
    path: '/openapi.json',
    answer: async () => ok((await import('./openapi.ts')).openApi(identity.version)),
  }
  return [...routes, document]
}

function application(parts: ServerParts, settings: RestSettings, routes: readonly Route[]): FastifyInstance {
  const options: FastifyServerOptions<Server> = {
    bodyLimit: settings.bodyBytesMax,
    routerOptions: {
      ignoreTrailingSlash: true,
      // Names are as long as the header limit allows; which are too long is said by validation.
      maxParamLength: 32 * 1024,
      querystringParser: (text) => new URLSearchParams(text) as never,
    },
    // No route has a schema, so ajv and its kin need not be loaded: 40 ms of a cold start.
    schemaController: {
      compilersFactory: { buildValidator: (() => () => () => true) as never, buildSerializer: () => () => JSON.stringify },
    },
    frameworkErrors: (error, request, reply) => {
      fail(parts.log, error, request as FastifyRequest, reply as unknown as FastifyReply)
    },
  }
  const app: FastifyInstance = fastify(options)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))

  const gate = createGate(settings)
  const headers = responseHeaders(settings.responseHeaders)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff')
    for (const { name, add, value } of headers) {
      const before = add ? [reply.getHeader(name) ?? []].flat().map(String) : []
      reply.header(name, before.length > 0 ? [...before, value()] : value())
    }
    try {
      if (request.headers.host === undefined && request.raw.httpVersion === '1.1') throw refusal(400)
      // A target in absolute form names the host itself, and wins over the header (RFC 9112, 3.2.2).
      const absolute = /^https?:\/\/([^/?]*)/i.exec(request.raw.url ?? '')
      gate.check(absolute ? { ...request.headers, host: absolute[1] } : request.headers)
    } catch (error) {
      done(error as Error)
      return
    }
    reply.headers(gate.corsHeaders(request.headers, request.method === 'OPTIONS'))
    done()
  })
  app.setErrorHandler((error, request, reply) => fail(parts.log, error, request, reply))
  app.setNotFoundHandler((request, reply) => unrouted(routes, request, reply))
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      handler: async (request, reply) => {
        checkMedia(request)
        return send(reply, await inTime(route.answer(callOf(request)), settings.answerTimeoutMs))
      },
    })
  }
  return app
}

function callOf(request: FastifyRequest): Call {
  const params = request.params as Readonly<Record<string, string>>
  const bytes = request.body as Buffer | undefined
  return {
    param: (name) => params[name] ?? '',
    query: request.query as URLSearchParams,
    body: () => (bytes === undefined || bytes.length === 0 ? undefined : parseBody(bytes)),
    origin: `${request.protocol}://${request.headers.host ?? 'localhost'}`,
  }
}

/** JSON in, JSON out. An empty body passes under any type: axios sends form types with none (ecosystem, decision 3). */
function checkMedia(request: FastifyRequest): void {
  const { accept, 'content-type': type = '' } = request.headers
  if (accept !== undefined && !acceptsJson(accept)) throw refusal(406)
  const bytes = request.body as Buffer | undefined
  if (bytes === undefined || bytes.length === 0) return
  const [media = '', ...parameters] = type.split(';').map((part) => part.trim().toLowerCase())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  const utf8 = charset === undefined || /^charset="?(utf-?8|us-ascii)"?$/.test(charset)
  const encoded = (request.headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity'
  if (media !== 'application/json' || !utf8 || encoded) throw refusal(415)
}

function acceptsJson(accept: string): boolean {
  const ranges = accept.split(',').map((range) => range.split(';').map((part) => part.trim().toLowerCase()))
  const welcome = ranges.filter(([media]) => media === '*/*' || media === 'application/*' || media === 'application/json' || media === '*')
  return accept.trim() === '' || welcome.some((range) => !range.some((part) => /^q=0(\.0*)?$/.test(part)))
}

async function inTime(answer: Answer | Promise<Answer>, timeoutMs: number): Promise<Answer> {
  if (!(answer instanceof Promise)) return answer
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const text = `Request timed out: the worker has been busy with it for ${timeoutMs} ms. It may still come to its end.`
    timer = setTimeout(() => reject(new Problem(503, text)), timeoutMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A known path under another verb is a 405 with the verbs that it has; OPTIONS tells them. */
function unrouted(routes: readonly Route[], request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0]!.replace(/(?<=.)\/$/, '')
  const methods = new Set(routes.filter((route) => fits(route.path, path)).map((route) => route.method))
  if (methods.size === 0) return problem(reply, refusal(404))
  const allow = [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).concat('OPTIONS')
  if (request.method === 'OPTIONS') return reply.code(200).header('allow', allow.join(',')).send()
  return problem(reply, refusal(405, { allow: allow.join(',') }))
}

function fits(pattern: string, path: string): boolean {
  const [expected, given] = [pattern.split('/'), path.split('/')]
  return expected.length === given.length && expected.every((part, at) => (part.startsWith(':') ? given[at] !== '' : part === given[at]))
}

function fail(log: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, message, unexpected } = problemOf(error)
  if (unexpected) log.error({ err: error, method: request.method, url: request.url }, 'A request failed')
  return problem(reply, new Problem(status, message, error instanceof Problem ? error.headers : {}))
}

function problem(reply: FastifyReply, { status, message, headers }: Problem): FastifyReply {
  return send(reply, { status, headers, body: { error_code: status, message } })
}

function send(reply: FastifyReply, { status, body, text, headers = {} }: Answer): FastifyReply {
  reply.code(status).headers(headers)
  if (body === undefined && text === undefined) return reply.send()
  return reply.header('content-type', 'application/json').send(Buffer.from(text ?? JSON.stringify(body)))
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), 1_000)
  await closed
  clearTimeout(timer)
}

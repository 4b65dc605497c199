import { operations, type Operation } from './openapi-operations.ts'
import { schemas } from './openapi-schemas.ts'

/** The OpenAPI 3.1 document of this API: complete (a test walks the routes) and true (a test checks answers against it). */
export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method]: document(operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace REST API',
      version,
      description:
        'The public REST API of Kafka Connect 4.3, standalone, and Millrace’s own endpoints under /api/v1. Trailing slashes are accepted, HEAD wherever GET is.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas, parameters },
  }
}

const parameters = {
  connector: {
    name: 'connector',
    in: 'path',
    required: true,
    description: 'Name of a connector, percent-encoded: any characters but control ones.',
    schema: { type: 'string' },
  },
  task: { name: 'task', in: 'path', required: true, description: 'Number of a task, from 0.', schema: { type: 'integer', minimum: 0 } },
  plugin: {
    name: 'plugin',
    in: 'path',
    required: true,
    description: 'Full class name, simple name or alias of a plugin.',
    schema: { type: 'string' },
  },
  package: {
    name: 'package',
    in: 'path',
    required: true,
    description: 'Name of an npm package, percent-encoded: a scope has a slash.',
    schema: { type: 'string' },
  },
  version: { name: 'version', in: 'path', required: true, description: 'Version of a package.', schema: { type: 'string' } },
  logger: {
    name: 'logger',
    in: 'path',
    required: true,
    description: 'Name of a logger; root is the whole worker.',
    schema: { type: 'string' },
  },
}

function document({ path, id, tag, summary, query, body, answers }: Operation): object {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ $ref: `#/components/parameters/${name}` }))
  const inQuery = Object.entries(query ?? {}).map(([name, { description, ...schema }]) => ({ name, in: 'query', description, schema }))
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(body && { requestBody: { required: true, content: content(body) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          { description: answer.description ?? 'Done.', ...(answer.schema && { content: content(answer.schema) }) },
        ]),
      ),
      default: { description: 'Refused: the message names the fault.', content: content({ $ref: '#/components/schemas/Error' }) },
    },
  }
}

function content(schema: object): object {
  return { 'application/json': { schema } }
}

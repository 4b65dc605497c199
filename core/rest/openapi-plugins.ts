import type { Operation } from './openapi-operations.ts'

const text = { type: 'string' }
const textOrNull = { type: ['string', 'null'] }
const names = { type: 'array', items: text }

function closed(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
}

const ref = (name: keyof typeof pluginSchemas) => ({ $ref: `#/components/schemas/${name}` })
const packages = { type: 'array', items: { $ref: '#/components/schemas/PluginPackage' } }

/** Shapes of the operations on plugin packages. */
export const pluginSchemas = {
  PluginPackage: closed({
    name: text,
    version: { ...textOrNull, description: 'null: it says none.' },
    folder: text,
    origin: {
      enum: ['setting', 'dependency', 'path', 'installed'],
      description: 'plugins, package.json, plugin.path, or plugin.install.path.',
    },
    api: { ...textOrNull, description: 'Versions of the plugin contract that it works with; null: unknown.' },
    parts: {
      type: 'array',
      items: closed({
        kind: { enum: ['source', 'sink', 'transform', 'predicate', 'converter'] },
        class: text,
        aliases: names,
        doc: textOrNull,
      }),
    },
    fault: { ...textOrNull, description: 'Why nothing of it is offered; null: it is.' },
    usedBy: { ...names, description: 'Connectors that run with it, or would if they were started.' },
  }),
  PluginPackages: closed({ installPath: textOrNull, plugins: packages }),
  PluginRefresh: closed({ added: packages, removed: packages, refused: packages }),
  PluginVersions: {
    type: 'object',
    description: 'Versions of plugin packages by the config key that names the class.',
    additionalProperties: closed({ package: text, class: text, version: text }),
  },
  WentBack: {
    type: ['object', 'null'],
    description: 'Newer versions that failed before they did any work, and those that the connector went back to; null: none.',
    properties: {
      failed: { $ref: '#/components/schemas/PluginVersions' },
      to: { $ref: '#/components/schemas/PluginVersions' },
      reason: text,
      atMs: { type: 'integer' },
    },
    required: ['failed', 'to', 'reason', 'atMs'],
    additionalProperties: false,
  },
}

export const pluginOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/v1/plugins',
    id: 'pluginPackages',
    tag: 'Millrace',
    summary: 'Plugin packages that were found, with those that are not taken and why.',
    answers: { 200: { schema: ref('PluginPackages') } },
  },
  {
    method: 'post',
    path: '/api/v1/plugins/refresh',
    id: 'refreshPlugins',
    tag: 'Millrace',
    summary: 'Looks for plugin packages again. Connectors that run keep the versions they have until they are restarted.',
    answers: { 200: { schema: ref('PluginRefresh') } },
  },
  {
    method: 'delete',
    path: '/api/v1/plugins/:package/:version',
    id: 'removePlugin',
    tag: 'Millrace',
    summary: 'Removes a version that was installed into plugin.install.path; refused while connectors use it.',
    query: { force: { description: 'Remove it all the same. Only "true", in any case, is true.', type: 'string' } },
    answers: { 204: {} },
  },
]

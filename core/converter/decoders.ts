import { createRequire } from 'node:module'

let loaded: typeof import('./decoding.ts') | undefined

/**
 * Readers of JSON and Avro by a given schema, for plugins that decode fields. Their code is loaded with the first call: it would cost every
 * process that starts as much again as the rest of the plugin API. By `require`, as configs are checked synchronously.
 */
export function decoders(): typeof import('./decoding.ts') {
  const extension = import.meta.filename.slice(-3) // .ts from the sources, .js once built.
  return (loaded ??= createRequire(import.meta.url)(`./decoding${extension}`) as typeof import('./decoding.ts'))
}

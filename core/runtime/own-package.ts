import { registerHooks } from 'node:module'

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
const at = (path: string) => new URL(`../../${path}${ending}`, import.meta.url).href
const own: ReadonlyMap<string, string> = new Map([
  ['millrace', at('index')],
  ['millrace/testing', at('testing/index')],
])

/**
 * From here on `millrace` means this very package to every module of the process, whatever lies in the node_modules of the plugin that imports
 * it: a plugin works with the contract of the worker that runs it, needs no copy of its own, and there is one of each class.
 */
export function serveOwnPackage(): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      const url = own.get(specifier)
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
    },
  })
}

import { defineConfig, definePlugin, sink, type Plugin } from '../core/index.ts'
import type { RunOptions } from './run-connector.ts'

/** Name of the sink that hands records to the program. */
export const callbackClass = 'callback'

/** A plugin whose sink calls the program. `onError` is told of what the program throws. */
export function callbackPlugin(onRecords: NonNullable<RunOptions['onRecords']>, onError: (error: unknown) => void): Plugin {
  return definePlugin({
    name: 'embedded',
    version: '1.0.0',
    api: 1,
    sinks: [
      sink({
        class: callbackClass,
        doc: 'Hands the records of each batch to the program that runs the connector.',
        config: defineConfig({}),
        create: () => ({
          put: async (records, kill) => {
            try {
              await onRecords(records, kill)
            } catch (error) {
              onError(error)
              throw error
            }
          },
          [Symbol.asyncDispose]: async () => {},
        }),
      }),
    ],
  })
}

import type { Logger } from '../../core/index.ts'
import type { LoggerLevel, LoggerLevels } from '../../core/rest/loggers.ts'
import { createServer, type RestServer } from '../../core/rest/server.ts'
import type { RestSettings } from '../../core/rest/settings.ts'
import type { Registry } from '../../core/runtime/registry.ts'
import type { Worker } from '../../core/runtime/worker.ts'
import { validateConnector, type ValidationParts } from '../../core/runtime/validation.ts'
import { FakeControl } from './fake-control.ts'
import { registry as fixtureRegistry } from './fixture-plugins.ts'

export interface Fixture extends AsyncDisposable {
  readonly server: RestServer
  readonly control: FakeControl
  /** Lines that the server logged, as level and text. */
  readonly logged: string[]
}

/** A REST server over the fake worker; not listening yet. */
export async function fixture(
  options: { readonly settings?: Partial<RestSettings>; readonly registry?: Registry; readonly parts?: Partial<ValidationParts> } = {},
): Promise<Fixture> {
  const registry = options.registry ?? fixtureRegistry
  const validate = (config: Readonly<Record<string, string | null>>) => validateConnector(config, { registry, ...options.parts })
  const control = new FakeControl(registry, async (config) => (await validate(config)).issues)
  const logged: string[] = []
  const server = await createServer({
    control,
    registry,
    validate,
    loggers: memoryLoggers(),
    identity: { version: '0.1.0', commit: '26b251a451ce941d', clusterId: 'kept-by-the-store' },
    log: memoryLog(logged),
    settings: { listeners: ['http://127.0.0.1:0'], ...options.settings },
  })
  return { server, control, logged, [Symbol.asyncDispose]: () => server.close() }
}

/** A REST server over a real worker; not listening yet. */
export function serve(worker: Worker, registry: Registry): Promise<RestServer> {
  return createServer({
    control: worker,
    registry,
    validate: (config) => worker.validate(config),
    loggers: worker.loggers,
    identity: { version: '0.1.0', commit: '26b251a451ce941d', clusterId: 'kept-by-the-store' },
    log: worker.loggers.logger('millrace.rest'),
    settings: { listeners: ['http://127.0.0.1:0'] },
  })
}

/** `root` and two under it, as a worker has. */
export function memoryLoggers(): LoggerLevels {
  const known = new Map<string, LoggerLevel>(
    ['root', 'millrace.worker', 'millrace.rest'].map((name) => [name, { name, level: 'INFO', lastModified: null }]),
  )
  return {
    list: () => [...known.values()],
    set: (name, level) => {
      const under = name === 'root' ? [...known.keys()] : [...known.keys()].filter((one) => one === name || one.startsWith(`${name}.`))
      const changed = under.filter((one) => known.get(one)!.level !== level)
      for (const one of changed) known.set(one, { name: one, level, lastModified: Date.now() })
      if (!known.has(name)) known.set(name, { name, level, lastModified: Date.now() })
      return changed.sort()
    },
  }
}

function memoryLog(lines: string[]): Logger {
  const write = (level: string) => (fields: object, message: string) => {
    const { err } = fields as { readonly err?: Error }
    lines.push(`${level} ${message}${err ? ` ${err.stack}` : ''}`)
  }
  return { trace: write('trace'), debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

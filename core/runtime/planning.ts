import { ConfigError } from '../contract/errors.ts'
import type { ResolvedConfig } from './config-providers.ts'
import type { RawConfig } from './ends.ts'
import { runtimeSettings } from './framework-config.ts'
import { planConnector, type Plan, type PlanParts } from './plan.ts'
import type { ConnectorVersions } from './plugins/connector-versions.ts'
import { redactor } from './secrets.ts'

export interface PlanningParts extends PlanParts {
  resolve(config: RawConfig): Promise<ResolvedConfig>
}

/** Reads one connector's config whenever it is needed: providers may give other values each time, and plugins may have other versions. */
export class Planning {
  readonly #name: string
  readonly #parts: PlanningParts
  readonly #versions: ConnectorVersions
  readonly #config: () => RawConfig
  #version: string | null = null

  constructor(name: string, config: () => RawConfig, versions: ConnectorVersions, parts: PlanningParts) {
    this.#name = name
    this.#config = config
    this.#versions = versions
    this.#parts = parts
  }

  /** Version of the connector's plugin when it was planned last; null: it never was. */
  get version(): string | null {
    return this.#version
  }

  /** The config with providers' values in it. Never to be stored or logged. */
  async resolved(): Promise<RawConfig> {
    return (await this.#parts.resolve(this.#config())).config
  }

  /** Throws a ConfigError without secrets in it. */
  async plan(): Promise<Plan> {
    const { config, secrets } = await this.#parts.resolve(this.#config())
    try {
      const plan = planConnector({ ...config, name: this.#name }, secrets, this.#parts, this.#versions.pins(config))
      this.#version = plan.version
      return plan
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      // Texts quote values, and a value may have come from a config provider.
      const redact = redactor(secrets)
      throw new ConfigError(error.issues.map(({ key, message }) => ({ key, message: redact(message) })))
    }
  }

  /** How long tasks of this config may drain, in milliseconds. */
  graceMs(config: RawConfig): number {
    try {
      return runtimeSettings({ ...config, name: this.#name }, this.#parts.defaults)['task.shutdown.graceful.timeout.ms']
    } catch {
      return 5_000 // A config that does not parse (any more) still has to be stopped: Connect's default.
    }
  }
}

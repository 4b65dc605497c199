import { clientConfig, clientSettings } from '../../../../connectors/kafka/config/client-settings.ts'
import type { ClientSettings } from '../../../../connectors/kafka/client/settings.ts'
import { parseConfig } from '../../../../core/index.ts'

/** Settings of a client from Java-style properties; the other keys have their defaults. */
export function settingsOf(properties: Readonly<Record<string, string>>): ClientSettings {
  const { config, issues } = parseConfig(clientConfig, properties)
  if (issues.length > 0) throw new Error(issues.map(({ message }) => message).join('; '))
  return clientSettings(config)
}

/** Settings of a client that goes to this address without TLS and passwords. */
export function clientTo(bootstrap: string, properties: Readonly<Record<string, string>> = {}): ClientSettings {
  return settingsOf({ 'bootstrap.servers': bootstrap, ...properties })
}

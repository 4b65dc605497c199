import { ConfigError } from '../../../core/index.ts'

/** SASL extensions (KIP-342) among the options. Throws a ConfigError for names and values that would break the message. */
export function extensionsOf(options: ReadonlyMap<string, string>, prefix: string): Readonly<Record<string, string>> {
  const pairs = [...options].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value] as const)
  for (const [name, value] of pairs) {
    // RFC 7628 3.1: letters, and no control characters in values; "auth" is the token's own.
    if (!/^[A-Za-z]+$/.test(name) || name === 'auth' || !/^[\x20-\x7e\t\r\n]+$/.test(value)) {
      const message = `sasl.jaas.config has an extension "${prefix}${name}" that no message can carry: names are letters, values printable`
      throw new ConfigError([{ key: 'sasl.jaas.config', message }])
    }
  }
  return Object.fromEntries(pairs)
}

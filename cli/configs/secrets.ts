const hidden = '[hidden]'

/** Keys that hold secrets in most systems, for those whose definition is not known. */
const tellingName = /password|passphrase|secret|token|credential|jaas|(?:api|access|private|account|sas)[._-]?key/i

/** A value as it may be shown. Secrets are hidden, but for references to a config provider, which are none; so is a password in a URL. */
export function shownValue(key: string, value: string, secrets: ReadonlySet<string>): string {
  const isSecret = secrets.has(key) || tellingName.test(key)
  if (isSecret && value !== '' && !/^\$\{[^${}]+\}$/.test(value)) return hidden
  return value.replace(/(:\/\/[^:/?#@\s]*):[^@\s/]+@/g, `$1:${hidden}@`)
}

/** A whole config as it may be shown. */
export function shownConfig(config: Readonly<Record<string, string>>, secrets: ReadonlySet<string> = new Set()): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, shownValue(key, value, secrets)]))
}

import { refuse } from '../config-fault.ts'
import { needed, type LookupSettings } from './lookup-settings.ts'

/** Longest address that is asked; a batch with more keys asks several times. */
const urlCharactersMax = 8_000

/** The address of the endpoint, in which keys are put. */
export interface UrlTemplate {
  readonly origin: URL
  /** undefined: the parts cannot stand in an address. */
  forKey(parts: readonly string[]): URL | undefined
  /** As many of the keys as one address holds, from the front: at least one. */
  forKeys(keys: readonly string[]): { readonly url: URL; readonly count: number }
}

/** Reads `http.url`. Throws a ConfigError. */
export function urlTemplate(settings: LookupSettings): UrlTemplate {
  const { config, keyColumns } = settings
  const text = needed(settings, 'http.url')
  const batch = config['http.batch'].toLowerCase()
  const origin = URL.canParse(text.replaceAll(/\$\{\w+\}/g, 'x')) ? new URL(text.replaceAll(/\$\{\w+\}/g, 'x')) : undefined
  if (origin === undefined || !/^https?:$/.test(origin.protocol))
    return refuse('http.url', text, 'it is not an address that begins with http:// or https://')
  if (/^https?:\/\/[^/?#]*\$\{/i.test(text))
    return refuse('http.url', text, 'keys may stand in the path and query only, not in the name of the host')
  if (origin.username !== '' || origin.password !== '')
    return refuse('http.url', '[hidden]', 'give credentials in http.headers (Authorization: ...)')
  const allowed = config['http.hosts.allowed']
  if (allowed.length > 0 && !allowed.some((host) => host.toLowerCase() === origin.hostname)) {
    return refuse('http.url', text, `its host ${origin.hostname} is not in http.hosts.allowed`)
  }
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1]!)
  const count = Math.max(1, keyColumns.length)
  const known =
    batch === 'none' ? ['key', ...Array.from({ length: count }, (_, index) => `key${index + 1}`)] : batch === 'query' ? ['keys'] : []
  const wrong = names.find((name) => !known.includes(name) || (name === 'key' && count > 1))
  if (wrong !== undefined)
    return refuse(
      'http.url',
      text,
      `\${${wrong}} stands for nothing here; known are ${known.map((name) => `\${${name}}`).join(', ') || 'none'}`,
    )
  if (batch === 'none' && count > 1 && new Set(names).size < count)
    return refuse('http.url', text, `it must hold all of \${key1} to \${key${count}}`)
  if (batch !== 'body' && names.length === 0) return refuse('http.url', text, `it must hold \${${batch === 'query' ? 'keys' : 'key'}}`)
  if (batch === 'query' && count > 1) return refuse('http.batch', batch, 'a key of several parts cannot stand in a list; use body')
  const filled = (value: (name: string) => string) =>
    new URL(text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => encodeURIComponent(value(name))))
  return {
    origin,
    forKey(parts) {
      // As a step of a path these would lead elsewhere.
      if (parts.some((part) => part === '.' || part === '..' || part === '' || !part.isWellFormed())) return undefined
      return filled((name) => parts[name === 'key' ? 0 : Number(name.slice(3)) - 1]!)
    },
    forKeys(keys) {
      if (batch === 'body') return { url: new URL(text), count: keys.length }
      let characters = text.length
      let taken = 0
      while (taken < keys.length && (taken === 0 || characters + encodeURIComponent(keys[taken]!).length < urlCharactersMax)) {
        characters += encodeURIComponent(keys[taken]!).length + 1
        taken++
      }
      const list = keys.slice(0, taken).map(encodeURIComponent).join(',')
      return { url: new URL(text.replaceAll('${keys}', () => list)), count: taken }
    },
  }
}

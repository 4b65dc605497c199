import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { listenerOf } from './listeners.ts'
import { Problem } from './problem.ts'
import type { RestSettings } from './settings.ts'

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Who may call: keeps other sites' pages, which a browser on this machine may run, away from the API. */
export interface Gate {
  /** Throws a Problem (403) for a request that a browser sends for another site, or that came by a foreign name (DNS rebinding). */
  check(headers: Headers): void
  /** Headers of the answer for a cross-origin caller; none where its origin is not allowed. */
  corsHeaders(headers: Headers, preflight: boolean): Readonly<Record<string, string>>
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * JSON-only is no protection here, as clients send empty bodies under form types (ecosystem, decision 3): so `Host` must be a name of this
 * worker, and `Origin` and `Sec-Fetch-Site`, which only browsers send, must not speak of another site unless CORS allows it.
 */
export function createGate(settings: RestSettings): Gate {
  const hosts = listenerOf(settings.listeners)
  const everywhere = hosts.some(({ host }) => host === '' || host === '0.0.0.0' || host === '::')
  const names = new Set([...loopback, ...hosts.map(({ host }) => bracketed(host)), ...settings.allowedHosts.map(lower)])
  if (settings.advertisedHost) names.add(bracketed(lower(settings.advertisedHost)))
  if (everywhere) names.add(lower(hostname()))
  // An address cannot be rebound: a page can only be there by a name. So a listener on every interface takes all addresses as its own.
  const knows = (host: string) => names.has(host) || names.has('*') || (everywhere && isIP(host.replace(/^\[|\]$/g, '')) > 0)
  const origins = settings.allowedOrigins.split(',').flatMap((text) => (text.trim() === '' ? [] : [lower(text.trim())]))
  const allows = (origin: string) => origins.some((pattern) => globMatches(pattern, lower(origin)))
  const methods = settings.allowedMethods.trim() || 'GET,POST,HEAD'

  return {
    check(headers) {
      const host = one(headers['host'])
      if (host !== undefined && !knows(nameOf(host))) {
        throw new Problem(403, `The host name "${nameOf(host)}" is not one of this worker's: add it to rest.allowed.hosts`)
      }
      const origin = one(headers['origin'])
      if (origin !== undefined && !sameOrigin(origin, host) && !allows(origin)) {
        throw new Problem(403, `Calls from pages of ${origin} are not allowed: see access.control.allow.origin`)
      }
      const site = one(headers['sec-fetch-site'])
      if ((site === 'cross-site' || site === 'same-site') && !(origin === undefined ? origins.includes('*') : allows(origin))) {
        throw new Problem(403, 'Calls from pages of other sites are not allowed: see access.control.allow.origin')
      }
    },
    corsHeaders(headers, preflight) {
      const origin = one(headers['origin'])
      if (origin === undefined || !allows(origin)) return {}
      return {
        'access-control-allow-origin': origins.includes('*') ? '*' : origin,
        vary: 'Origin',
        ...(preflight && {
          'access-control-allow-methods': methods,
          'access-control-allow-headers': 'X-Requested-With,Content-Type,Accept,Origin',
          'access-control-max-age': '1800',
        }),
      }
    },
  }
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && (lower(origin) === `http://${lower(host)}` || lower(origin) === `https://${lower(host)}`)
}

/** The name in a Host header, without its port, in lower case. */
function nameOf(host: string): string {
  const bracket = /^(\[[^\]]*\])(?::\d*)?$/.exec(host)
  return lower(bracket ? bracket[1]! : host.replace(/:\d*$/, '')).replace(/\.$/, '')
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}

function one(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.join(',')
}

function lower(text: string): string {
  return text.toLowerCase()
}

/** `*` stands for any text; everything else for itself. Linear: no backtracking over more than one star at a time. */
function globMatches(pattern: string, text: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return pattern === text
  if (!text.startsWith(parts[0]!)) return false
  let at = parts[0]!.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - parts.at(-1)!.length >= at && text.endsWith(parts.at(-1)!)
}

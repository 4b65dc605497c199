/** One server of a connection URL. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What a `jdbc:postgresql:` or `postgresql:` URL says. */
export interface ParsedUrl {
  /** In the order in which they are tried. */
  readonly addresses: readonly Address[]
  /** Empty: the user's name, as the server takes it. */
  readonly database: string
  readonly parameters: Readonly<Record<string, string>>
}

/** Parameters that are understood; the driver's others change nothing that this sink does, or would change what it writes. */
const known: ReadonlySet<string> = new Set([
  'user',
  'password',
  'ssl',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'currentSchema',
  'ApplicationName',
  'connectTimeout',
  'targetServerType',
  'tcpKeepAlive',
])

/** Parameters of the Java driver that tune how it sends statements: without meaning here, and harmless. */
const harmless: ReadonlySet<string> = new Set([
  'reWriteBatchedInserts',
  'stringtype',
  'prepareThreshold',
  'preparedStatementCacheQueries',
  'preparedStatementCacheSizeMiB',
  'binaryTransfer',
  'defaultRowFetchSize',
  'loginTimeout',
  'socketTimeout',
  'loadBalanceHosts',
  'hostRecheckSeconds',
  'loggerLevel',
  'autosave',
])

/** Reads a connection URL. Throws an Error that says what is wrong, without the password. */
export function parseUrl(url: string): ParsedUrl {
  const match = /^(?:jdbc:)?postgres(?:ql)?:(?:\/\/(?:([^@/?]*)@)?([^/?]*)\/)?([^?]*)(?:\?(.*))?$/s.exec(url.trim())
  if (!match) throw new Error('It is no address of a Postgres database; write jdbc:postgresql://host:5432/database')
  const [, login, hosts, database, query] = match
  const parameters: Record<string, string> = {}
  if (login !== undefined) {
    const colon = login.indexOf(':')
    parameters['user'] = decode(colon < 0 ? login : login.slice(0, colon))
    if (colon >= 0) parameters['password'] = decode(login.slice(colon + 1))
  }
  for (const part of (query ?? '').split('&').filter((one) => one !== '')) {
    const at = part.indexOf('=')
    const name = at < 0 ? part : part.slice(0, at)
    if (known.has(name)) parameters[name] = at < 0 ? 'true' : decode(part.slice(at + 1))
    else if (!harmless.has(name)) throw new Error(`Its parameter "${name}" is not supported; take it out of the URL`)
  }
  return {
    addresses: (hosts === undefined || hosts === '' ? 'localhost' : hosts).split(',').map(address),
    database: decode(database!),
    parameters,
  }
}

function address(text: string): Address {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text.trim())
  const port = Number(match?.[2] ?? 5432)
  if (!match || port < 1 || port > 65535) throw new Error(`"${text}" is no host with a port; write host:5432`)
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone percent sign is one.
    return text
  }
}

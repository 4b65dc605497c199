import { BlockList, isIP, isIPv6 } from 'node:net'
import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns'

/** Link-local ranges and the addresses at which clouds hand out credentials: never a sink. */
const forbidden = new BlockList()
forbidden.addSubnet('169.254.0.0', 16)
forbidden.addAddress('100.100.100.200')
forbidden.addAddress('192.0.0.192')
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addAddress('fd00:ec2::254', 'ipv6')
forbidden.addAddress('fd20:ce::254', 'ipv6')

/** This machine and networks that the internet does not reach. */
const inside = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  inside.addSubnet(net, bits)
inside.addAddress('::1', 'ipv6')
inside.addAddress('::', 'ipv6')
inside.addSubnet('fc00::', 7, 'ipv6')

/** Why nothing is sent to this address; undefined: it may be. IPv4 inside of IPv6 is looked at as IPv4. */
export function addressFault(address: string, allowPrivate: boolean): string | undefined {
  const kind = isIPv6(address) ? 'ipv6' : 'ipv4'
  const embedded = kind === 'ipv6' ? embeddedV4(address) : undefined
  const is = (list: BlockList): boolean => list.check(address, kind) || (embedded !== undefined && list.check(embedded))
  if (is(forbidden)) return `leads to ${address}, a link-local address at which credentials of machines are kept`
  if (!allowPrivate && is(inside)) return `leads to ${address}, which is private; set http.allow.private=true if that is wanted`
  return undefined
}

/** The same for a URL's host: names are judged when a connection is made, by `checkedLookup`. */
export function hostFault(host: string, allowPrivate: boolean): string | undefined {
  const bare = host.replace(/^\[|\]$/g, '')
  return isIP(bare) ? addressFault(bare, allowPrivate) : undefined
}

/** NAT64 (64:ff9b::/96), mapped and compatible forms, as URLs spell them: two groups of hexadecimal digits at the end. */
function embeddedV4(address: string): string | undefined {
  const { hostname } = new URL(`http://[${address.split('%')[0]}]`)
  const match = /^\[(?:::|::ffff:|::ffff:0:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname)
  if (!match) return undefined
  const [high, low] = [Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** A `lookup` for sockets that refuses forbidden addresses: what is judged is what is connected to, so a name that changes its mind gains nothing. */
export function checkedLookup(allowPrivate: boolean): (host: string, options: LookupOptions, callback: LookupCallback) => void {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const fault = addresses.map(({ address }) => addressFault(address, allowPrivate)).find((one) => one !== undefined)
      if (fault !== undefined) return callback(Object.assign(new Error(`Host ${host} ${fault}`), { code: 'EADDRESSREFUSED' }), [])
      if (options.all) return callback(null, addresses)
      const [first] = addresses
      callback(null, first!.address, first!.family)
    })
  }
}

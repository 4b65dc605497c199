import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'

const refusedAddresses = new BlockList()
refusedAddresses.addSubnet('169.254.0.0', 16, 'ipv4') // Link-local, and with it the metadata services of most clouds.
refusedAddresses.addSubnet('fe80::', 10, 'ipv6')
refusedAddresses.addAddress('100.100.100.200', 'ipv4') // Alibaba Cloud's metadata.
refusedAddresses.addAddress('168.63.129.16', 'ipv4') // Azure's platform address.
refusedAddresses.addAddress('192.0.0.192', 'ipv4') // Oracle Cloud's metadata.
refusedAddresses.addAddress('fd00:ec2::254', 'ipv6') // AWS's metadata.
refusedAddresses.addAddress('fd20:ce::254', 'ipv6') // Google Cloud's metadata.

/** True for addresses that are never asked, whatever a config says: they hand out the machine's own credentials. */
export function isRefusedAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return false
  if (family === 6) {
    // NAT64 carries an IPv4 address in its last 32 bits.
    const embedded = /^64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address)
    if (embedded) {
      const [high, low] = [parseInt(embedded[1]!, 16), parseInt(embedded[2]!, 16)]
      return isRefusedAddress([high >> 8, high & 255, low >> 8, low & 255].join('.'))
    }
  }
  return refusedAddresses.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** The address that a name leads to is refused. */
export class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError'
}

type Answer = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** For `lookup` of a socket: the addresses that are checked here are those that are connected to. */
export function guardedLookup(host: string, options: LookupOptions, answer: Answer): void {
  dnsLookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return answer(error, '')
    const refused = addresses.find(({ address }) => isRefusedAddress(address))
    if (refused)
      return answer(new RefusedAddressError(`${host} leads to ${refused.address}, which is link-local or a metadata service`), '')
    return options.all ? answer(null, addresses) : answer(null, addresses[0]!.address, addresses[0]!.family)
  })
}

import { templateFault } from './template.ts'

/** Names that the sink itself sets, or that would change how a request is read. */
const taken = new Set(['authorization', 'connection', 'content-length', 'content-type', 'host', 'transfer-encoding', 'upgrade', 'expect'])

/** A token of HTTP (RFC 9110 5.6.2). */
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Name and text of each header, or what is wrong with them. */
export function parseHeaders(
  text: string,
  separator: string,
): { readonly headers: readonly (readonly [name: string, template: string])[] } | { readonly fault: string } {
  if (text.trim() === '') return { headers: [] }
  const headers: [string, string][] = []
  for (const part of text.split(separator || '|')) {
    const at = part.indexOf(':')
    const name = part.slice(0, at).trim()
    const template = part.slice(at + 1).trim()
    if (at <= 0 || !headerName.test(name)) return { fault: `has "${part.trim()}", which is not "Name: text"` }
    if (taken.has(name.toLowerCase())) return { fault: `has ${name}, which is set by other keys (auth.*, content.type) or by HTTP itself` }
    const fault = templateFault(template)
    if (fault !== undefined) return { fault: `has ${name}, whose text ${fault}` }
    headers.push([name, template])
  }
  return { headers }
}

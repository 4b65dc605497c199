import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// A server that says yes to every bulk request, in a process of its own so that its work is not counted; prints its port.
const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"errors":false,"took":0}'))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))

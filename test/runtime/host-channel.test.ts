import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as yieldToEvents } from 'node:timers/promises'
import fc from 'fast-check'
import { Channel } from '../../core/runtime/host-channel.ts'
import { isFromHost } from '../../core/runtime/host-message.ts'

/** Two sockets that are connected to each other. */
async function pair(): Promise<{ readonly a: Socket; readonly b: Socket } & AsyncDisposable> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const a = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [b] = (await once(server, 'connection')) as [Socket]
  server.close()
  const end = async () => {
    a.destroy()
    b.destroy()
  }
  return { a, b, [Symbol.asyncDispose]: end }
}

/** A channel that notes all that it hears. */
function listening(socket: Socket) {
  const heard: unknown[] = []
  const ends: string[] = []
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const channel = new Channel(socket, {
    message: (message) => heard.push(message),
    broken: (reason) => ends.push(reason),
    closed: () => {
      ends.push('closed')
      resolve()
    },
  })
  return { channel, heard, ends, over }
}

test('messages of every size arrive whole and in order, and all of them before the end', async () => {
  await using sockets = await pair()
  const sender = listening(sockets.a)
  const receiver = listening(sockets.b)
  const sent = [1, 0, 70_000, 3, 5_000_000, 2].map((length, at) => ({
    at,
    text: 'ü'.repeat(length),
    big: 10n ** 20n,
    map: new Map([[at, null]]),
  }))
  for (const message of sent) sender.channel.send(message)
  sender.channel.send({ bytes: Buffer.from('abc') }, () => sender.channel.close())
  await receiver.over
  assert.deepEqual(receiver.heard.slice(0, -1), sent)
  assert.equal(Buffer.from((receiver.heard.at(-1) as { bytes: Uint8Array }).bytes).toString(), 'abc')
  assert.deepEqual(receiver.ends, ['closed'])
})

test('a message that comes byte by byte is one message', async () => {
  await using sockets = await pair()
  await using other = await pair()
  const tap = listening(other.b)
  const raw: Buffer[] = []
  sockets.b.on('data', (chunk: Buffer) => raw.push(chunk))
  const sender = listening(sockets.a)
  await new Promise<void>((resolve) => sender.channel.send({ hello: 'world' }, resolve))
  sender.channel.close()
  await once(sockets.b, 'close')
  other.a.setNoDelay(true)
  for (const byte of Buffer.concat(raw)) {
    other.a.write(Buffer.of(byte))
    await yieldToEvents()
  }
  other.a.end()
  await tap.over
  assert.deepEqual(tap.heard, [{ hello: 'world' }])
})

test('bytes that are no message break the channel, once and with the reason, and never the process', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.boolean(), async (bytes, framed) => {
      await using sockets = await pair()
      const { heard, ends, over } = listening(sockets.b)
      const head = Buffer.alloc(4)
      head.writeUInt32BE(bytes.length)
      sockets.a.end(framed ? Buffer.concat([head, bytes]) : bytes)
      await over
      assert.ok(ends.length <= 2 && ends.at(-1) === 'closed')
      for (const message of heard) assert.equal(isFromHost(message), false)
    }),
    { numRuns: 100 },
  )
})

test('a message of a length that nobody sends is not waited for', async () => {
  await using sockets = await pair()
  const { ends, over } = listening(sockets.b)
  sockets.a.write(Buffer.from([255, 255, 255, 255, 0]))
  await over
  assert.match(ends[0]!, /a message of 4294967295 bytes, and at most 268435456 are taken/)
})

test('only what has the shape of a message is one', () => {
  assert.ok(isFromHost({ type: 'ready' }))
  assert.ok(isFromHost({ type: 'beat', beats: [], residentBytes: 1 }))
  for (const wrong of [
    null,
    undefined,
    1,
    'ready',
    {},
    { type: 'none' },
    { type: 'toString' },
    { type: '__proto__' },
    { type: 'beat' },
    { type: 'save', call: 1, connector: 'c', offsets: null },
  ]) {
    assert.equal(isFromHost(wrong), false)
  }
})

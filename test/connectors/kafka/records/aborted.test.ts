import assert from 'node:assert/strict'
import test from 'node:test'
import { layout } from '../../../../connectors/kafka/records/batch-layout.ts'
import { filterAborted } from '../../../../connectors/kafka/records/aborted.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { batchOf, checked, row, rowsOf } from './batches.ts'

const options = { ...checked, checkCrc: false }

test('what an aborted transaction wrote is left out, what others wrote between stays', () => {
  const log = read([
    written(0, 1n, 'aborted'),
    written(1, 2n, 'committed'),
    written(2, null, 'outside of transactions'),
    written(3, 1n, 'aborted, too'),
    marker(4, 1n, 'abort'),
    written(5, 1n, 'a later transaction of the same producer'),
    marker(6, 1n, 'commit'),
    marker(7, 2n, 'commit'),
  ])
  const seen = filterAborted(log, [{ producerId: 1n, firstOffset: 0 }])
  assert.deepEqual(texts(seen), ['committed', 'outside of transactions', 'a later transaction of the same producer'])
})

test('two transactions of one producer that were aborted one after the other are both left out', () => {
  const log = read([written(0, 1n, 'a'), marker(1, 1n, 'abort'), written(2, 1n, 'b'), marker(3, 1n, 'abort'), written(4, 1n, 'c')])
  const aborted = [
    { producerId: 1n, firstOffset: 2 },
    { producerId: 1n, firstOffset: 0 },
  ]
  assert.deepEqual(texts(filterAborted(log, aborted)), ['c'])
})

test('a transaction that began before what was fetched is left out up to its marker', () => {
  const log = read([written(100, 1n, 'a'), marker(101, 1n, 'abort'), written(102, 1n, 'b')])
  assert.deepEqual(texts(filterAborted(log, [{ producerId: 1n, firstOffset: 7 }])), ['b'])
})

test('markers never reach a consumer, with or without aborted transactions', () => {
  const log = read([marker(0, 1n, 'commit'), written(1, 1n, 'a'), marker(2, 1n, 'abort')])
  assert.deepEqual(texts(filterAborted(log, [])), ['a'])
  assert.deepEqual(
    log.map((batch) => [batch.control, batch.aborts]),
    [
      [true, false],
      [false, false],
      [true, true],
    ],
  )
})

function read(parts: readonly Buffer[]) {
  return decodeBatches(Buffer.concat(parts), options)
}

function texts(batches: ReturnType<typeof filterAborted>): string[] {
  return batches.flatMap((batch) => rowsOf(batch).map(({ value }) => Buffer.from(value!).toString()))
}

function written(offset: number, producerId: bigint | null, text: string): Buffer {
  const stamp = producerId === null ? undefined : { producerId, epoch: 0, baseSequence: 0, transactional: true }
  const batch = batchOf([row(text)], { compression: 'none', stamp })
  batch.writeBigInt64BE(BigInt(offset), layout.baseOffset)
  return batch
}

/** As a broker writes it: key = version 0 and type (0: abort, 1: commit). */
function marker(offset: number, producerId: bigint, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const batch = batchOf([{ ...row(null), key }], {
    compression: 'none',
    stamp: { producerId, epoch: 0, baseSequence: -1, transactional: true },
  })
  batch.writeInt16BE(0x30, layout.attributes)
  batch.writeBigInt64BE(BigInt(offset), layout.baseOffset)
  return batch
}

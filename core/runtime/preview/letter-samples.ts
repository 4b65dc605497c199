import type { KeptLetter } from '../letters/letter.ts'
import { treeText, type TreeObject } from './exact-tree.ts'
import { Showing } from './shown.ts'

/**
 * Dead letters as samples, each as its record was before the chain: its bytes where the source had some, else the record itself. `passedOver`
 * are those that hold neither, or a record that the chain has been through already.
 */
export function letterSamples(letters: readonly KeptLetter[]): { readonly samples: readonly string[]; readonly passedOver: number } {
  const showing = new Showing([])
  const samples = letters.flatMap((letter) => {
    const sample = sampleOf(letter, showing)
    return sample === undefined ? [] : [treeText(sample)]
  })
  return { samples, passedOver: letters.length - samples.length }
}

function sampleOf({ raw, record, chained }: KeptLetter, showing: Showing): TreeObject | undefined {
  if (raw) {
    const { topic, partition, timestamp } = raw
    const headers = raw.headers.map(({ key, value }) => ({ key, value: base64(value) }))
    return { topic, partition, timestamp, raw: { key: base64(raw.key), value: base64(raw.value), headers } }
  }
  if (!record || chained) return undefined
  const { unfit: _, ...shown } = showing.record(record)
  return shown
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

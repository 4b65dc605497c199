import { optional, primitive } from '../../../core/index.ts'
import { Source, noKill, openSink } from './lake.ts'

/**
 * A program for the crash tests: replays a fixed history of transactions over three tables into a lake, from where the sink says it stands,
 * flushing after every few. Killed at any instant and started again, it goes on. Arguments: lake, mode, transactions, target bytes, more
 * settings as JSON.
 */
const [path, mode, transactions, target, more] = process.argv.slice(2) as [string, string, string, string, string | undefined]

const settings = { mode, 'file.target.bytes': target, 'checkpoint.interval': '3', 'delta.compact.files': '5' }
const sink = await openSink(path, { ...settings, ...(JSON.parse(more ?? '{}') as Record<string, string>) })
const start = Number((await sink.committed())?.['p'] ?? 0)
for (let number = start + 1; number <= Number(transactions); number++) {
  const sources = crashSources(number)
  for (const source of sources) source.seq = 0
  let seq = 0
  const records = crashTransaction(number).map(({ table, op, row }) => {
    const source = sources[table]!
    source.seq = seq++
    return op === 'd' ? source.delete(row) : op === 'u' ? source.update(row) : source.create(row)
  })
  await sink.put(records, noKill)
  if (number % 3 === 0 || number === Number(transactions)) {
    await sink.flush({ p: number }, noKill)
    process.stdout.write(`${number}\n`)
  }
}
await sink[Symbol.asyncDispose]()

function crashSources(number: number): readonly Source[] {
  return ['a', 'b', 'c'].map((name) => {
    const source = new Source(
      `p.s.${name}`,
      [
        ['id', primitive('int64')],
        ['note', optional(primitive('string'))],
      ],
      ['id'],
    )
    source.position = number * 10
    return source
  })
}

interface Step {
  readonly table: number
  readonly op: 'c' | 'u' | 'd'
  readonly row: { readonly id: bigint; readonly note: string | null }
}

/** Transaction n inserts rows n*10 .. n*10+9 into its tables, updates some of the transaction before and deletes one of those. */
function crashTransaction(number: number): readonly Step[] {
  const steps: Step[] = []
  for (let index = 0; index < 10; index++) {
    const table = (number + index) % 3
    steps.push({ table, op: 'c', row: { id: BigInt(number * 10 + index), note: `made by ${number}` } })
    if (number > 1 && index < 5) {
      const id = BigInt((number - 1) * 10 + index)
      const former = (number - 1 + index) % 3
      if (index === 4) steps.push({ table: former, op: 'd', row: { id, note: null } })
      else steps.push({ table: former, op: 'u', row: { id, note: `changed by ${number}` } })
    }
  }
  return steps
}

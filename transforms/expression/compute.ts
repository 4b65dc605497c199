import { DataError, defineConfig, structOf, type ConfigOf, type ConnectRecord, type Schema, type Transform } from '../../core/index.ts'
import { refuse } from '../config-fault.ts'
import { everyItem, parsePath } from '../field-path.ts'
import { isPlainObject, membersOf, setOwn, withFields } from '../fields.ts'
import { keyAndValue, shortNames, type Side } from '../side.ts'
import { compileCopy, type StructCopy } from '../struct-copy.ts'
import { bySchemas, computation, type Computation, type Computed } from './expression.ts'

const config = defineConfig({
  expressions: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'One field per line, as name = expression (CEL). The name is a path (a.b, `a.b`); a line that starts with a space continues the one before.',
    check(text: string) {
      try {
        return linesOf(text).length === 0 ? 'it has no expression; write name = expression' : undefined
      } catch (error) {
        return (error as Error).message
      }
    },
  },
  'on.error': {
    type: 'string',
    default: 'error',
    oneOf: ['error', 'null'],
    importance: 'medium',
    doc: 'What an expression without a value (a null operand, an overflow, a missing field) does: error, or null in its field.',
  },
})

/**
 * `io.millrace.transforms.Compute$Key` and `$Value`: fields made of expressions over the record. A name that is there already keeps its
 * place, others follow in their order. All expressions see the record as it came. The schema of a field follows from its expression's type and
 * is optional; tombstones pass. Throws a DataError for a value without fields, and for an expression that does not fit a record's schema.
 */
export const compute = keyAndValue(
  'io.millrace.transforms.Compute',
  'Adds or replaces fields by CEL expressions over the record',
  config,
  createCompute,
  shortNames('Compute'),
)

interface Line {
  readonly name: string
  readonly steps: readonly string[]
  readonly computation: Computation
}

/** Fields by their names: a leaf has the line that makes it. */
interface Branch {
  readonly line: Line | undefined
  readonly children: ReadonlyMap<string, Branch>
}

type Copy = (struct: Readonly<Record<string, unknown>>, record: ConnectRecord) => Record<string, unknown>

/** What is done with records of one schema. */
type Plan = { readonly made: Schema; readonly copy: Copy } | { readonly plain: (value: unknown, record: ConnectRecord) => unknown }

function createCompute(settings: ConfigOf<typeof config>, side: Side): Transform {
  const lines = readLines(settings.expressions)
  const tree = treeOf(lines, 0)
  // Schemas that nothing looks at must not multiply the schemas that are made.
  const [usesKey, usesValue] = (['Key', 'Value'] as const).map(
    (name) =>
      side.name === name || lines.some(({ computation: { text } }) => new RegExp(`\\b${name.toLowerCase()}(?:Schema)?\\b`).test(text)),
  )
  const lenient = settings['on.error'].toLowerCase() === 'null'
  const find = bySchemas((keySchema, valueSchema): Plan => {
    const schema = side.name === 'Key' ? keySchema : valueSchema
    const computed = new Map(lines.map((line) => [line, line.computation.forSchemas(keySchema, valueSchema, schema === null)]))
    const valueOf = (line: Line, record: ConnectRecord): unknown => {
      try {
        return computed.get(line)!.value(record) ?? null
      } catch (error) {
        if (lenient && error instanceof DataError) return null
        throw error
      }
    }
    if (schema === null) return { plain: (value: unknown, record: ConnectRecord) => computePlain(value, tree, record, valueOf) }
    if (schema.type !== 'struct')
      throw new DataError(`Compute: the ${side.name.toLowerCase()} is of type ${schema.type}; only structs have fields`)
    return structWith(schema, tree, computed, valueOf)
  })
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const plan = find(usesKey ? record.keySchema : null, usesValue ? record.valueSchema : null)
      if ('plain' in plan) return side.replace(record, null, plan.plain(value, record))
      return side.replace(record, plan.made, plan.copy(value as Readonly<Record<string, unknown>>, record))
    },
  }
}

function structWith(
  schema: Schema,
  tree: ReadonlyMap<string, Branch>,
  computed: ReadonlyMap<Line, Computed>,
  valueOf: (line: Line, record: ConnectRecord) => unknown,
): { readonly made: Schema; readonly copy: Copy } {
  const inner = new Map<string, { readonly made: Schema; readonly copy: Copy }>()
  for (const [name, branch] of tree) {
    if (branch.line !== undefined) continue
    const field = schema.fields.find((one) => one.name === name)
    if (field !== undefined && field.schema.type !== 'struct') {
      throw new DataError(
        `Compute: field "${name}" of ${schema.name ?? 'the struct'} is ${field.schema.type}, so nothing can be put into it`,
      )
    }
    inner.set(name, structWith(field?.schema ?? structOf([], { optional: true }), branch.children, computed, valueOf))
  }
  const names = [
    ...schema.fields.map(({ name }) => name),
    ...[...tree.keys()].filter((name) => !schema.fields.some((field) => field.name === name)),
  ]
  const makers: ((struct: Readonly<Record<string, unknown>>, record: ConnectRecord) => unknown)[] = []
  const fields = names.map((name) => {
    const from = schema.fields.find((one) => one.name === name) ?? null
    const branch = tree.get(name)
    if (branch === undefined) return { name, from, schema: from!.schema }
    const { line } = branch
    if (line !== undefined) {
      makers.push((_, record) => valueOf(line, record))
      return { name, from: null, schema: computed.get(line)!.schema! }
    }
    const { made, copy } = inner.get(name)!
    const optional = from?.schema.optional ?? true
    makers.push((struct, record) => {
      const part = from === null ? {} : (struct[name] ?? null)
      // A part that is null has no room for fields: to make one would turn "nothing" into "something".
      return part === null ? null : copy(part as Readonly<Record<string, unknown>>, record)
    })
    return { name, from: null, schema: { ...made, optional } }
  })
  const copyAll: StructCopy = compileCopy(fields, false)
  return {
    made: withFields(
      schema,
      fields.map((field) => [field.name, field.schema] as const),
    ),
    copy: (struct, record) =>
      copyAll(
        struct,
        makers.map((make) => make(struct, record)),
      ),
  }
}

function computePlain(
  value: unknown,
  tree: ReadonlyMap<string, Branch>,
  record: ConnectRecord,
  valueOf: (line: Line, record: ConnectRecord) => unknown,
): unknown {
  const made = (branch: Branch, member: unknown): unknown => {
    if (branch.line !== undefined) return valueOf(branch.line, record)
    return member === null ? null : computePlain(member === undefined ? {} : member, branch.children, record, valueOf)
  }
  if (isPlainObject(value)) {
    const updated: Record<string, unknown> = { ...value }
    for (const [name, branch] of tree) setOwn(updated, name, made(branch, Object.hasOwn(value, name) ? value[name] : undefined))
    return updated
  }
  const members = new Map(membersOf(value, 'Compute'))
  for (const [name, branch] of tree) members.set(name, made(branch, members.get(name)))
  return members
}

/** The lines `name = expression`. Throws an Error that names the line. */
function linesOf(text: string): readonly { readonly name: string; readonly expression: string }[] {
  const whole: string[] = []
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue
    if (/^\s/.test(line) && whole.length > 0) whole.push(`${whole.pop()!}\n${line}`)
    else whole.push(line)
  }
  return whole.map((line) => {
    const equals = line.indexOf('=')
    const [name, expression] = [line.slice(0, equals).trim(), line.slice(equals + 1).trim()]
    if (equals < 0 || name === '' || expression === '' || expression.startsWith('=')) {
      throw new Error(`the line "${line.trim()}" is not of the form name = expression`)
    }
    return { name, expression }
  })
}

function readLines(text: string): readonly Line[] {
  return linesOf(text).map(({ name, expression }) => {
    try {
      const { steps } = parsePath(name, 'own')
      if (steps.includes(everyItem)) throw new Error('[] names many values; a field is one')
      return { name, steps: steps as readonly string[], computation: computation(expression, `Compute of "${name}"`) }
    } catch (error) {
      return refuse('expressions', `${name} = ${expression}`, (error as Error).message)
    }
  })
}

function treeOf(lines: readonly Line[], depth: number): ReadonlyMap<string, Branch> {
  const groups = Map.groupBy(lines, ({ steps }) => steps[depth]!)
  return new Map(
    [...groups].map(([name, group]) => {
      const ends = group.filter(({ steps }) => steps.length === depth + 1)
      if (ends.length > 0 && group.length > 1) refuse('expressions', group[1]!.name, `"${ends[0]!.name}" is made by more than one line`)
      const branch: Branch =
        ends.length > 0 ? { line: ends[0]!, children: new Map() } : { line: undefined, children: treeOf(group, depth + 1) }
      return [name, branch]
    }),
  )
}

import { DataError, withExtras, type Field, type Schema } from '../core/index.ts'
import { isPlainObject, membersOf, noExtras, rebuilt, withFields } from './fields.ts'
import { everyItem, type FieldPath, type Step } from './field-path.ts'
import { plainCopy } from './plain-copy.ts'
import { compileCopy } from './struct-copy.ts'

/** Paths that share their first steps, as one tree; `edit` is what is to be done with the field at which a path ends. */
export interface FieldTree<E> {
  readonly edit: E | undefined
  readonly path: string
  readonly children: ReadonlyMap<Step, FieldTree<E>>
}

/** What becomes of one field: its new schema, and how its value changes (absent: not at all). Null values are not shown to `through`. */
export interface EditedField {
  readonly schema: Schema
  readonly through?: (value: unknown) => unknown
}

/** A schema without and with the edits, and what makes a value of the one a value of the other. */
export interface CompiledEdit {
  readonly schema: Schema
  copy(struct: Readonly<Record<string, unknown>>): Record<string, unknown>
}

interface Growing<E> {
  edit: E | undefined
  readonly path: string
  readonly children: Map<Step, Growing<E>>
}

/** Builds the tree. Throws an Error, for a ConfigError, where a path comes twice or goes on below another one. */
export function fieldTree<E>(entries: readonly (readonly [path: FieldPath, edit: E])[]): FieldTree<E> {
  const root: Growing<E> = { edit: undefined, path: '', children: new Map() }
  for (const [{ steps, text }, edit] of entries) {
    let node = root
    for (const step of steps) {
      let next = node.children.get(step)
      if (next === undefined) node.children.set(step, (next = { edit: undefined, path: text, children: new Map() }))
      node = next
      if (node.edit !== undefined) throw new Error(`"${text}" names a field that "${node.path}" names already`)
    }
    if (node.children.size > 0) throw new Error(`"${text}" names a field of which "${[...node.children.values()][0]!.path}" names a part`)
    node.edit = edit
  }
  return root
}

/**
 * Compiles the edits for one schema. `edit` says what becomes of a field (null: it is dropped); fields that the schema does not have are
 * told to `missing`. `top` keeps the optionality and default of the whole, which some of Connect's transforms drop.
 */
export function compileEdit<E>(
  schema: Schema,
  tree: FieldTree<E>,
  options: {
    edit(edit: E, field: Field, path: string): EditedField | null
    missing?(path: string): void
    readonly nullAsDefault: boolean
    readonly top: 'required' | 'kept'
  },
): CompiledEdit {
  function ofStruct(struct: Schema, node: FieldTree<E>): CompiledEdit {
    for (const [step, child] of node.children) {
      if (step === everyItem || !struct.fields.some(({ name }) => name === step)) options.missing?.(child.path)
    }
    const edited = struct.fields.flatMap((from) => {
      const child = node.children.get(from.name)
      const result = child === undefined ? { schema: from.schema } : ofField(from, child)
      return result === null ? [] : [{ name: from.name, from, ...result }]
    })
    const copy = compileCopy(
      edited.map(({ name, from, through }) => ({ name, from, ...(through && { through: pastNull(through) }) })),
      options.nullAsDefault,
    )
    const target = withFields(
      struct,
      edited.map((field) => [field.name, field.schema] as const),
    )
    return { schema: target, copy: (value) => copy(value, noExtras) }
  }

  function ofField(field: Field, node: FieldTree<E>): EditedField | null {
    if (node.edit !== undefined) return options.edit(node.edit, field, node.path)
    return within(field.schema, node)
  }

  function within(schema: Schema, node: FieldTree<E>): EditedField {
    const items = node.children.get(everyItem)
    if (items !== undefined && schema.type === 'array') {
      const field: Field = { name: '[]', index: 0, schema: schema.valueSchema! }
      const item = ofField(field, items)
      if (item === null) throw new DataError(`"${items.path}": items of an array cannot be dropped`)
      const { through } = item
      if (through === undefined) return { schema }
      const change = pastNull(through)
      return {
        schema: { ...schema, valueSchema: item.schema, defaultValue: undefined },
        through: (list) => (list as unknown[]).map(change),
      }
    }
    if (schema.type !== 'struct') {
      for (const child of node.children.values()) options.missing?.(child.path)
      return { schema }
    }
    const { schema: target, copy } = ofStruct(schema, node)
    return { schema: keepExtras(schema, target, copy), through: (value) => copy(value as Record<string, unknown>) }
  }

  if (schema.type !== 'struct') throw new DataError(`Only Struct objects supported for [editing fields], found: ${schema.type}`)
  const whole = ofStruct(schema, tree)
  return options.top === 'kept' ? { ...whole, schema: keepExtras(schema, whole.schema, whole.copy) } : whole
}

function keepExtras(from: Schema, to: Schema, copy: (struct: Readonly<Record<string, unknown>>) => unknown): Schema {
  const { optional, defaultValue } = from
  const changed = defaultValue === undefined || defaultValue === null ? defaultValue : copy(defaultValue as Record<string, unknown>)
  return withExtras(to, { optional, defaultValue: changed })
}

function pastNull(through: (value: unknown) => unknown): (value: unknown) => unknown {
  return (value) => (value === null || value === undefined ? null : through(value))
}

/** What becomes of the members of values without a schema. */
export interface PlainEdit<E> {
  /** The member's new value. Null members are shown too. */
  change(edit: E, value: unknown, path: string): unknown
  /** True: the member is taken away. */
  drops?(edit: E): boolean
  /** Told of a level on the way to a field whose value is not null and cannot have it: text, or an array where no `[]` is. Absent: it is left as it is. */
  blocked?(path: string, value: unknown): void
}

/**
 * Compiles the same for values without a schema: a copy in which the members that the tree names, and that are there, are changed. Levels in
 * between that are null or no objects are left as they are. Throws a DataError for a value that has no members.
 */
export function compilePlainEdit<E>(tree: FieldTree<E>, purpose: string, edit: PlainEdit<E>): (value: unknown) => unknown {
  const changes = new Map<string, (member: unknown) => unknown>()
  const gone = new Set<string>()
  for (const [step, node] of tree.children) {
    if (step === everyItem) continue
    changes.set(step, memberEdit(node, purpose, edit))
    if (node.edit !== undefined && edit.drops?.(node.edit)) gone.add(step)
  }
  const through = (name: string, member: unknown) => changes.get(name)!(member)
  const copy = plainCopy(() => ({ nameOf: (name) => (gone.has(name) ? undefined : name), changes: (name) => changes.has(name) }))
  return (value) => {
    if (isPlainObject(value)) return copy(value, through)
    const members = membersOf(value, purpose).filter(([name]) => !gone.has(name))
    return rebuilt(
      value,
      members.map(([name, member]) => [name, changes.has(name) ? through(name, member) : member] as const),
    )
  }
}

function memberEdit<E>(node: FieldTree<E>, purpose: string, edit: PlainEdit<E>): (member: unknown) => unknown {
  if (node.edit !== undefined) return (member) => edit.change(node.edit!, member ?? null, node.path)
  const items = node.children.get(everyItem)
  const item = items && memberEdit(items, purpose, edit)
  const inside = compilePlainEdit(node, purpose, edit)
  const named = node.children.size > (items === undefined ? 0 : 1)
  return (member) => {
    if (item !== undefined && Array.isArray(member)) return member.map(item)
    if (named && (member instanceof Map || isPlainObject(member))) return inside(member)
    if (member !== null && member !== undefined) edit.blocked?.(node.path, member)
    return member
  }
}

/** Which members of a plain object a copy has, under which names. */
export interface PlainChoice {
  /** The member's name in the copy; undefined: it is left out. Throws for a choice that cannot be. */
  nameOf(member: string): string | undefined
  /** True where `through` changes the member's value. */
  changes(member: string): boolean
}

/** Most kinds of objects that are remembered, and members of one that code is made for. */
const kindsMax = 100
const membersMax = 200
/** How often a kind is seen before code is made for it. */
const seenMin = 3

interface Kind {
  readonly keys: readonly string[]
  /** By key: its name in the copy, and whether its value is changed. */
  readonly names: readonly (string | undefined)[]
  readonly changed: readonly boolean[]
  seen: number
  copy: ((value: Plain, through: Through) => Plain) | undefined
}

type Plain = Readonly<Record<string, unknown>>
type Through = (member: string, value: unknown) => unknown

/**
 * Copies plain objects by a choice that depends on names alone. Objects without a schema mostly have the same names as the one before: what
 * is chosen for them is looked up once, and the copy is made by code of its own. `plan` asks for the choice of a kind of objects.
 */
export function plainCopy(plan: (keys: readonly string[]) => PlainChoice): (value: Plain, through: Through) => Plain {
  const kinds = new Map<string, Kind>()
  let last: Kind | undefined
  return (value, through) => {
    const keys = Object.keys(value)
    if (last === undefined || !isSame(last.keys, keys)) last = kindOf(kinds, keys, plan)
    last.copy ??= ++last.seen >= seenMin && keys.length <= membersMax ? compile(last) : undefined
    return last.copy ? last.copy(value, through) : slowCopy(last, value, through)
  }
}

function kindOf(kinds: Map<string, Kind>, keys: readonly string[], plan: (keys: readonly string[]) => PlainChoice): Kind {
  const text = JSON.stringify(keys)
  let kind = kinds.get(text)
  if (kind === undefined) {
    const choice = plan(keys)
    kind = { keys, names: keys.map((key) => choice.nameOf(key)), changed: keys.map((key) => choice.changes(key)), seen: 0, copy: undefined }
    if (kinds.size < kindsMax) kinds.set(text, kind)
  }
  return kind
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

function slowCopy({ keys, names, changed }: Kind, value: Plain, through: Through): Plain {
  return Object.fromEntries(
    keys.flatMap((key, index) =>
      names[index] === undefined ? [] : [[names[index], changed[index] ? through(key, value[key]) : value[key]] as const],
    ),
  )
}

/** Names enter the code as JSON strings only, computed, so that `__proto__` is a name like any other. */
function compile({ keys, names, changed }: Kind): NonNullable<Kind['copy']> {
  const members = keys.flatMap((key, index) => {
    const name = names[index]
    if (name === undefined) return []
    const from = literal(key)
    const to = name === '__proto__' ? `[${literal(name)}]` : literal(name)
    return [`${to}: ${changed[index] ? `through(${from}, value[${from}])` : `value[${from}]`}`]
  })
  return new Function('value', 'through', `return { ${members.join(', ')} }`) as NonNullable<Kind['copy']>
}

function literal(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

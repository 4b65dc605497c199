import type { Schema } from '../contract/schema.ts'
import { isInheritedName } from './field-path.ts'
import { quote } from './json-scalars.ts'

/** Writes one value as JSON. */
type Write = (value: unknown) => string

/**
 * A function that writes the members of a struct, made of source text: with each member's name and type in the code itself the whole
 * converter is half as fast again as with a loop over the fields (405,000 records/s against 270,000, Debezium's envelope of a table of ten
 * columns). `writers` take what the quick paths for the frequent types do not: nulls of required fields, defaults, values that do not fit.
 */
export function structMembersWriter(schema: Schema, writers: readonly Write[]): (struct: Readonly<Record<string, unknown>>) => string {
  const members = schema.fields.map((field, index) => {
    // Names go into the code as JSON strings only, so that none of them can be code.
    const name = JSON.stringify(field.name)
    const member = isInheritedName(field.name) ? `(Object.hasOwn(struct, ${name}) ? struct[${name}] : undefined)` : `struct[${name}]`
    const head = JSON.stringify(`${index === 0 ? '{' : ','}${quote(field.name)}:`)
    return `out += ${head}; member = ${member}; out += ${quickPath(field.schema, `write[${index}](member)`)};`
  })
  const names = schema.fields.map((_, index) => `w${index}`)
  const code = `const [${names.join(', ')}] = write;
    return (struct) => { let out = '', member; ${members.join('\n').replaceAll(/write\[(\d+)\]\(member\)/g, 'w$1(member)')} return out + '}'; }`
  return (new Function('write', 'quote', code) as MakeWriter)(writers, quote)
}

type MakeWriter = (write: readonly Write[], quote: (text: string) => string) => (struct: Readonly<Record<string, unknown>>) => string

// An expression over `member`; `slow` decides what the quick path does not.
function quickPath(schema: Schema, slow: string): string {
  const present = presentPath(schema, slow)
  return schema.optional && (schema.defaultValue === undefined || schema.defaultValue === null)
    ? `member === null ? 'null' : ${present}`
    : present
}

function presentPath(schema: Schema, slow: string): string {
  switch (schema.type) {
    case 'string':
      return `typeof member === 'string' ? quote(member) : ${slow}`
    case 'boolean':
      return `member === true ? 'true' : member === false ? 'false' : ${slow}`
    case 'int32':
      return `typeof member === 'number' && member === (member | 0) ? member : ${slow}`
    case 'int64':
      return `typeof member === 'bigint' && BigInt.asIntN(64, member) === member ? member : ${slow}`
    default:
      return slow
  }
}

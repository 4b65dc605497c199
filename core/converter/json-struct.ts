import type { Schema } from '../contract/schema.ts'
import { isInheritedName } from './field-path.ts'
import { quote } from './json-scalars.ts'

/** Writes one value as JSON. */
type Write = (value: unknown) => string

/**
 * A function that writes the members of a struct, made of source text: with each member's name and type in the code itself the whole
 * converter is half as fast again as with a loop over the fields. `writers` take what the quick paths for the frequent types do not: nulls of
 * required fields, defaults, values that do not fit.
 *
 * Text and 64-bit integers often are the same from struct to struct (times, transactions, names of tables), so each field keeps what it wrote
 * last: one value and its text, the text at most `keptTextMax` long.
 */
export function structMembersWriter(schema: Schema, writers: readonly Write[]): (struct: Readonly<Record<string, unknown>>) => string {
  const members = schema.fields.map((field, index) => {
    // Names go into the code as JSON strings only, so that none of them can be code.
    const name = JSON.stringify(field.name)
    const member = isInheritedName(field.name) ? `(Object.hasOwn(struct, ${name}) ? struct[${name}] : undefined)` : `struct[${name}]`
    return `member = ${member}; ${addition(field.schema, `${index === 0 ? '{' : ','}${quote(field.name)}:`, index)}`
  })
  const declared = schema.fields.map((_, index) => `const w${index} = write[${index}]; let v${index} = none, t${index} = '';`)
  const code = `const none = Symbol(); ${declared.join('\n')}
    return (struct) => { let out = '', member; ${members.join('\n')} return out + '}'; }`
  return (new Function('write', 'quote', 'flat', code) as MakeWriter)(writers, quote, flat)
}

type MakeWriter = (
  write: readonly Write[],
  quote: (text: string) => string,
  flat: (text: string) => string,
) => (struct: Readonly<Record<string, unknown>>) => string

/** Longer text is not kept: it seldom comes again. UTF-16 units. */
const keptTextMax = 64

/** The same text in one piece: V8 joins pieces only where somebody looks inside, and text that is used again would be joined every time. */
export function flat(text: string): string {
  text.charCodeAt(0)
  return text
}

// The statement that adds `member` to `out`, with the head before it; the field's writer decides what the quick path does not.
function addition(schema: Schema, head: string, index: number): string {
  const present = presentAddition(schema, JSON.stringify(head), index)
  return schema.optional && (schema.defaultValue === undefined || schema.defaultValue === null)
    ? `if (member === null) out += ${JSON.stringify(`${head}null`)}; else ${present}`
    : present
}

function presentAddition(schema: Schema, head: string, index: number): string {
  const slow = `out += ${head} + w${index}(member);`
  // Made when a value comes for the second time: most never do.
  const kept = (text: string) => `t${index} === '' ? (t${index} = flat(${head} + ${text})) : t${index}`
  switch (schema.type) {
    case 'string':
      return `if (member === v${index}) out += ${kept('quote(member)')};
        else if (typeof member !== 'string') ${slow}
        else { if (member.length <= ${keptTextMax}) { v${index} = member; t${index} = ''; } out += ${head}; out += quote(member); }`
    case 'boolean':
      return `if (member === true) out += ${head} + 'true'; else if (member === false) out += ${head} + 'false'; else ${slow}`
    case 'int32':
      return `if (typeof member === 'number' && member === (member | 0)) { out += ${head}; out += member; } else ${slow}`
    case 'int64':
      return `if (member === v${index}) out += ${kept('member')};
        else if (typeof member === 'bigint' && BigInt.asIntN(64, member) === member) { v${index} = member; t${index} = ''; out += ${head}; out += member; }
        else ${slow}`
    default:
      return slow
  }
}

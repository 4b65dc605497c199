import { createHmac } from 'node:crypto'
import { ConfigError, DataError, defineConfig, primitive, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { compileEdit, compilePlainEdit, fieldTree } from './field-tree.ts'
import { parsePath, pathsFault } from './field-path.ts'
import { bySchema, requireStruct } from './fields.ts'
import { scalarText, shown } from './scalars.ts'
import { keyAndValue, shortNames, type Side } from './side.ts'

const config = defineConfig({
  fields: {
    type: 'list',
    required: true,
    importance: 'high',
    doc: 'Paths of the fields to mask: dots lead into nested fields, [] stands for each item of an array.',
    check: (paths: readonly string[]) => (paths.length === 0 ? 'Empty list' : pathsFault(paths, 'own')),
  },
  mode: {
    type: 'string',
    default: 'redact',
    oneOf: ['redact', 'partial', 'hash'],
    importance: 'high',
    doc: 'redact: text becomes the replacement, all else null. partial: the first and last characters of a text stay. hash: HMAC-SHA-256 with the salt, as text.',
  },
  replacement: { type: 'string', default: '****', importance: 'medium', doc: 'What redact puts in the place of a text.' },
  'keep.first': { type: 'int', default: 0, min: 0, max: 1_000, importance: 'medium', doc: 'Characters that partial leaves at the start.' },
  'keep.last': { type: 'int', default: 4, min: 0, max: 1_000, importance: 'medium', doc: 'Characters that partial leaves at the end.' },
  character: {
    type: 'string',
    default: '*',
    importance: 'low',
    doc: 'What partial puts in the place of each other character.',
    check: (text: string) => ([...text].length === 1 ? undefined : 'it must be one character'),
  },
  salt: {
    type: 'password',
    importance: 'high',
    doc: 'Secret for hash, of 16 characters or more: the same value gives the same hash under the same salt, and nobody without it can find the value by trying.',
  },
  'missing.field': {
    type: 'string',
    default: 'error',
    oneOf: ['error', 'ignore'],
    importance: 'medium',
    doc: 'What becomes of a record whose schema does not have one of the fields, or, without a schema, has text or an array where a path goes on: error, as its content would stay in clear, or ignore. Without a schema a member may be absent.',
  },
})

const purpose = 'masking'
const saltCharsMin = 16

/**
 * `io.millrace.transforms.Mask$Key` and `$Value`: hides fields, nested ones and those in arrays too. Nulls stay null. Hashes are text, so that
 * a hashed number's field becomes a string; values that are written alike have the same hash. What a mode cannot hide is a DataError,
 * never left in clear. A text too short for `partial` to hide at least one character in two is masked as a whole.
 */
export const mask = keyAndValue(
  'io.millrace.transforms.Mask',
  'Hides fields: redacts them, keeps a few characters, or hashes them with a secret salt',
  config,
  createMask,
  shortNames('Mask'),
)

/** How a mode changes a field: its schema, and a value of it that is not null. */
interface Masking {
  schema(schema: Schema, path: string): Schema
  value(value: unknown, path: string): unknown
}

function createMask(settings: ConfigOf<typeof config>, side: Side): Transform {
  const masking = maskingOf(settings)
  const paths = settings.fields.map((text) => [parsePath(text, 'own'), masking] as const)
  const tree = treeOf(paths)
  const strict = settings['missing.field'].toLowerCase() === 'error'
  const edits = bySchema((schema) =>
    compileEdit(schema, tree, {
      nullAsDefault: false,
      top: 'kept',
      edit: (edit, { schema: field }, path) => ({
        // A default in clear would give away what is hidden, or stand where a hash is expected.
        schema: { ...edit.schema(field, path), defaultValue: undefined },
        through: (value) => edit.value(value, path),
      }),
      missing(path) {
        if (strict) throw new DataError(`Mask: there is no field "${path}" to mask; missing.field=ignore lets such records pass`)
      },
    }),
  )
  const editPlain = compilePlainEdit(tree, purpose, {
    change: (edit, member, path) => (member === null ? null : edit.value(member, path)),
    blocked(path, value) {
      if (!strict) return
      throw new DataError(
        `Mask: "${path}" leads through ${shape(value)}, which does not have it; [] stands for the items of an array, missing.field=ignore lets such records pass`,
      )
    },
  })
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema === null) {
        return side.replace(record, null, editPlain(value))
      }
      const struct = requireStruct(schema, value, purpose)
      const edit = edits(schema)
      return side.replace(record, edit.schema, edit.copy(struct))
    },
  }
}

/** What a level is, without what it says: that may be what is to be hidden. */
function shape(value: unknown): string {
  return typeof value === 'object' ? shown(value) : `a ${typeof value}`
}

function treeOf(paths: Parameters<typeof fieldTree<Masking>>[0]) {
  try {
    return fieldTree(paths)
  } catch (error) {
    throw new ConfigError([{ key: 'fields', message: `Invalid value for configuration fields: ${(error as Error).message}` }])
  }
}

function maskingOf(settings: ConfigOf<typeof config>): Masking {
  switch (settings.mode.toLowerCase()) {
    case 'redact':
      return redaction(settings.replacement)
    case 'partial':
      return partial(settings['keep.first'], settings['keep.last'], settings.character)
    default: {
      const { salt } = settings
      if (salt === undefined || [...salt].length < saltCharsMin) {
        throw new ConfigError([
          { key: 'salt', message: `Configuration salt: mode=hash needs a secret of ${saltCharsMin} characters or more` },
        ])
      }
      return hashing(salt)
    }
  }
}

function redaction(replacement: string): Masking {
  return {
    schema(schema, path) {
      if (schema.type === 'string' || schema.optional) return schema
      throw new DataError(
        `Mask: field "${path}" of type ${schema.type} is required, so that it cannot become null; MaskField or ReplaceField can hide it`,
      )
    },
    value: (value) => (typeof value === 'string' ? replacement : null),
  }
}

function partial(first: number, last: number, character: string): Masking {
  return {
    schema(schema, path) {
      if (schema.type === 'string') return schema
      throw new DataError(`Mask: mode=partial is for text, and field "${path}" is of type ${schema.type}; use redact or hash`)
    },
    value(value, path) {
      if (typeof value !== 'string') throw new DataError(`Mask: mode=partial is for text, and field "${path}" is ${shown(value)}`)
      const characters = [...value]
      const hidden = characters.length - first - last
      if (hidden * 2 < characters.length) return character.repeat(characters.length)
      return characters.slice(0, first).join('') + character.repeat(hidden) + characters.slice(characters.length - last).join('')
    },
  }
}

function hashing(salt: string): Masking {
  return {
    schema(schema, path) {
      if (['array', 'map', 'struct'].includes(schema.type)) {
        throw new DataError(`Mask: mode=hash is for single values, and field "${path}" is of type ${schema.type}; name the fields in it`)
      }
      return primitive('string', { optional: schema.optional, doc: schema.doc })
    },
    value(value, path) {
      const content = value instanceof Uint8Array ? value : scalarText(value)
      if (content === undefined) throw new DataError(`Mask: mode=hash is for single values, and field "${path}" is ${shown(value)}`)
      return createHmac('sha256', salt).update(content).digest('hex')
    },
  }
}

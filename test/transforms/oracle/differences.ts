import { isDeepStrictEqual } from 'node:util'
import { isError, type Disagreement } from './run.ts'

/** Where we differ from Java on purpose: what Java does and we do instead, as docs/transforms.md says it, and by what a case of it is known. */
export interface Difference {
  readonly transform: string
  readonly java: string
  readonly ours: string
  holds(one: Disagreement): boolean
}

type Shown = { readonly value: { readonly schema: unknown; readonly value: unknown }; readonly headers: readonly unknown[] }

/** Ours refuses with such words what Java takes. */
const refusedFor = (words: RegExp) => (one: Disagreement) => !isError(one.java) && isError(one.ours) && words.test(one.ours.error)
/** Java refuses with such words what ours takes. */
const takenDespite = (words: RegExp) => (one: Disagreement) => isError(one.java) && !isError(one.ours) && words.test(one.java.error)
/** Ours refuses the config, Java takes it and fails later or does something else. */
const configRefused =
  (...configs: readonly Readonly<Record<string, string>>[]) =>
  (one: Disagreement) =>
    one.record === null && one.java === 'taken' && configs.some((config) => isDeepStrictEqual(config, one.case.config))
const both = (test: (java: Shown, ours: Shown, one: Disagreement) => boolean) => (one: Disagreement) =>
  one.record !== null && !isError(one.java) && !isError(one.ours) && one.ours !== null && test(one.java as Shown, one.ours as Shown, one)
const literal =
  (...texts: readonly string[]) =>
  (one: Disagreement) =>
    one.case.class.endsWith('.InsertHeader') && texts.includes(one.case.config['value.literal']!)

// Java's value without the null members that it added.
const addsNulls = both(({ value: java }, { value: ours }) => {
  const members = membersOf(java.value)
  const names = new Set(membersOf(ours.value)?.map(([name]) => name))
  if (members === undefined || names.size === 0) return false
  const had = members.filter(([name, member]) => names.has(name) || member !== null)
  return had.length < members.length && isDeepStrictEqual(had, membersOf(ours.value))
})

function membersOf(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  const tagged = value as { readonly t?: string; readonly v?: readonly (readonly [string, unknown])[] } | null
  return tagged?.t === 'map' ? tagged.v : undefined
}

export const connectDifferences: readonly Difference[] = [
  {
    transform: 'Cast',
    java: 'A number out of the range of the type wraps round or saturates: 300 to int8 is 44, 1e10 to int32 is 2147483647; NaN is 0.',
    ours: 'An error with the field and the value.',
    holds: refusedFor(/^Cast: .*(out of range for|cannot be an int)/),
  },
  {
    transform: 'Cast',
    java: 'To boolean, all text but "true" is false, and 0.1 and NaN are false.',
    ours: 'Text is "true" or "false" in any case, a number is whole; anything else is an error.',
    holds: refusedFor(/^Cast: .*neither true nor false/),
  },
  {
    transform: 'Cast',
    java: 'Digits of other scripts are taken (１２ is 12).',
    ours: 'An error.',
    holds: refusedFor(/^Cast: .*is not (an integer in digits|a number)/),
  },
  {
    transform: 'Cast, MaskField, TimestampConverter',
    java: 'Without a schema, a field that is missing is added as null.',
    ours: 'It stays missing.',
    holds: (one) => /(Cast|MaskField|TimestampConverter)\$/.test(one.case.class) && addsNulls(one),
  },
  {
    transform: 'Cast',
    java: 'A whole Decimal, Date, Time or Timestamp keeps its logical name under the new type, and every converter fails.',
    ours: 'The name goes, and the value is of the new type.',
    holds: takenDespite(/Invalid Java object for schema "org\.apache\.kafka\.connect\.data\./),
  },
  {
    transform: 'Cast',
    java: 'Times as text are those of the zone of the machine, though they end in Z; a Timestamp at midnight is a date, one of the first day of 1970 a time.',
    ours: 'Text is in UTC, and each type has one form: 2023-11-14, 22:13:20.123Z, 2023-11-14T22:13:20.123Z.',
    holds: (one) =>
      /string/.test(one.case.config['spec'] ?? '') &&
      both((java, ours) => isDeepStrictEqual(java.value.schema, ours.value.schema) && isTimeText(java.value.value))(one),
  },
  {
    transform: 'Cast',
    java: 'An array, map or struct is an error with the first value that is not null.',
    ours: 'An error with the first record whose schema has it.',
    holds: refusedFor(/^Cast: .*cannot be cast/),
  },
  {
    transform: 'DropHeaders, ValueToKey',
    java: 'A name that stands twice in the list is taken.',
    ours: 'It is refused at creation.',
    holds: configRefused({ headers: 'a,a' }, { fields: 'id,id' }),
  },
  {
    transform: 'ExtractField',
    java: 'A V2 path with an empty step (a..b) is taken, and leads to a field without a name.',
    ours: 'It is refused at creation.',
    holds: configRefused(...['address.', '.address', 'a..b', 'address.``'].map((field) => ({ field, 'field.syntax.version': 'V2' }))),
  },
  {
    transform: 'HeaderFrom',
    java: 'A null key or value, as of a tombstone, stops the task.',
    ours: 'The record passes as it is.',
    holds: takenDespite(/supported (in absence of schema )?for \[header (copy|move)\], found: null/),
  },
  {
    transform: 'HoistField',
    java: 'A tombstone is wrapped, and is none to compaction any more.',
    ours: 'It passes as it is.',
    holds: (one) => one.case.class.endsWith('HoistField$Value') && one.record?.value === null && one.record.valueSchema === null,
  },
  {
    transform: 'InsertHeader',
    java: 'Text that only resembles a number is changed: 007 is 7, 1e3 is 1000, +1 is 1, and 1.0 is the int8 1.',
    ours: '007, 1e3 and +1 stay text; 1.0 is a float32.',
    holds: literal('007', '1e3', '+1', '1.0'),
  },
  {
    transform: 'InsertHeader',
    java: 'A number with more digits than a float32 has is rounded to one: 3.141592653589793 is 3.1415927.',
    ours: 'It is a float64, or a Decimal.',
    holds: literal('3.141592653589793'),
  },
  {
    transform: 'InsertHeader',
    java: 'Dates and times are read in the time zone of the machine, whatever their Z says; in some zones a date stops the task, and 30 February is 2 March.',
    ours: 'They are read in UTC; a date that does not exist stays text.',
    holds: literal('22:13:20.123Z', '2023-11-14T22:13:20.123Z', '2023-02-28', '2023-02-30'),
  },
  {
    transform: 'InsertHeader',
    java: '[] is an array whose items have no schema, which no converter takes.',
    ours: 'It stays text.',
    holds: literal('[]'),
  },
  {
    transform: 'MaskField',
    java: 'A null key or value, as of a tombstone, stops the task.',
    ours: 'The record passes as it is.',
    holds: takenDespite(/supported (in absence of schema )?for \[mask fields\], found: null/),
  },
  {
    transform: 'MaskField',
    java: 'A replacement that does not fit is narrowed: 300 in an int8 is 44; a Decimal takes the scale of the text.',
    ours: 'An error.',
    holds: refusedFor(/^Unable to (convert the replacement|mask field)/),
  },
  {
    transform: 'MaskField',
    java: 'A Decimal is masked with 0 of scale 0, whatever the scale of its schema, and converters fail.',
    ours: 'With 0 of the right scale.',
    holds: (one) =>
      one.case.class.endsWith('MaskField$Value') &&
      both(
        (java, ours) =>
          JSON.stringify(java.value.value).replace('{"unscaled":"0","scale":0}', '{"unscaled":"0","scale":2}') ===
          JSON.stringify(ours.value.value),
      )(one),
  },
  {
    transform: 'RegexRouter',
    java: 'A topic may get an empty name, at which the producer fails.',
    ours: 'An error.',
    holds: refusedFor(/^RegexRouter gives topic ".*" an empty name/),
  },
  {
    transform: 'RegexRouter',
    java: 'A replacement with a group that the regex does not have is found out with the first record.',
    ours: 'It is refused at creation.',
    holds: configRefused({ regex: '(.*)', replacement: '$2' }),
  },
  {
    transform: 'ReplaceField',
    java: 'Without a schema, a rename onto a field that is there loses one of both.',
    ours: 'An error, as with a schema.',
    holds: refusedFor(/^Renames give two fields the name/),
  },
  {
    transform: 'ReplaceField',
    java: 'renames=a:b,a:c is taken, the last wins; blacklist and whitelist, the old names, are ignored: fields meant to be dropped are kept.',
    ours: 'Both are refused at creation.',
    holds: configRefused({ renames: 'a:b,a:c' }, { blacklist: 'id' }),
  },
  {
    transform: 'SetSchemaMetadata',
    java: 'Schemas of other types than structs are errors.',
    ours: 'They are named too, but for logical types, whose name says how to read them.',
    holds: takenDespite(/^org\.apache\.kafka\.connect\.errors\.DataException: Cannot list fields on non-struct type/),
  },
  {
    transform: 'TimestampConverter',
    java: 'Dates are read leniently: what follows is ignored, 30 February is 2 March, a year has any number of digits, and .123456 under SSS is two minutes.',
    ours: 'The whole text must be one date that there is; fractions of a second have the three digits of SSS.',
    holds: refusedFor(/^Could not parse timestamp: value/),
  },
  {
    transform: 'TimestampConverter',
    java: 'Without a schema, the targets Date, Time and Timestamp give a java.util.Date, which no converter takes.',
    ours: 'An error that names string and unix as the ways out.',
    holds: refusedFor(/^TimestampConverter: .* has no schema, which target\.type=(Date|Time|Timestamp) needs/),
  },
  {
    transform: 'TimestampConverter',
    java: 'Everything goes through milliseconds: unix times in microseconds and nanoseconds lose their last digits, and before 1970 they are rounded up.',
    ours: 'Unix to unix loses nothing; what a target cannot hold is cut towards the past.',
    holds: (one) => /(micro|nano)seconds/.test(one.case.config['unix.precision'] ?? '') && both(() => true)(one),
  },
  {
    transform: 'TimestampConverter',
    java: 'Seconds, milliseconds and nanoseconds that overflow become the largest or least int64; years up to 292278994 are written.',
    ours: 'An error; years up to 275760 are written.',
    holds: (one) =>
      refusedFor(/out of range for|beyond the years/)(one) || (one.case.config['unix.precision'] === 'seconds' && both(() => true)(one)),
  },
  {
    transform: 'TimestampRouter',
    java: 'A wrong pattern is found out with the first record.',
    ours: 'It is refused at creation.',
    holds: configRefused({ 'timestamp.format': 'jj' }),
  },
  {
    transform: 'ValueToKey',
    java: 'Without a schema, a missing field is null in the key: all such records have the same key.',
    ours: 'An error, as with a schema.',
    holds: refusedFor(/^ValueToKey: Field does not exist/),
  },
]

const of = (name: string) => (one: Disagreement) => one.case.class.endsWith(`.${name}`)

const withoutSchema = ({ record }: Disagreement) => record !== null && record.valueSchema === null && record.value !== null

export const debeziumDifferences: readonly Difference[] = [
  {
    transform: 'ExtractNewRecordState, EventRouter, ExtractChangedRecordState',
    java: 'A change event without a schema passes as it is: nothing is unwrapped, routed or compared.',
    ours: 'It is known by its members, and treated as one with a schema.',
    holds: (one) =>
      withoutSchema(one) && /ExtractNewRecordState|EventRouter|ExtractChangedRecordState/.test(one.case.class) && !isError(one.java),
  },
  {
    transform: 'HeaderToValue',
    java: 'A value without a schema is an error.',
    ours: 'It is taken.',
    holds: (one) => withoutSchema(one) && takenDespite(/Only Struct objects supported for \[Header field insertion\]/)(one),
  },
  {
    transform: 'ExtractNewRecordState',
    java: 'A delete under tombstone or delete-to-tombstone is null with a schema, which JsonConverter writes as an envelope: compaction never removes the key.',
    ours: 'It is a tombstone: null without a schema.',
    holds: (one) =>
      of('ExtractNewRecordState')(one) &&
      both(
        (java, ours) => java.value.value === null && java.value.schema !== null && ours.value.value === null && ours.value.schema === null,
      )(one),
  },
  {
    transform: 'ExtractNewRecordState',
    java: 'A name in add.fields or add.headers that the envelope does not have adds nothing, without a word.',
    ours: 'An error that names it.',
    holds: refusedFor(/^The envelope has no field/),
  },
  {
    transform: 'ExtractNewRecordState',
    java: 'A name that stands in add.fields twice fails with the first record; the options of Debezium 2 (drop.tombstones, delete.handling.mode) are ignored.',
    ours: 'Both are refused at creation.',
    holds: configRefused({ 'add.fields': 'op,op' }, { 'drop.tombstones': 'false' }),
  },
  {
    transform: 'EventRouter',
    java: 'The schema of an enveloped event is named after the first topic that had the same payload schema (or version).',
    ours: 'After its own topic.',
    holds: (one) =>
      of('outbox.EventRouter')(one) &&
      both((java, ours) => {
        const named = (shown: Shown) => JSON.stringify(shown.value).replaceAll(/srv\.public\.outbox\.(order|customer)\.Value/g, 'name')
        return named(java) === named(ours)
      })(one),
  },
  {
    transform: 'EventRouter',
    java: 'With table.expand.json.payload, arrays at the top and integers beyond 64 bits give values that do not fit their schema, and 1e400 becomes Infinity.',
    ours: 'Arrays are expanded; a payload that cannot be typed exactly stays text, as other text does.',
    holds: (one) =>
      of('outbox.EventRouter')(one) &&
      (takenDespite(/Invalid Java object for schema|"key" is null/)(one) ||
        (one.case.config['table.expand.json.payload'] === 'true' && both(() => /^\[|1e400/.test(payloadOf(one)))(one))),
  },
  {
    transform: 'EventRouter',
    java: 'With table.expand.json.payload, objects in an array that have different members are merged into a required struct, its fields in the order of a hash.',
    ours: 'Into an optional one, as all others are, its fields in the order in which they come.',
    holds: (one) => of('outbox.EventRouter')(one) && both(() => payloadOf(one).includes('"h":[{"i":1},{"i":2,"j":true}]'))(one),
  },
  {
    transform: 'EventRouter',
    java: 'table.op.invalid.behavior=error drops an update as warn does, with another level in the log.',
    ours: 'It rejects the record, as fatal does.',
    holds: refusedFor(/^EventRouter: a row of the outbox .* was updated/),
  },
  {
    transform: 'EventRouter',
    java: 'An unknown placement is a NullPointerException with each record.',
    ours: 'It is refused at creation.',
    holds: configRefused({ 'table.fields.additional.placement': 'tenant:bad' }),
  },
  {
    transform: 'HeaderToValue',
    java: 'A field that is there already is overwritten, under its old schema.',
    ours: 'An error.',
    holds: refusedFor(/^Field ".*" occurs twice/),
  },
  {
    transform: 'HeaderToValue',
    java: 'A struct that gets a field becomes required, so that one that is null fails, and nulls in it become defaults.',
    ours: 'It stays optional, and nulls stay nulls.',
    holds: (one) =>
      of('HeaderToValue')(one) &&
      (one.case.config['fields'] ?? '').includes('.') &&
      (takenDespite(/null used for required field/)(one) || both(() => true)(one)),
  },
  {
    transform: 'TimezoneConverter',
    java: 'An offset beyond 18:00 is found out with the first record.',
    ours: 'It is refused at creation.',
    holds: configRefused({ 'converted.timezone': '+25:00' }),
  },
  {
    transform: 'TimezoneConverter',
    java: 'Rules with dots are refused, and with them the topics that Debezium makes, and the fields of source, before and after.',
    ours: 'They are taken.',
    holds: (one) =>
      of('TimezoneConverter')(one) && one.record === null && one.ours === 'taken' && (one.case.config['include.list'] ?? '').includes('.'),
  },
  {
    transform: 'TimezoneConverter',
    java: 'A field in include.list that has no zone to be converted (a date, a time of day) is passed over, with a word in the log.',
    ours: 'An error that names it.',
    holds: refusedFor(/^TimezoneConverter: field .* has no zone to be converted/),
  },
]

function payloadOf({ record }: Disagreement): string {
  return String((record?.value as { readonly after?: { readonly payload?: unknown } | null } | null)?.after?.payload)
}

function isTimeText(value: unknown): boolean {
  return /"(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d\.\d{3}Z"|"\d{4}-\d\d-\d\d"/.test(JSON.stringify(value))
}

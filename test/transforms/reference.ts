import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConfigDef, type ConfigKey } from '../../core/index.ts'
import { defaultText } from '../../core/contract/config-def.ts'
import transforms from '../../transforms/index.ts'
import { connectDifferences, debeziumDifferences, type Difference } from './oracle/differences.ts'

/** Where the reference lies. */
export const referencePath = join(import.meta.dirname, '..', '..', 'docs', 'transforms.md')

interface Part {
  readonly class: string
  readonly aliases?: readonly string[]
  readonly doc?: string
  readonly config: ConfigDef
}

const head = `# Transforms and predicates

Written by \`node test/transforms/reference.ts\` from the definitions themselves; a test keeps it as they are.

A transform is named in a connector's config as in Kafka Connect, by its Java class name or its short name:

\`\`\`json
{
  "transforms": "unwrap,mask,route",
  "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
  "transforms.mask.type": "Mask",
  "transforms.mask.fields": "customer.email,items[].card",
  "transforms.mask.predicate": "orders",
  "transforms.route.type": "RouteByField",
  "transforms.route.topic.format": "\${topic}.\${field:country}",
  "predicates": "orders",
  "predicates.orders.type": "TopicNameMatches",
  "predicates.orders.pattern": "shop\\\\.orders.*"
}
\`\`\`

What holds for all of them:

- **A wrong record never goes on.** What a transform cannot do exactly is an error with the field and the value: the task stops, or with
  \`errors.tolerance=all\` the record goes to the dead letter queue. Nothing is narrowed, wrapped round, guessed or nulled.
- **What can be known from the config is refused when the connector is created**, not with the first record: patterns, paths, groups of a
  replacement, names that stand twice.
- **\`field.syntax.version\`** (KIP-821) is in every transform that names fields; in Java it is in ExtractField alone. \`V1\`, the default: names are those of
  fields at the top. \`V2\`: dots lead into nested fields, backticks keep dots in a name (\`\` \`a.b\`.c \`\`), a backslash before a closing backtick
  makes it part of the name. Millrace's own transforms always read V2, and \`items[].price\` as the price of each item.
- **\`$Key\` and \`$Value\`** stand for two transforms, of a record's key and of its value.
- **Patterns are Java's** (\`java.util.regex\`), rewritten to mean the same to RE2, which runs them in linear time: \`.\` stops at each of Java's line
  ends, \`(?i)\` knows the letters of ASCII, \`\\p{Alpha}\`, \`\\h\`, \`\\R\`, \`\\Q..\\E\` and the like are there. Refused by name: look-around, back
  references, possessive quantifiers, atomic groups, unions and intersections of classes, flags other than \`i\` and \`s\`, and \`$\` before the end.
- **Dates** are written by the letters of \`java.text.SimpleDateFormat\`, in UTC and English, weeks as in the United States. \`SSS\` has three
  letters: Java writes 12 ms as \`.000012\` under \`SSSSSS\`, so other counts are refused. Weeks (\`Y\`, \`w\`, \`W\`, \`F\`) are written but not read. Dates
  before 15 October 1582 are those of the proleptic Gregorian calendar, which ISO 8601 uses; Java's are Julian.
- **int64 and Decimal are exact**, with a schema and without.
- **Tombstones** pass, unless the table of a transform says otherwise.
`

const families: readonly (readonly [title: string, prefix: string, text: string])[] = [
  [
    "Kafka Connect's",
    'org.apache.kafka.connect.transforms.',
    'Compared with `connect-transforms` 4.3.1, record by record, in `test/transforms/oracle.test.ts`.',
  ],
  [
    "Debezium's",
    'io.debezium.transforms.',
    'Compared with `debezium-connect-plugins` 3.7.0.Final in the same way. Transforms write no log here: an update that EventRouter drops under `table.op.invalid.behavior=warn` leaves no trace; `error` rejects it.',
  ],
  ["Millrace's own", 'io.millrace.transforms.', ''],
]

const ownNotes = `How the values of some keys are spelled:

- **Validate**: \`required=id,customer.email\`, \`types=id:int64,price:decimal\`, \`ranges=amount:0..1000,age:18..\`, \`enums=state:new|paid\`, \`patterns\` one
  \`path:regex\` on each line. Null keeps every rule but \`required\`. With a schema, a rule for a field that it does not have is broken. All
  broken rules of a record are told at once.
- **RouteByField**: \`\${topic}\`, \`\${partition}\`, \`\${timestamp:yyyyMMdd}\`, \`\${field:a.b}\`, \`\${field:created:yyyyMM}\`, \`\${key:id}\`, \`\${header:name}\`.
  Names follow Kafka's rules; \`topics.max\` bounds how many a task may make.
- **Mask**: \`hash\` is HMAC-SHA-256 under \`salt\`, a secret of 16 characters or more, of the value as text (bytes as they are), in hexadecimal.
`

/** The whole text of docs/transforms.md. */
export function referenceText(): string {
  const all = transforms.transforms as readonly Part[]
  const sections = families.map(([title, prefix, text]) => {
    const parts = all.filter((part) => part.class.startsWith(prefix))
    return [`## ${title}\n`, ...(text === '' ? [] : [`${text}\n`]), ...grouped(parts).map((group) => partText(group))].join('\n')
  })
  const predicates = (transforms.predicates as readonly Part[]) ?? []
  return [
    head,
    ...sections,
    ownNotes,
    ['## Predicates\n', ...grouped(predicates).map((group) => partText(group))].join('\n'),
    differencesText("Where Kafka Connect's differ, and why", connectDifferences),
    differencesText("Where Debezium's differ, and why", debeziumDifferences),
  ].join('\n')
}

// `X$Key` and `X$Value` are told once.
function grouped(parts: readonly Part[]): readonly (readonly Part[])[] {
  return [...Map.groupBy(parts, (part) => part.class.replace(/\$(Key|Value)$/, '')).values()]
}

function partText(group: readonly Part[]): string {
  const [first] = group
  const name = first!.class.replace(/\$(Key|Value)$/, '')
  const short = group.flatMap((part) => part.aliases ?? []).filter((alias) => alias !== name)
  const classes = group.map((part) => `\`${part.class}\``).join(', ')
  const shorts = short.length === 0 ? '' : `; short: ${short.map((one) => `\`${one}\``).join(', ')}`
  const doc = (first!.doc ?? '').replace(/ \(of the record's key\)$/, '')
  const keys = Object.entries(first!.config)
  const rows = keys.map(([key, def]) => `| \`${key}\` | ${def.type} | ${defaultCell(def)} | ${cell(docOf(def))} |`)
  const table = keys.length === 0 ? 'No keys.\n' : `| key | type | default | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  return `### ${name.slice(name.lastIndexOf('.') + 1)}\n\n${doc}${doc.endsWith('.') ? '' : '.'} ${classes}${shorts}.\n\n${table}`
}

function defaultCell(def: ConfigKey): string {
  if (def.required) return 'required'
  const text = defaultText(def)
  return text === null ? '' : text === '' ? 'empty' : `\`${cell(text)}\``
}

function docOf(def: ConfigKey): string {
  const refused = def.unsupported === undefined ? '' : ` Refused: ${def.unsupported}`
  const choices = def.oneOf === undefined ? '' : ` One of ${def.oneOf.join(', ')}.`
  return def.doc + choices + refused
}

function differencesText(title: string, differences: readonly Difference[]): string {
  const rows = differences.map(({ transform, java, ours }) => `| ${transform} | ${cell(java)} | ${cell(ours)} |`)
  return `## ${title}\n\n| transform | in Java | here |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

if (import.meta.main) writeFileSync(referencePath, referenceText())

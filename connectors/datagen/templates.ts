import { logical, primitive, structOf, type Schema } from '../../core/index.ts'
import type { TemplateName } from './config.ts'
import { hash, hex8, next, uuid } from './random.ts'

/** How the records of a template are made. All are pure: what they return depends on their arguments alone. */
export interface Template {
  readonly keySchema: Schema
  readonly valueSchema: Schema
  /** Key of record `n`; `id` is its key number, from 1. */
  key(seed: number, n: number, id: number): object
  /** Value of record `n`. */
  value(seed: number, n: number, id: number): object
}

const int64 = primitive('int64')
const int32 = primitive('int32')
const text = primitive('string')
const microTimestamp = primitive('int64', { name: logical.microTimestamp, version: 1 })
const money = decimal(12, 2)
const json = primitive('string', { name: logical.json, version: 1 })

/** 2026-01-01T00:00:00Z. Record n is n milliseconds later, so that times rise and repeat exactly. */
export const firstInstantMs = 1_767_225_600_000

const idKey = structOf([['id', int64]])
const byId = (_seed: number, _n: number, id: number) => ({ id: BigInt(id) })

const rows: Template = {
  keySchema: idKey,
  valueSchema: structOf([
    ['id', int64],
    ['quantity', int32],
    ['amount', int64],
    ['price', decimal(18, 4)],
    ['ratio', primitive('float64')],
    ['code', text],
    ['name', text],
    ['created_at', microTimestamp],
    ['active', primitive('boolean')],
    ['attributes', json],
  ]),
  key: byId,
  value(seed, n, id) {
    const a = hash(seed, n)
    const b = next(a)
    const c = next(b)
    const d = next(c)
    return {
      id: BigInt(id),
      quantity: a | 0,
      amount: BigInt(a * 1_000_003 - b),
      price: { unscaled: BigInt(b * 1024 + (a & 1023)), scale: 4 },
      ratio: c / 4_294_967_296,
      code: halfCodes[a & 4095]! + halfCodes[c & 4095]!,
      name: pick(fullNames, b),
      created_at: micros(n, d),
      active: (d & 1) === 1,
      attributes: attributes[d & 4095]!,
    }
  },
}

const orders: Template = {
  keySchema: idKey,
  valueSchema: structOf([
    ['id', int64],
    ['customer_id', int64],
    ['status', text],
    ['currency', text],
    ['total', money],
    ['items', int32],
    ['city', text],
    ['note', primitive('string', { optional: true })],
    ['placed_at', microTimestamp],
  ]),
  key: byId,
  value(seed, n, id) {
    const a = hash(seed, n)
    const b = next(a)
    const c = next(b)
    return {
      id: BigInt(id),
      customer_id: BigInt((b % 100_000) + 1),
      status: pick(statuses, a),
      currency: pick(currencies, b),
      total: { unscaled: BigInt(100 + (c % 500_000)), scale: 2 },
      items: (a % 9) + 1,
      city: pick(cities, c),
      note: a % 5 === 0 ? pick(notes, b) : null,
      placed_at: micros(n, c),
    }
  },
}

const customers: Template = {
  keySchema: idKey,
  valueSchema: structOf([
    ['id', int64],
    ['public_id', primitive('string', { name: logical.uuid, version: 1 })],
    ['name', text],
    ['email', text],
    ['city', text],
    ['birthday', primitive('int32', { name: logical.date, version: 1, optional: true })],
    ['credit', money],
    ['newsletter', primitive('boolean')],
    ['created_at', microTimestamp],
  ]),
  key: byId,
  value(seed, n, id) {
    const a = hash(seed, n)
    const b = next(a)
    const c = next(b)
    const first = pick(firstNames, a)
    const last = pick(lastNames, b)
    return {
      id: BigInt(id),
      public_id: uuid(a, b, c, next(c)),
      name: `${first} ${last}`,
      email: `${first}.${last}.${id}@example.com`,
      city: pick(cities, c),
      birthday: c % 4 === 0 ? null : 3_650 + (b % 15_000),
      credit: { unscaled: BigInt((a % 2_000_000) - 1_000_000), scale: 2 },
      newsletter: (c & 1) === 1,
      created_at: micros(n, c),
    }
  },
}

const pageEvents: Template = {
  keySchema: structOf([['session_id', text]]),
  valueSchema: structOf([
    ['event_id', primitive('string', { name: logical.uuid, version: 1 })],
    ['session_id', text],
    ['customer_id', primitive('int64', { optional: true })],
    ['type', text],
    ['path', text],
    ['referrer', primitive('string', { optional: true })],
    ['duration_ms', int32],
    ['properties', json],
    ['occurred_at', microTimestamp],
  ]),
  key: (seed, _n, id) => ({ session_id: session(seed, id) }),
  value(seed, n, id) {
    const a = hash(seed, n)
    const b = next(a)
    const c = next(b)
    return {
      event_id: uuid(a, b, c, next(c)),
      session_id: session(seed, id),
      customer_id: a % 3 === 0 ? null : BigInt((b % 100_000) + 1),
      type: pick(eventTypes, c),
      path: `/products/${(a >>> 8) % 10_000}`,
      referrer: b % 2 === 0 ? null : pick(referrers, b >>> 8),
      duration_ms: c % 120_000,
      properties: `{"ab": "${pick(experiments, a >>> 4)}", "screen": [${320 + (b % 2_240)}, ${480 + (c % 960)}]}`,
      occurred_at: micros(n, c),
    }
  },
}

/** Every template by its name. */
export const templates: Readonly<Record<TemplateName, Template>> = { orders, customers, page_events: pageEvents, rows }

// Sessions have keys of their own, apart from the events' words.
function session(seed: number, id: number): string {
  const a = hash(seed ^ 0x5e55, id)
  return hex8(a) + hex8(next(a))
}

function micros(n: number, fraction: number): bigint {
  return BigInt((firstInstantMs + n) * 1000 + (fraction % 1000))
}

function pick(words: readonly string[], h: number): string {
  return words[h % words.length]!
}

function decimal(precision: number, scale: number): Schema {
  const parameters = { scale: String(scale), 'connect.decimal.precision': String(precision) }
  return primitive('bytes', { name: logical.decimal, version: 1, parameters })
}

const firstNames =
  'Ada Alan Amina Björn Chloé Dmitri Edsger Fatima Grace Hiro Ingrid José Katherine Leslie Margaret Niklaus Olga Radia'.split(' ')
const lastNames =
  'Lovelace Turing Kowalski Åkesson García Hopper Dijkstra Tanaka Johnson Lamport Hamilton Wirth Perlman Okafor Nguyen'.split(' ')
const cities = ['Berlin', 'São Paulo', 'Kyoto', 'Lagos', 'Austin', 'Zürich', 'Kraków', 'Mumbai', 'Oslo', 'Lima', 'Seoul', 'Montréal']
const statuses = ['new', 'paid', 'packed', 'shipped', 'delivered', 'returned', 'cancelled']
const currencies = ['EUR', 'USD', 'GBP', 'JPY', 'CHF']
const notes = ['leave at the door', 'gift wrap, please', 'ring "twice"', 'fragile \\ glass', 'für Oma', 'no hurry']
const eventTypes = ['view', 'search', 'add_to_cart', 'checkout', 'purchase', 'leave']
const referrers = ['https://search.example/?q=shoes', 'https://news.example/a/1', 'https://social.example/@ada']
const experiments = ['control', 'blue', 'green']

// Made once: building text is most of what a record costs.
const fullNames = firstNames.flatMap((first) => lastNames.map((last) => `${first} ${last}`))
const halfCodes = Array.from({ length: 4096 }, (_, index) => hex8(hash(1, index)) + hex8(hash(2, index)))
const attributes = Array.from({ length: 4096 }, (_, index) => `{"a": ${index}, "b": "${pick(cities, index)}"}`)

import type { Client } from 'pg'

/** The demo's e-commerce schema: enums, arrays, jsonb, uuid, money, timestamps with zone. */
const schema = `
CREATE SCHEMA IF NOT EXISTS shop;
SET search_path = shop;
CREATE TYPE tier AS ENUM ('bronze', 'silver', 'gold');
CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped', 'cancelled');
CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, public_id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL, tier tier NOT NULL DEFAULT 'bronze',
  tags text[] NOT NULL DEFAULT '{}', preferences jsonb, credit numeric(12,2) NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE products (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku varchar(20) NOT NULL UNIQUE, name text NOT NULL, price numeric(10,2) NOT NULL, list_price money NOT NULL,
  categories text[] NOT NULL, attributes jsonb NOT NULL, weight_kg double precision, active boolean NOT NULL DEFAULT true);
CREATE TABLE orders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer_id bigint NOT NULL REFERENCES customers, status order_status NOT NULL DEFAULT 'placed', total money NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT now(), shipped_on date, note text);
CREATE TABLE order_items (
  order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE, line smallint NOT NULL, product_id int NOT NULL REFERENCES products, quantity int NOT NULL, unit_price numeric(10,2) NOT NULL,
  PRIMARY KEY (order_id, line));
CREATE TABLE page_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), customer_id bigint, kind text NOT NULL, url text NOT NULL, properties jsonb NOT NULL, scores real[]);
`

/** Tables that the connector captures, with their keys. */
export const shopTables = {
  customers: ['id'],
  products: ['id'],
  orders: ['id'],
  order_items: ['order_id', 'line'],
  page_events: ['id'],
} as const

/** Creates and fills the schema unless it is there. `scale` is the number of customers. Resolves with whether it was made now. */
export async function createShop(client: Client, scale: number): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(`SELECT to_regclass('shop.page_events') IS NOT NULL AS found`)
  if (rows[0]!.found) return false
  await client.query('BEGIN')
  await client.query(schema)
  await client.query(`
    INSERT INTO shop.customers (name, tier, tags, preferences, credit, created_at)
      SELECT 'Customer ' || n, (ARRAY['bronze','silver','gold'])[1 + n % 3]::shop.tier, CASE WHEN n % 4 = 0 THEN '{}' ELSE ARRAY['t' || n % 7, 'it''s "quoted"'] END,
             jsonb_build_object('newsletter', n % 2 = 0, 'language', (ARRAY['en','de','日本語'])[1 + n % 3]), n % 1000 + 0.25, '2020-01-01'::timestamptz + n * interval '61.000001 seconds'
      FROM generate_series(1, ${scale}) n;
    INSERT INTO shop.products (sku, name, price, list_price, categories, attributes, weight_kg, active)
      SELECT 'SKU-' || n, 'Product ' || n, n % 500 + 0.99, (n % 500 + 5)::numeric::money, ARRAY['c' || n % 5, NULL], jsonb_build_object('size', n % 10, 'price', n * 1.10), n / 7.0::float8, n % 11 <> 0
      FROM generate_series(1, ${Math.max(50, Math.floor(scale / 20))}) n;
    INSERT INTO shop.orders (customer_id, status, total, placed_at, shipped_on)
      SELECT 1 + n % ${scale}, (ARRAY['placed','paid','shipped','cancelled'])[1 + n % 4]::shop.order_status, (n % 900 + 0.5)::numeric::money, '2024-01-01'::timestamptz + n * interval '13.5 seconds',
             CASE WHEN n % 4 = 2 THEN '2024-01-02'::date + n % 300 END
      FROM generate_series(1, ${scale * 2}) n;
    INSERT INTO shop.order_items SELECT o.id, l, 1 + (l * 7) % 50, 1 + l % 3, l * 9.99 FROM shop.orders o, generate_series(1, 2) l;
    INSERT INTO shop.page_events (customer_id, kind, url, properties, scores)
      SELECT 1 + n % ${scale}, (ARRAY['view','cart','buy'])[1 + n % 3], '/p/' || n % 97, jsonb_build_object('ms', n % 1000, 'ref', NULL), ARRAY[n / 3.0, n]::real[] FROM generate_series(1, ${scale * 5}) n;`)
  await client.query('COMMIT')
  await client.query('ANALYZE')
  return true
}

/**
 * Writes to the shop for a while: orders with their items, status and credit changes, page events, deletions, changed keys, and once a new
 * column. Each tick is one transaction of about a tenth of a second's rows. Counts rows written.
 */
export class ShopTraffic {
  readonly #client: Client
  readonly #rowsPerSecond: number
  rows = 0
  transactions = 0
  schemaChanged = false

  constructor(client: Client, rowsPerSecond: number) {
    this.#client = client
    this.#rowsPerSecond = rowsPerSecond
  }

  /** One transaction of `ms` milliseconds' worth of rows. */
  async tick(ms: number): Promise<void> {
    const share = Math.max(1, Math.round((this.#rowsPerSecond * ms) / 1000 / 8))
    const results = await this.#client.query(`
      BEGIN;
      WITH o AS (INSERT INTO shop.orders (customer_id, total, note)
             SELECT id, (random() * 500)::numeric(8,2)::money, CASE WHEN random() < 0.3 THEN repeat('gift ', 3) END FROM shop.customers WHERE id > floor(random() * 900)::int ORDER BY id LIMIT ${share} RETURNING id)
        INSERT INTO shop.order_items SELECT o.id, l, 1 + floor(random() * 50)::int, l, 19.99 FROM o, generate_series(1, 2) l;
      COMMIT`)
    await this.#client.query('BEGIN')
    const counts = [
      await this.#run(
        `UPDATE shop.orders SET status = 'paid', note = coalesce(note, '') || '!' WHERE id IN (SELECT id FROM shop.orders WHERE status = 'placed' ORDER BY placed_at DESC LIMIT ${share})`,
      ),
      await this.#run(
        `UPDATE shop.customers SET credit = credit + (random() * 10)::numeric(4,2), preferences = preferences || '{"seen": true}' WHERE id IN (SELECT 1 + floor(random() * 900)::int FROM generate_series(1, ${share}))`,
      ),
      await this.#run(
        `INSERT INTO shop.page_events (customer_id, kind, url, properties, scores) SELECT n, 'view', '/live/' || n, jsonb_build_object('n', n, 'at', clock_timestamp()), ARRAY[random(), NULL]::real[] FROM generate_series(1, ${share * 2}) n`,
      ),
      await this.#run(`DELETE FROM shop.page_events WHERE id IN (SELECT id FROM shop.page_events ORDER BY id LIMIT ${share})`),
      await this.#run(
        `DELETE FROM shop.orders WHERE id IN (SELECT id FROM shop.orders WHERE status = 'cancelled' ORDER BY placed_at LIMIT ${Math.max(1, Math.floor(share / 4))})`,
      ),
      await this.#run(
        `UPDATE shop.order_items SET line = line + 100 WHERE (order_id, line) IN (SELECT order_id, line FROM shop.order_items WHERE line < 100 LIMIT 1)`,
      ),
    ]
    await this.#client.query('COMMIT')
    const inserted = (results as unknown as readonly { rowCount: number | null }[]).reduce((sum, result) => sum + (result.rowCount ?? 0), 0)
    this.rows += inserted + share + counts.reduce((sum, count) => sum + count, 0)
    this.transactions += 2
  }

  /** The schema change in mid-stream: a column is added and used. */
  async changeSchema(): Promise<void> {
    await this.#client.query('ALTER TABLE shop.customers ADD COLUMN IF NOT EXISTS loyalty_points int')
    await this.#client.query('UPDATE shop.customers SET loyalty_points = id::int * 10 WHERE id % 10 = 0')
    this.schemaChanged = true
  }

  async #run(sql: string): Promise<number> {
    return (await this.#client.query(sql)).rowCount ?? 0
  }
}
